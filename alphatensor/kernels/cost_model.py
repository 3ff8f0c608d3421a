"""Predicted run times: arithmetic of the products and memory traffic of the sums.

seconds = Σ operations / rate(dot) + Σ bytes / rate(add), with both rates measured once on the
device (Huang et al. 2016, section 4; Benson & Ballard 2015, section 3). It ranks candidates; what
is used is decided by measuring.
"""

import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization


class Rates(NamedTuple):
    """Of one device and dtype: floating-point operations/s of a dot, bytes/s of a sum."""

    dot: float
    add: float


@functools.cache
def measure_rates(dtype=jnp.float32, precision=None, size: int = 2048) -> Rates:
    """Times a dot and a sum of matrices of `size`, the best of five after one warm-up."""
    a = jnp.ones((size, size), dtype)
    dot = _seconds(jax.jit(lambda x: jnp.dot(x, x, precision=precision)), a)
    add = _seconds(jax.jit(lambda x: x + x.T), a)
    return Rates(2 * size**3 / dot, 3 * a.nbytes / add)


def _seconds(f, x) -> float:
    jax.block_until_ready(f(x))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        jax.block_until_ready(f(x))
        times.append(time.perf_counter() - begin)
    return min(times)


def seconds(f: Factorization, shape: tuple[int, int, int], dtype, rates: Rates) -> float:
    """Predicted time of one product of (N, M) and (M, P) matrices, sums unshared.

    A sum of k blocks reads k and writes one; a sum of one block costs nothing.
    """
    n, m, p = (x / s for x, s in zip(shape, f.sizes, strict=True))
    operations = 2.0 * f.rank * n * m * p
    width = jnp.dtype(dtype).itemsize
    touched = (
        _touched(f.u, axis=0) * n * m
        + _touched(f.v, axis=0) * m * p
        + _touched(f.w, axis=1) * n * p
    )
    return operations / rates.dot + touched * width / rates.add


def _touched(factor: np.ndarray, axis: int) -> int:
    """Blocks read and written by the sums that the columns (axis 0) or rows (axis 1) stand for."""
    terms = np.count_nonzero(factor, axis=axis)
    return int(np.sum(np.where(terms > 1, terms + 1, 0)))
