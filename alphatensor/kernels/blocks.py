"""Matrices as grids of blocks, and sums of blocks with integer or fractional coefficients."""

from collections.abc import Sequence
from fractions import Fraction

import chex
import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization, transforms
from alphatensor.factorization.analysis import straight_line


def split(x: jax.Array, rows: int, columns: int) -> list[jax.Array]:
    """Cuts a matrix into rows × columns equal blocks, in row-major order."""
    chex.assert_rank(x, 2)
    chex.assert_is_divisible(x.shape[0], rows)
    chex.assert_is_divisible(x.shape[1], columns)
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


def row_major_w(f: Factorization) -> np.ndarray:
    """Returns w (n·p, R) with its rows in the order of C's blocks; a factorization stores Cᵗ."""
    return transforms.row_major_w(f)


def scaled(x: jax.Array, c: int | Fraction) -> jax.Array:
    """Returns c·x; without a multiplication where c is 1 or -1."""
    if c in (1, -1):
        return x if c == 1 else -x
    c = c if hasattr(c, "denominator") else int(c)
    return x * (int(c) if c.denominator == 1 else float(c))


def add(x: jax.Array, y: jax.Array, c: int | Fraction) -> jax.Array:
    """Returns x + c·y; a subtraction where c is -1."""
    return x - y if c == -1 else x + scaled(y, c)


def combine(column: np.ndarray, blocks: Sequence[jax.Array], dtype) -> jax.Array | None:
    """Returns the sum of column[k]·blocks[k] in a dtype, or None where the column is zero."""
    total = None
    for c, x in zip(column.tolist(), blocks, strict=True):
        if c:
            x = x.astype(dtype)
            total = scaled(x, c) if total is None else add(total, x, c)
    return total


def evaluate(program: straight_line.Program, blocks: Sequence[jax.Array], dtype) -> list[jax.Array]:
    """Returns the sums of blocks, in a dtype, that a straight-line program stands for."""
    symbols = [x.astype(dtype) for x in blocks]
    for i, j, c in program.steps:
        symbols.append(add(symbols[i], symbols[j], c))
    zero = jnp.zeros_like(symbols[0])
    return [zero if s < 0 else scaled(symbols[s], c) for s, c in program.outputs]
