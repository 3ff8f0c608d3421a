"""Predicts run times from the arithmetic of the products and the memory traffic of the sums.

seconds = Σ operations / rate(dot) + Σ bytes / rate(add), with both rates measured once on the
device (Huang et al. 2016, section 4; Benson & Ballard 2015, section 3). The model ranks candidates;
which of them is used is decided by measuring.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.kernels import timing

SIZE = 2048  # rows and columns of the matrices that are timed


class Rates(NamedTuple):
    """Speed of one device for one dtype.

    Attributes:
      dot: floating-point operations/s of a matrix product.
      add: bytes/s that a sum of two matrices reads and writes.
    """

    dot: float
    add: float


@functools.cache
def measure_rates(dtype=jnp.float32, precision=None) -> Rates:
    """Times a product and a sum of square matrices, the best of five after one warm-up."""
    a = jnp.ones((SIZE, SIZE), dtype)
    dot = _least_seconds(jax.jit(lambda x: jnp.dot(x, x, precision=precision)), a)
    add = _least_seconds(jax.jit(lambda x: x + x.T), a)
    return Rates(2 * SIZE**3 / dot, 3 * a.nbytes / add)


def _least_seconds(f, x: jax.Array) -> float:
    jax.block_until_ready(f(x))
    return min(timing.seconds(f, (x,)) for _ in range(5))


def seconds(f: Factorization, shape: tuple[int, int, int], dtype, rates: Rates) -> float:
    """Predicts the seconds of one product of (N, M) and (M, P) matrices, with sums unshared.

    A sum of k blocks reads k and writes one; a sum of one block costs nothing.

    Args:
      f: the flattened algorithm.
      shape: (N, M, P) of the product.
      dtype: dtype of the matrices.
      rates: measured speed of the device.
    """
    n, m, p = (x / s for x, s in zip(shape, f.sizes, strict=True))
    operations = 2.0 * f.rank * n * m * p
    width = jnp.dtype(dtype).itemsize
    touched = (
        _blocks_touched(f.u, axis=0) * n * m
        + _blocks_touched(f.v, axis=0) * m * p
        + _blocks_touched(f.w, axis=1) * n * p
    )
    return operations / rates.dot + touched * width / rates.add


def _blocks_touched(factor: np.ndarray, axis: int) -> int:
    """Returns the blocks that the sums of the columns (axis 0) or rows (axis 1) read and write."""
    terms = np.count_nonzero(factor, axis=axis)
    return int(np.sum(np.where(terms > 1, terms + 1, 0)))
