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
MOST_NAMES = 120  # of formats below a picture


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
    """Writes a PNG: the library's ranks relative to AlphaTensor's and to the best known ones."""
    from matplotlib.figure import Figure

    published = {
        "AlphaTensor's": (published_ranks.ALPHATENSOR_Z, published_ranks.ALPHATENSOR_Z2),
        "the best known": (published_ranks.KNOWN_Z, published_ranks.KNOWN_Z2),
    }
    here = [store.verified_ranks(folder, domain, maximum) for domain in ("Z", "Z2")]
    shown = sorted(formats(maximum), key=math.prod)
    every = -(-len(shown) // MOST_NAMES)
    figure = Figure(figsize=(max(6, 0.16 * len(shown) / every), 6), layout="constrained")
    panels = figure.subplots(2, sharex=True)
    for axis, (whose, tables) in zip(panels, published.items(), strict=True):
        for domain, found, known, marker in zip(("Z", "Z2"), here, tables, "ox", strict=True):
            points = {
                i: 100 * (found[s] / known[s] - 1)
                for i, s in enumerate(shown)
                if s in found and s in known
            }
            axis.plot(points.keys(), points.values(), marker, markersize=4, label=f"over {domain}")
        axis.axhline(0, color="0.5", linewidth=0.8)
        axis.set_title(f"this library's ranks relative to {whose}", fontsize=9)
        axis.set_ylabel("difference, %")
        axis.legend()
    names = [targets.format_name(s) for s in shown[::every]]
    panels[-1].set_xticks(range(0, len(shown), every), names, rotation=90, fontsize=6)
    io.write(path, lambda png: figure.savefig(png, format="png", dpi=150))
