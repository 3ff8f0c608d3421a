"""Draws the picture of `agent.md`: Strassen's algorithm as a game, position by position.

python docs/draw_game.py   # writes docs/game.png
"""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from alphatensor import factorization as fz
from alphatensor.factorization.io import code


def residuals(f: fz.Factorization) -> list[np.ndarray]:
    """Returns what is left of the target before the first move and after each one."""
    moves = np.einsum("ir,jr,kr->rijk", *f.factors)
    return [f.target.tensor - moves[:r].sum(axis=0) for r in range(f.rank + 1)]


def draw(path: pathlib.Path) -> None:
    """Writes the picture: for each position the four slices of its residual, one for each of C."""
    f = fz.strassen()
    a, b, c = code.names(f)
    moves = [f"({x})({y})" for x, y in code.operands(f, a, b)]
    figure = Figure(figsize=(10, 7), layout="constrained")
    panels = figure.subfigures(2, 4, hspace=0.06, wspace=0.06)
    for r, (panel, residual) in enumerate(zip(panels.flat, residuals(f), strict=True)):
        title = f"{r}. {moves[r - 1]}" if r else "the target, 2×2 times 2×2"
        panel.suptitle(title, fontsize=9)
        axes = panel.subplots(2, 2).T.flat  # w holds C column by column
        for axis, entries, name in zip(axes, np.moveaxis(residual, 2, 0), c, strict=True):
            axis.imshow(entries, cmap="RdBu", vmin=-2, vmax=2)
            axis.set_title(name, fontsize=7)
            axis.set_xticks(np.arange(4), b, fontsize=5)
            axis.set_yticks(np.arange(4), a, fontsize=5)
            axis.tick_params(length=0, pad=1)
        left = np.count_nonzero(residual)
        panel.supxlabel(f"{left} entries left" if left else "nothing left: solved", fontsize=8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    draw(pathlib.Path(__file__).with_name("game.png"))
