"""Learning curves: the rows of curves.csv, and their picture."""

import csv
import io
import pathlib
from collections.abc import Sequence
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


def panels(names: set[str]) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Returns the titles of the four panels and the scalars in each, for those that a run has.

    A run on sums of terms shows by the number of terms how many sums were solved, and solved by
    other terms than their own; and the ranks of each target.
    """
    ranks = tuple(sorted(name for name in names if name.startswith("ranks/")))
    if not ranks:
        return PANELS
    solved = sorted(
        name for name in names if name.startswith("terms_") and name.endswith(("solved", "changed"))
    )
    losses = ("loss/policy_demonstrations", "loss/policy_terms")
    return (
        ("policy loss (nats)", losses),
        ("value loss", ("loss/value",)),
        ("share of sums solved, and by other terms", tuple(solved)),
        ("ranks, best and mean", ranks),
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
    """Reads the rows of a run's curves.csv, without empty cells; [] where there is none.

    Raises:
      ValueError: for a file that cannot be read or is no such table, in one line.
    """
    path = folder / NAME
    try:
        with path.open(newline="") as file:
            return [_row(cells) for cells in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, csv.Error) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: not the curves of a run ({reason}).") from None


def _row(cells: dict[str, str]) -> dict[str, float]:
    row = {name: int(x) if name in COUNTERS else float(x) for name, x in cells.items() if x}
    if lacking := {"seconds", *COUNTERS} - row.keys():
        raise ValueError(f"a row without {min(lacking)}")
    return row


def _label(name: str) -> str:
    section, _, rest = name.partition("/")
    is_of_terms = section.startswith("terms_")
    return f"{section.removeprefix('terms_')} terms, {rest}" if is_of_terms else rest


def draw(rows: Rows, file: BinaryIO) -> None:
    """Draws learning curves as PNG into a binary file."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    chosen_panels = panels({name for row in rows for name in row})
    for ax, (title, names) in zip(axes.flat, chosen_panels, strict=True):
        for name in names:
            chosen = [row for row in rows if name in row]
            x = [row["seconds"] for row in chosen]
            ax.plot(x, [row[name] for row in chosen], ".-", ms=4, lw=1, label=_label(name))
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
        if len(names) > 1:
            ax.legend(fontsize=8)
    for ax in axes[1]:
        ax.set_xlabel("seconds, compilation included")
    figure.savefig(file, dpi=110, format="png")
