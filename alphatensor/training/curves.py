"""Learning curves: the rows of curves.csv, and their picture."""

import csv
import io
import pathlib
from typing import BinaryIO

from matplotlib.figure import Figure

Rows = list[dict[str, float]]
NAME = "curves.csv"
COUNTERS = ("updates", "rounds")
PANELS = (
    ("policy loss (nats)", ("loss/policy",)),
    ("value loss", ("loss/value",)),
    ("solved share of games", ("games/solved",)),
    ("moves of solved games", ("games/best_rank", "games/mean_rank")),
)


def to_csv(rows: Rows) -> str:
    """Returns rows as CSV; a row's cells are empty where it lacks a name."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read(folder: pathlib.Path) -> Rows:
    """Reads the rows of a run's curves.csv, without empty cells; [] where there is none."""
    try:
        with (folder / NAME).open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    return [
        {name: int(x) if name in COUNTERS else float(x) for name, x in row.items() if x}
        for row in rows
    ]


def draw(rows: Rows, file: BinaryIO) -> None:
    """Draws learning curves as PNG into a binary file."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for ax, (title, names) in zip(axes.flat, PANELS, strict=True):
        for name in names:
            chosen = [row for row in rows if name in row]
            x = [row["seconds"] for row in chosen]
            ax.plot(x, [row[name] for row in chosen], ".-", ms=4, lw=1, label=name.split("/")[1])
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
        if len(names) > 1:
            ax.legend(fontsize=8)
    for ax in axes[1]:
        ax.set_xlabel("seconds, compilation included")
    figure.savefig(file, dpi=110, format="png")
