"""Multiplication tile by tile of C, so that the temporaries of all tiles share their memory.

On a CPU fresh memory costs more than the additions.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def grid(shape: tuple[int, int, int], sizes: tuple[int, int, int], tile: int) -> tuple[int, int]:
    """Returns how many rows and columns of tiles C is cut into.

    Args:
      shape: (N, M, P) of the product.
      sizes: (n, m, p) of the format; a tile has at least n rows and p columns.
      tile: rows and columns, about, of a tile.
    """
    rows, columns = (max(1, min(shape[k] // sizes[k], -(-shape[k] // tile))) for k in (0, 2))
    return rows, columns


def by_tiles(
    multiply: Callable[[jax.Array, jax.Array], jax.Array],
    a: jax.Array,
    b: jax.Array,
    grid: tuple[int, int],
) -> jax.Array:
    """Multiplies a (N, M) by b (M, P) in a loop over the tiles of C.

    Args:
      multiply: product of a (N / grid[0], M) and a (M, P / grid[1]) matrix.
      a, b: matrices whose rows and columns the grid divides.
      grid: rows and columns of tiles.
    """
    rows, columns = a.shape[0] // grid[0], b.shape[1] // grid[1]

    def body(step, c):
        i, j = step // grid[1] * rows, step % grid[1] * columns
        x = jax.lax.dynamic_slice_in_dim(a, i, rows, 0)
        y = jax.lax.dynamic_slice_in_dim(b, j, columns, 1)
        return jax.lax.dynamic_update_slice(c, multiply(x, y), (i, j))

    result = jax.eval_shape(multiply, a[:rows], b[:, :columns]).dtype
    c = jnp.zeros((a.shape[0], b.shape[1]), result)
    return jax.lax.fori_loop(0, grid[0] * grid[1], body, c)
