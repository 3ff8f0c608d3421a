"""Tables of a library's ranks beside published ones: as text, Markdown, CSV and a picture."""

import math
import os

from alphatensor import targets
from alphatensor.factorization import io
from alphatensor.factorization.library import published_ranks, store
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
    "known ZT",
    "known Z",
    "known Q",
)


def rows(folder: str | os.PathLike, maximum: int) -> list[tuple[str, ...]]:
    """Returns a row for each 2 ≤ n ≤ m ≤ p ≤ `maximum`; empty text where nothing is known.

    The library's ranks are verified. ZT stands for coefficients -1, 0 and 1.
    """
    here = [store.verified_ranks(folder, domain, maximum) for domain in ("Z2", "Z", "Q")]
    published = (published_ranks.ALPHATENSOR_Z2, published_ranks.ALPHATENSOR_Z)
    known_zt = {sizes: x.zt for sizes, x in published_ranks.KNOWN.items()}
    best = (published_ranks.KNOWN_Z2, known_zt, published_ranks.KNOWN_Z, published_ranks.KNOWN_Q)
    found = []
    for sizes in sorted(formats(maximum)):
        ranks = [math.prod(sizes), *(t.get(sizes, "") for t in (*here, *published, *best))]
        found.append((targets.format_name(sizes), *map(str, ranks)))
    return found


def text(folder: str | os.PathLike, maximum: int, markdown: bool = False) -> str:
    """Returns the table with aligned columns, or as Markdown."""
    lines = [COLUMNS, *rows(folder, maximum)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    cells = [[x.rjust(w) for x, w in zip(line, widths, strict=True)] for line in lines]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in cells) + "\n"
    rule = ["-" * (w - 1) + ":" for w in widths]
    return "\n".join("| " + " | ".join(line) + " |" for line in [cells[0], rule, *cells[1:]]) + "\n"


def write(path: str | os.PathLike, folder: str | os.PathLike, maximum: int) -> None:
    """Writes the table as `path` ends: drawn for `.png`, as `.md` or `.csv`, else as text."""
    if os.fspath(path).endswith(".png"):
        draw(folder, maximum, path)
    elif os.fspath(path).endswith(".csv"):
        lines = [COLUMNS, *rows(folder, maximum)]
        io.write_text(path, "".join(",".join(line) + "\n" for line in lines))
    else:
        io.write_text(path, text(folder, maximum, markdown=os.fspath(path).endswith(".md")))


def draw(folder: str | os.PathLike, maximum: int, path: str | os.PathLike) -> None:
    """Writes a PNG: the library's ranks over Z2 and Z relative to AlphaTensor's, by format."""
    from matplotlib.figure import Figure

    over_z, over_z2 = published_ranks.ALPHATENSOR_Z, published_ranks.ALPHATENSOR_Z2
    shown = [s for s in sorted(formats(maximum), key=math.prod) if s in over_z]
    figure = Figure(figsize=(max(6, 0.16 * len(shown)), 4), layout="constrained")
    axis = figure.subplots()
    series = (("Z", over_z, "o"), ("Z2", over_z2, "x"))
    for domain, published, marker in series:
        here = store.verified_ranks(folder, domain, maximum)
        points = [
            (i, 100 * (here[s] / published[s] - 1))
            for i, s in enumerate(shown)
            if s in here and s in published
        ]
        x, y = [i for i, _ in points], [percent for _, percent in points]
        axis.plot(x, y, marker, markersize=4, label=f"this library over {domain}")
    axis.axhline(0, color="0.5", linewidth=0.8)
    axis.set_xticks(range(len(shown)), [targets.format_name(s) for s in shown], rotation=90)
    axis.tick_params(axis="x", labelsize=6)
    axis.set_ylabel("rank above AlphaTensor's, %")
    axis.legend()
    io.write(path, lambda png: figure.savefig(png, format="png", dpi=150))
