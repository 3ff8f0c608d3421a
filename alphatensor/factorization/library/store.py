"""A folder of factorizations: the best one for each format and domain, with an index.

Files are named `3x3x4_Z.npz`, `4x4x4_Z2.npz`, `2x2x2_Q.npz`; matrix products are kept with
n ≤ m ≤ p, from which every other order follows exactly. `index.json` repeats rank, provenance and
costs, so that a table needs no arrays. Everything in the folder can be rebuilt from its `.npz`.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from alphatensor import rings, targets
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import costs, straight_line
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.io.parsing import FileError

INDEX = "index.json"
MAX_SHARED_RANK = 130  # beyond, counting shared additions takes too long for an index


class Added(NamedTuple):
    """What `add` did.

    Attributes:
      kept: whether the factorization is in the library now.
      message: one line that says why.
    """

    kept: bool
    message: str


def default_folder() -> pathlib.Path | None:
    """Returns the folder `factorizations/` of the checkout, or None where there is none."""
    folder = pathlib.Path(__file__).parents[3] / "factorizations"
    return folder if folder.is_dir() else None


def load_best(
    name: str, ring: rings.Ring | str = "Z", folder: str | os.PathLike | None = None
) -> Factorization:
    """Returns a library's best factorization of a target by its name.

    Args:
      name: sizes in any order, such as `'4x5x5'`, or another target, such as `'skew4'`.
      ring: a ring or its name; `'Q'` for a factorization with fractions.
      folder: the library; by default `default_folder()`.

    Raises:
      ValueError: if there is no such factorization, or no folder.
      FileError: for a damaged file.
    """
    folder = default_folder() if folder is None else folder
    if folder is None:
        raise ValueError(f"{name}: no library beside the package, expected a folder.")
    f = best(folder, name, ring)
    if f is None:
        raise ValueError(f"{name}: the library {os.fspath(folder)} has none over {ring}.")
    return f


def add(folder: str | os.PathLike, f: Factorization, replace_equal: bool = False) -> Added:
    """Verifies `f` and keeps it if it beats what the folder has for its format and domain.

    The file and the index are replaced atomically, under a lock; a damaged file is replaced and
    named.

    Args:
      folder: the library; made if it does not exist.
      f: what to add, in any order of its sizes.
      replace_equal: whether fewer non-zeros beat an equal rank; otherwise only a smaller rank does.

    Raises:
      ValueError: if `f` is not exact.
      FileError: if the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    check = f.verify()
    if not check.ok:
        raise ValueError(check.message)
    f = standard_order(f)
    path = folder / file_name(f)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made ({error.strerror}).") from None
    with _locked(folder):
        note = ""
        if path.exists():
            try:
                old = _load_one(path)
                figures = [(x.rank, sum(x.nonzeros) if replace_equal else 0) for x in (f, old)]
                if figures[0] >= figures[1]:
                    return Added(False, f"{path}: kept rank {old.rank}, given rank {f.rank}.")
                note = f" (was {old.rank})"
            except FileError as error:
                note = f" (replaced a damaged file: {error})"
        formats.save(path, f)
        _write_index(folder, index(folder) | {path.stem: entry(f)})
    return Added(True, f"{path}: rank {f.rank}{note}.")


def best(
    folder: str | os.PathLike, sizes: targets.Sizes | str, ring: rings.Ring | str = "Z"
) -> Factorization | None:
    """Returns the folder's factorization of a format in exactly the order asked for, or None.

    Args:
      folder: the library.
      sizes: (n, m, p) in any order, or a target's name, such as `'4x5x5'` or `'skew4'`.
      ring: a ring or its name; `'Q'` for one with fractions.

    Raises:
      FileError: for a damaged file, in one line.
    """
    name = ring if isinstance(ring, str) else ring.name
    if isinstance(sizes, str):
        with contextlib.suppress(ValueError):  # the name of another target
            sizes = targets.parse_sizes(sizes)
    stem = sizes if isinstance(sizes, str) else targets.format_name(sorted(sizes))
    path = pathlib.Path(folder) / f"{stem}_{name}.npz"
    if not path.exists():
        return None
    f = _load_one(path)
    return f if f.sizes is None else transforms.permute_sizes(f, tuple(sizes))


def index(folder: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """Reads the index: `'3x3x4_Z'` → rank, costs and provenance, as in `entry`.

    A folder without an index has an empty one.

    Raises:
      FileError: for a damaged index.
    """
    path = pathlib.Path(folder) / INDEX
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not all("rank" in value for value in data.values()):
            raise ValueError("entries without a rank")
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise FileError(f"{path}: not an index ({reason}); rebuild it with `reindex`.") from None
    return data


def reindex(folder: str | os.PathLike) -> list[str]:
    """Rebuilds the index from the files; returns one line for each file that is damaged."""
    folder = pathlib.Path(folder)
    problems, entries = [], {}
    with _locked(folder):
        for path in sorted(folder.glob("*.npz")):
            try:
                entries[path.stem] = entry(_load_one(path))
            except FileError as error:
                problems.append(str(error))
        _write_index(folder, entries)
    return problems


def ranks(folder: str | os.PathLike, domain: str = "Z") -> dict[targets.Sizes, int]:
    """Returns the folder's ranks over one domain, by sorted format."""
    found = {}
    for key, value in index(folder).items():
        if match := re.fullmatch(rf"(\d+x\d+x\d+)_{domain}", key):
            found[targets.parse_sizes(match[1])] = value["rank"]
    return found


def entry(f: Factorization) -> dict[str, Any]:
    """Returns the index's entry for a factorization: its rank, costs and provenance.

    Figures without a meaning are left out, and shared additions beyond rank `MAX_SHARED_RANK`.
    """
    trials = straight_line.TRIALS if f.rank <= MAX_SHARED_RANK else 0
    c = costs.measure(f, trials)
    figures = {
        "additions_naive": c.additions_naive,
        "additions_shared": c.additions_shared,
        "nonzeros": sum(c.nonzeros),
        "largest_coefficient": str(c.largest_coefficient),
        "omega": c.omega and round(c.omega, 4),
        "e_max": c.e_max and round(c.e_max, 3),
        "gamma": c.gamma and round(c.gamma, 3),
        "phi": c.phi and round(c.phi, 3),
    }
    known = {key: value for key, value in figures.items() if value is not None}
    return {"rank": f.rank, **known, "provenance": dict(f.provenance)}


def standard_order(f: Factorization) -> Factorization:
    """Returns the same algorithm for the sorted format."""
    return f if f.sizes is None else transforms.permute_sizes(f, tuple(sorted(f.sizes)))


def file_name(f: Factorization) -> str:
    """Returns the name of the file that holds `f`, such as `'3x3x4_Z.npz'`."""
    name = pathlib.PurePath(f.target.name).stem
    return f"{name}_{f.domain}.npz"


def _load_one(path: pathlib.Path) -> Factorization:
    """Reads the one factorization of a file, which must be what the file's name says."""
    fs = formats.load(path)
    if len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: expected one.")
    if file_name(fs[0]) != path.name:
        raise FileError(f"{path}: holds {fs[0].target.name} over {fs[0].domain}.")
    return fs[0]


def _write_index(folder: pathlib.Path, data: dict) -> None:
    def natural(item):
        return [int(x) if x.isdigit() else 0 for x in re.split(r"[x_]", item[0])], item[0]

    lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(data.items(), key=natural)]
    formats.write_text(folder / INDEX, "{\n" + ",\n".join(lines) + "\n}\n")


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Lets one writer in at a time, also among processes."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FileError(f"{folder}: cannot be opened ({error.strerror}).") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
