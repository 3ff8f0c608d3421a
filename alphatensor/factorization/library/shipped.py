"""The library that travels with the package: one call loads an algorithm, one lists what there is.

import alphatensor

f = alphatensor.load("4x5x5")
print(alphatensor.library())
"""

import math
import os

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.library import published_ranks, store
from alphatensor.files import FileError

RINGS = ("Z", "Z2", "Q")  # the columns that every table has


class Table(dict[str, dict[str, int]]):
    """What a library holds: target → ring → rank, in the order of sizes; printed as a table.

    The printed table has the naive rank as well, and published ones beside those of `here`.
    """

    def __repr__(self) -> str:
        columns = [*RINGS, *sorted({r for ranks in self.values() for r in ranks} - {*RINGS})]
        head = ("format", "naive", *(f"here {r}" for r in columns), "AlphaTensor Z", "known Z")
        rows = [head]
        for name, ranks in self.items():
            sizes = _sizes(name)
            naive = sizes[0] * sizes[1] * sizes[2] if sizes else ""
            others = (published_ranks.ALPHATENSOR_Z, published_ranks.KNOWN_Z)
            published = [ranks_there.get(sizes, "") for ranks_there in others]
            rows.append((name, naive, *(ranks.get(r, "") for r in columns), *published))
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(head))]
        lines = ["  ".join(str(x).rjust(w) for x, w in zip(r, widths, strict=True)) for r in rows]
        return "\n".join(line.rstrip() for line in lines)


def load(
    name: str | os.PathLike, ring: rings.Ring | str = "Z", folder: str | os.PathLike | None = None
) -> Factorization:
    """Returns the best algorithm for a target by its name, or the one in a file; exact in any case.

    Example::

        load("4x5x5")                # from the library, over Z
        load("5x4x5", ring="Z2")     # in exactly this order of sizes, mod 2
        load("4x5x5", folder="runs/library")
        load("runs/quickstart/2x2x2_Z.npz")

    Text without a dot or a slash is the name of a target, even where a file has that name; so is
    the `.npy` file of a tensor of one's own. Other text, and every `pathlib.Path`, is a file.

    Args:
      name: a target such as `'4x5x5'` or `'skew4'`, or the path of a file with one algorithm.
      ring: a ring or its name: `'Z'`, `'Z2'`, ...; `'Q'` for the best one with or without
        fractions. For a file it is the ring where the file says none.
      folder: a library that takes precedence: what it has is returned, and what it lacks comes from
        the library that travels with the package.

    Raises:
      FileError: for a file that cannot be used, holds several algorithms, or one that is not exact.
      ValueError: for text that names no target or no ring, or where no library has the target.
    """
    is_over_q = ring == "Q"
    of_file = rings.parse("Z" if is_over_q else ring) if isinstance(ring, str) else ring
    if _is_file(name):
        return _from_file(name, of_file)
    domains = ("Q", "Z") if is_over_q else (ring,)
    for place in (folder, store.default_folder()):
        found = [] if place is None else [store.best(place, name, domain) for domain in domains]
        if found := [f for f in found if f is not None]:
            return min(found, key=lambda f: f.rank)
    return store.load_best(name, ring)  # which says what is missing


def library(folder: str | os.PathLike | None = None, largest: int | None = None) -> Table:
    """Returns the table of what there is: `library()["4x5x5"]["Z"]` is a rank.

    Formats have sorted sizes; `load` takes any order. Ranks are those of the index, which are
    compared with the check sums of the files; `load` verifies what it returns.

    Args:
      folder: a library that takes precedence, as in `load`.
      largest: the largest size of the formats that are listed; None for all, and other targets.
    """
    merged: dict[str, dict[str, int]] = {}
    for place in (store.default_folder(), folder):
        for stem, entry in store.index(place).items() if place is not None else ():
            name, _, domain = stem.rpartition("_")
            merged.setdefault(name, {})[domain] = entry["rank"]
    listed = (x for x in merged if largest is None or max(_sizes(x) or (math.inf,)) <= largest)
    return Table((name, merged[name]) for name in sorted(listed, key=_order))


def _is_file(name: str | os.PathLike) -> bool:
    """Tells whether `load` takes what it is given for the path of a file with an algorithm."""
    if not isinstance(name, str):
        return True
    return not name.endswith(".npy") and any(mark in name for mark in "./\\")


def _from_file(path: str | os.PathLike, ring: rings.Ring) -> Factorization:
    """Returns the one exact factorization of a file; raises `FileError`."""
    found = formats.load_exact(path, ring)
    if len(found) != 1:
        raise FileError(
            f"{os.fspath(path)}: {len(found)} factorisations, expected one; "
            "alphatensor.factorization.load reads them all."
        )
    return found[0]


def _sizes(name: str) -> targets.Sizes | None:
    try:
        return targets.parse_sizes(name)
    except ValueError:
        return None


def _order(name: str) -> tuple:
    """Sorts formats by their sizes, as numbers, before other targets by name."""
    sizes = _sizes(name)
    return (sizes is None, sizes or (0, 0, 0), name)
