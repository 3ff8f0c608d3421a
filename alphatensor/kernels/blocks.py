"""Block kernels: one bilinear algorithm applied to two matrices whose sizes divide evenly.

unrolled     one dot for each product; shared sums become temporaries; every output block is
             written once (as in the published benchmark of AlphaTensor, with sharing).
stacked      all left sums, all right sums, one batched `dot_general`.
sequential   the products one after the other, each added to the blocks of C that need it.
loop         the same as a loop that carries C: one sum of each side and one product are alive at a
             time, so that it needs the least memory, and its pages are used again.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import straight_line as schedule

SCHEDULES = ("unrolled", "stacked", "sequential", "loop")


def multiply(a, b, f: Factorization, name: str, precision, operand, accumulator, result):
    """Product (N, P) of a (N, M) and b (M, P), sizes that the format's divide.

    Args:
      operand: dtype of the products' operands; accumulator: of sums and products; result: of C.
    """
    n, m, p = f.sizes
    left, right = _split(a, n, m), _split(b, m, p)
    dot = functools.partial(jnp.matmul, precision=precision, preferred_element_type=accumulator)
    sums = functools.partial(_evaluate, dtype=accumulator)
    if name == "loop":
        return _looped(a, b, f, dot, operand, accumulator).astype(result)
    if name == "sequential":
        blocks = _sequential(a, b, f, dot, operand, accumulator)
    else:
        s = [x.astype(operand) for x in sums(schedule.straight_line(f.u.T), left)]
        t = [x.astype(operand) for x in sums(schedule.straight_line(f.v.T), right)]
        if name == "stacked":
            products = list(dot(jnp.stack(s), jnp.stack(t)))
        else:
            products = [dot(x, y) for x, y in zip(s, t, strict=True)]
        blocks = sums(schedule.straight_line(_row_major(f)), products)
    return _join([x.astype(result) for x in blocks], n, p)


def tiled(multiply_tile, a, b, grid: tuple[int, int]):
    """Tiles of C, grid[0] by grid[1], one after the other: their temporaries share memory.

    Args:
      multiply_tile: function of a (N / grid[0], M) and b (M, P / grid[1]).
    """
    rows, columns = a.shape[0] // grid[0], b.shape[1] // grid[1]

    def body(step, c):
        i, j = step // grid[1] * rows, step % grid[1] * columns
        x = jax.lax.dynamic_slice_in_dim(a, i, rows, 0)
        y = jax.lax.dynamic_slice_in_dim(b, j, columns, 1)
        return jax.lax.dynamic_update_slice(c, multiply_tile(x, y), (i, j))

    result = jax.eval_shape(multiply_tile, a[:rows], b[:, :columns]).dtype
    c = jnp.zeros((a.shape[0], b.shape[1]), result)
    return jax.lax.fori_loop(0, grid[0] * grid[1], body, c)


def _row_major(f: Factorization) -> np.ndarray:
    """w with its rows in the order of the blocks of C: the convention stores them transposed."""
    n, _, p = f.sizes
    return f.w.reshape(p, n, -1).transpose(1, 0, 2).reshape(n * p, -1)


def _split(x, rows: int, columns: int) -> list:
    height, width = x.shape[0] // rows, x.shape[1] // columns
    return [
        x[i * height : (i + 1) * height, j * width : (j + 1) * width]
        for i in range(rows)
        for j in range(columns)
    ]


def _join(blocks: list, rows: int, columns: int):
    height, width = blocks[0].shape
    stacked = jnp.stack(blocks).reshape(rows, columns, height, width)
    return stacked.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)


def _scaled(x, c):
    if c in (1, -1):
        return x if c == 1 else -x
    c = c if hasattr(c, "denominator") else int(c)
    return x * (int(c) if c.denominator == 1 else float(c))


def _add(x, y, c):
    return x - y if c == -1 else x + _scaled(y, c)


def _evaluate(program: schedule.Program, blocks: list, dtype) -> list:
    symbols = [x.astype(dtype) for x in blocks]
    for i, j, c in program.steps:
        symbols.append(_add(symbols[i], symbols[j], c))
    zero = jnp.zeros_like(symbols[0])
    return [zero if s < 0 else _scaled(symbols[s], c) for s, c in program.outputs]


def _combine(column, blocks: list, dtype):
    total = None
    for c, x in zip(column.tolist(), blocks, strict=True):
        if c:
            x = x.astype(dtype)
            total = _scaled(x, c) if total is None else _add(total, x, c)
    return total


def _looped(a, b, f: Factorization, dot, operand, accumulator):
    n, m, p = f.sizes
    w = _row_major(f)
    height, width = a.shape[0] // n, b.shape[1] // p

    def product(r: int):
        def add(c):
            s = _combine(f.u[:, r], _split(a, n, m), accumulator).astype(operand)
            t = _combine(f.v[:, r], _split(b, m, p), accumulator).astype(operand)
            x = dot(s, t)
            for k in np.flatnonzero(w[:, r]):
                at = (k // p * height, k % p * width)
                block = jax.lax.dynamic_slice(c, at, (height, width))
                c = jax.lax.dynamic_update_slice(c, _add(block, x, w[k, r]), at)
            return c

        return add

    branches = [product(r) for r in range(f.rank)]
    c = jnp.zeros((a.shape[0], b.shape[1]), accumulator)
    return jax.lax.fori_loop(0, f.rank, lambda r, c: jax.lax.switch(r, branches, c), c)


def _sequential(a, b, f: Factorization, dot, operand, accumulator) -> list:
    n, m, p = f.sizes
    w = _row_major(f)
    shape = (a.shape[0] // n, b.shape[1] // p)
    blocks: list = [None] * (n * p)
    for r in range(f.rank):
        s = _combine(f.u[:, r], _split(a, n, m), accumulator).astype(operand)
        t = _combine(f.v[:, r], _split(b, m, p), accumulator).astype(operand)
        product = dot(s, t)
        for k in np.flatnonzero(w[:, r]):
            c = w[k, r]
            blocks[k] = _scaled(product, c) if blocks[k] is None else _add(blocks[k], product, c)
        # The next sums wait for this product: few are alive at a time.
        a, b, blocks = jax.lax.optimization_barrier((a, b, blocks))
    return [jnp.zeros(shape, accumulator) if x is None else x for x in blocks]
