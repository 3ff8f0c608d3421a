"""Pictures of U, V and W as coloured grids."""

import io
import math
import os

import numpy as np

from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.io.code import header
from alphatensor.files import FileError


def draw(f: Factorization, path: str | os.PathLike) -> None:
    """Writes a PNG: one column for each multiplication, one row for each entry of A, B and C.

    Blue is negative, white zero, red positive. Raises `FileError` if the file cannot be written.
    """
    formats.write(path, lambda file: file.write(png(f)))


def png(f: Factorization) -> bytes:
    """Returns the bytes of the PNG that `draw` writes, for notebooks."""
    content = io.BytesIO()
    figure(f).savefig(content, format="png", dpi=150, bbox_inches="tight")
    return content.getvalue()


def figure(f: Factorization):
    """Returns the picture that `draw` writes as a `matplotlib.figure.Figure`."""
    if not f.is_real:
        raise FileError(f"{f.target.title}: Gaussian coefficients cannot be drawn, only real ones.")
    from matplotlib import colors
    from matplotlib.figure import Figure

    factors = [np.array(x, np.float64) for x in f.factors]
    limit = max(1, math.ceil(max(np.abs(x).max() for x in factors)))
    rows = sum(len(x) for x in factors)
    width = min(16, max(4, 0.18 * f.rank + 1.5))
    height = min(24, max(4, width * rows / max(f.rank, 1) * 0.9 + 1.5))
    result = Figure(figsize=(width, height), layout="constrained")
    axes = result.subplots(3, 1, sharex=True, height_ratios=[len(x) for x in factors])
    scale = colors.Normalize(-limit, limit)
    for axis, name, factor in zip(axes, "UVW", factors, strict=True):
        rows, rank = factor.shape
        extent = (0.5, rank + 0.5, rows - 0.5, -0.5)
        image = axis.imshow(
            factor, cmap="RdBu_r", norm=scale, aspect="auto", interpolation="none", extent=extent
        )
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([])
        if f.rank <= 128:
            axis.set_xticks(np.arange(f.rank) + 0.5, minor=True)
            axis.set_yticks(np.arange(len(factor)) - 0.5, minor=True)
            axis.grid(which="minor", color="0.85", linewidth=0.4)
            axis.tick_params(which="minor", length=0)
    axes[-1].set_xlabel("multiplication")
    result.suptitle(header(f), fontsize=10)
    ticks = list(range(-limit, limit + 1)) if limit <= 4 else None
    result.colorbar(image, ax=list(axes), shrink=0.6, ticks=ticks)
    return result
