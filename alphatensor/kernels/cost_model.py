"""Predicts run times from the arithmetic of the products and the memory traffic of the sums.

`Work` counts what a product does: operations, bytes, blocks. `Rates` and `Weights` say what each of
these costs on a device (Huang et al. 2016, section 4; Benson & Ballard 2015, section 3).

  Rates    two speeds, measured in a second: they rank the candidates of one shape, and which of
           them is used is decided by measuring.
  Weights  fitted to measured gains over `jnp.dot` (`kernels.calibration`): they choose for shapes
           that were never measured.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.kernels import timing

SIZE = 2048  # rows and columns of the matrices, or blocks of matrices, that are timed
Shape = tuple[int, int, int]


class Rates(NamedTuple):
    """Speed of one device for one dtype.

    Attributes:
      dot: floating-point operations/s of a matrix product.
      add: bytes/s that a sum of two matrices reads and writes.
    """

    dot: float
    add: float


class Work(NamedTuple):
    """What one matrix product does.

    Attributes:
      operations: floating-point operations of products, of `jnp.dot` or of blocks.
      large: operations times log2(size / 1024) of products above that size, which caches hold less.
      rows: operations times log2(rows / 2048) of products with more rows, which CPUs do slower.
      operands: bytes of the operands and results of products, which small products wait for.
      sums: bytes that sums of blocks read and write.
      fresh: bytes of the result and of temporaries, which are new memory.
      products: number of products.
    """

    operations: float
    large: float
    rows: float
    operands: float
    sums: float
    fresh: float
    products: float


# Seconds of each field of `Work`, up to a common factor.
Weights = Work


@functools.cache
def measure_rates(dtype=jnp.float32, precision=None) -> Rates:
    """Times a product and a sum of blocks of square matrices, the best of five after a warm-up."""
    a, larger = (jnp.ones((size, size), dtype) for size in (SIZE, 2 * SIZE))
    dot = _least_seconds(jax.jit(lambda x: jnp.dot(x, x, precision=precision)), a)
    add = _least_seconds(jax.jit(lambda x: x[:SIZE, :SIZE] + x[SIZE:, SIZE:]), larger)
    return Rates(2 * SIZE**3 / dot, 3 * a.nbytes / add)


def _least_seconds(f, x: jax.Array) -> float:
    jax.block_until_ready(f(x))
    return min(timing.seconds(f, (x,)) for _ in range(5))


def seconds(work: Work, rates: Rates) -> float:
    """Predicts the seconds of a product from two speeds."""
    return work.operations / rates.dot + work.sums / rates.add


def work_of_dot(shape: Shape, dtype) -> Work:
    """Counts what `jnp.dot` does for (N, M) and (M, P) matrices."""
    n, m, p = shape
    width = jnp.dtype(dtype).itemsize
    operations = 2.0 * n * m * p
    return Work(
        operations=operations,
        large=operations * max(0.0, math.log2(max(operations, 1) / (2 * 1024**3)) / 3),
        rows=operations * max(0.0, math.log2(max(n, 1) / 2048)),
        operands=width * (n * m + m * p + n * p),
        sums=0.0,
        fresh=width * n * p,
        products=1.0,
    )


def work_of(levels: Sequence[Factorization], shape: Shape, dtype) -> Work:
    """Counts what an algorithm does for (N, M) and (M, P) matrices, with sums unshared.

    A sum of k blocks reads k and writes one; a sum of one block costs nothing. Rows and columns
    that do not divide evenly are ordinary products, and C is copied for each side of them.

    Args:
      levels: the algorithm of each level, outermost first.
      shape: (N, M, P), each at least as large as the format of all levels.
      dtype: dtype of the matrices.
    """
    formats = [math.prod(f.sizes[mode] for f in levels) for mode in range(3)]
    n, m, p = (size // step for size, step in zip(shape, formats, strict=True))
    width, rank = jnp.dtype(dtype).itemsize, math.prod(f.rank for f in levels)
    one = work_of_dot((n, m, p), dtype)
    left, right, result = (_blocks_touched([_terms(f)[k] for f in levels]) for k in range(3))
    even = tuple(size * step for size, step in zip((n, m, p), formats, strict=True))
    whole = Work(*(rank * x for x in one))._replace(
        sums=width * float(left * n * m + right * m * p + result * n * p),
        fresh=width * float(even[0] * even[2] + n * m + m * p + n * p),
    )
    return _with_borders(whole, shape, even, dtype)


def _with_borders(work: Work, shape: Shape, even: Shape, dtype) -> Work:
    (n, m, p), (n0, m0, p0) = shape, even
    width = jnp.dtype(dtype).itemsize
    copied = width * 2.0 * n * p
    sides = ((n0, m - m0, p0), (n0, m, p - p0), (n - n0, m, p))
    for side in sides:
        if min(side):
            border = work_of_dot(side, dtype)
            work = Work(*(x + y for x, y in zip(work, border, strict=True)))
            work = work._replace(sums=work.sums + copied, fresh=work.fresh + copied / 2)
    return work


def _terms(f: Factorization) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the numbers of blocks in the left sums, the right sums and the blocks of C."""
    factors = ((f.u, 0), (f.v, 0), (f.w, 1))
    return tuple(np.count_nonzero(factor, axis=axis) for factor, axis in factors)


def _blocks_touched(terms: Sequence[np.ndarray]) -> int:
    """Returns the blocks that sums read and write, from the terms of the sums of each level."""
    flat = functools.reduce(lambda x, y: np.multiply.outer(x, y).ravel(), terms)
    return int(np.sum(np.where(flat > 1, flat + 1, 0)))
