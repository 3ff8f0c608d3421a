"""Matrices as grids of blocks."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def split(x: jax.Array, rows: int, columns: int) -> list[jax.Array]:
    """Cuts a matrix into rows × columns equal blocks, in row-major order."""
    if x.ndim != 2 or x.shape[0] % rows or x.shape[1] % columns:
        raise ValueError(f"split: shape {x.shape}, expected multiples of {rows} and {columns}.")
    height, width = x.shape[0] // rows, x.shape[1] // columns
    return [
        x[i * height : (i + 1) * height, j * width : (j + 1) * width]
        for i in range(rows)
        for j in range(columns)
    ]


def join(blocks: Sequence[jax.Array], rows: int, columns: int) -> jax.Array:
    """Puts rows × columns equal blocks in row-major order together: the inverse of `split`."""
    height, width = blocks[0].shape
    stacked = jnp.stack(blocks).reshape(rows, columns, height, width)
    return stacked.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
