"""The ranks of a library beside published ones: as text, Markdown and a picture."""

import io
import math
import os

from alphatensor.factorization.io import exchange
from alphatensor.factorization.library import published_ranks as known
from alphatensor.factorization.library import store as library
from alphatensor.factorization.library.recombination import formats

COLUMNS = (
    "format",
    "naive",
    "here Z2",
    "here Z",
    "here Q",
    "AlphaTensor Z2",
    "AlphaTensor Z",
    "known Z2",
    "known Z",
    "known Q",
)


def rows(folder: str | os.PathLike, maximum: int) -> list[tuple[str, ...]]:
    """One row of `COLUMNS` for each 2 ≤ n ≤ m ≤ p ≤ `maximum`; empty text where nothing is known.

    Raises `FileError` for a damaged index.
    """
    here = [library.ranks(folder, domain) for domain in ("Z2", "Z", "Q")]
    published = (known.ALPHATENSOR_Z2, known.ALPHATENSOR_Z)
    best = (known.KNOWN_Z2, known.KNOWN_Z, known.KNOWN_Q)
    found = []
    for sizes in sorted(formats(maximum)):
        ranks = [math.prod(sizes), *(t.get(sizes, "") for t in (*here, *published, *best))]
        found.append(("x".join(map(str, sizes)), *map(str, ranks)))
    return found


def text(folder: str | os.PathLike, maximum: int, markdown: bool = False) -> str:
    """The table with aligned columns, or as Markdown."""
    lines = [COLUMNS, *rows(folder, maximum)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    cells = [[x.rjust(w) for x, w in zip(line, widths, strict=True)] for line in lines]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in cells) + "\n"
    rule = ["-" * (w - 1) + ":" for w in widths]
    return "\n".join("| " + " | ".join(line) + " |" for line in [cells[0], rule, *cells[1:]]) + "\n"


def draw(folder: str | os.PathLike, maximum: int, path: str | os.PathLike) -> None:
    """A PNG: the library's ranks over Z2 and Z relative to AlphaTensor's, by format."""
    from matplotlib.figure import Figure

    shown = [s for s in sorted(formats(maximum), key=math.prod) if s in known.ALPHATENSOR_Z]
    figure = Figure(figsize=(max(6, 0.16 * len(shown)), 4), layout="constrained")
    axis = figure.subplots()
    series = (("Z", known.ALPHATENSOR_Z, "o"), ("Z2", known.ALPHATENSOR_Z2, "x"))
    for domain, published, marker in series:
        here = library.ranks(folder, domain)
        points = [
            (i, 100 * (here[s] / published[s] - 1))
            for i, s in enumerate(shown)
            if s in here and s in published
        ]
        axis.plot(*_columns(points), marker, markersize=4, label=f"this library over {domain}")
    axis.axhline(0, color="0.5", linewidth=0.8)
    axis.set_xticks(range(len(shown)), ["x".join(map(str, s)) for s in shown], rotation=90)
    axis.tick_params(axis="x", labelsize=6)
    axis.set_ylabel("rank above AlphaTensor's, %")
    axis.legend()
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    exchange.write_with(path, lambda file: file.write(png.getvalue()))


def _columns(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
