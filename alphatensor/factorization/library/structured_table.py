"""The table of a library's algorithms for other targets than formats, beside the known ranks.

The known ranks are those of `known_structured.csv`, over Z and over Q, with their sources.
"""

import csv
import functools
import os
import pathlib
import re
from typing import NamedTuple

from alphatensor import rings, targets
from alphatensor.factorization.analysis import recursion
from alphatensor.factorization.library import exact_files, store
from alphatensor.factorization.textbook import entrywise

COLUMNS = (
    "target",
    "what",
    "naive",
    "here Z2",
    "here Z",
    "here Q",
    "known Z",
    "known Q",
    "recursive calls",
)
_FAMILIES = {
    "skew": "skew-symmetric matrix · vector",
    "cyclic": "cyclic convolution",
    "poly": "product of polynomials",
    "complex": "product of complex matrices",
}


class Known(NamedTuple):
    """The best known ranks of a target over the integers and the rationals, and their source."""

    z: int
    q: int
    source: str


@functools.cache
def known() -> dict[str, Known]:
    """Returns the known ranks by the target's name."""
    with open(pathlib.Path(__file__).with_name("known_structured.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["target"]: Known(int(row["Z"]), int(row["Q"]), row["source"]) for row in rows}


def rows(folder: str | os.PathLike) -> list[tuple[str, ...]]:
    """Returns a row for each target that the library holds; empty text where nothing is known.

    Every algorithm is verified. One over Q stands there where its rank is below that of the one
    over Z. Recursive calls are those of the one over Z.
    """
    held: dict[str, dict[str, int | None]] = {}
    calls: dict[str, int | None] = {}
    for path in sorted(exact_files.folder_of(folder).glob("*_[QZ]*.npz")):
        name, _, domain = path.stem.rpartition("_")
        if domain not in ("Q", "Z", "Z2") or not targets.means_known(name) or "0" <= name[0] <= "9":
            continue
        f = store.best(folder, name, domain)
        if f is not None:
            held.setdefault(name, {})[domain] = f.rank
            if domain == "Z":
                calls[name] = recursion.recursive_calls(f)
    found = []
    for name in sorted(held, key=_order):
        ranks, best = held[name], known().get(name)
        naive = entrywise(targets.named(name), rings.Integers()).rank
        figures = [naive, ranks.get("Z2"), ranks.get("Z")]
        figures.append(ranks.get("Q") if ranks.get("Q", naive) < ranks.get("Z", naive) else None)
        figures += best[:2] if best else (None, None)
        figures.append(calls.get(name))
        found.append((name, _title(name), *("" if x is None else str(x) for x in figures)))
    return found


def text(folder: str | os.PathLike) -> str:
    """Returns the table as Markdown."""
    lines = [COLUMNS, *rows(folder)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    cells = [[x.ljust(w) for x, w in zip(line, widths, strict=True)] for line in lines]
    rule = ["-" * w for w in widths]
    return "\n".join("| " + " | ".join(line) + " |" for line in [cells[0], rule, *cells[1:]]) + "\n"


def _title(name: str) -> str:
    product = targets.structure_of(name)
    return product.title if product else _FAMILIES[name.rstrip("0123456789")]


def _order(name: str) -> tuple[bool, str, int]:
    letters, size = re.fullmatch(r"([a-z]+)([0-9]+)", name).groups()
    return targets.structure_of(name) is None, letters, int(size)
