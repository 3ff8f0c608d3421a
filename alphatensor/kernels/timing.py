"""Run times of kernels: interleaved pairs in one process, on independent operands."""

import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.kernels.compile import compile_matmul


class Pairs(NamedTuple):
    """Medians over interleaved pairs; ratio: baseline seconds over candidate seconds."""

    ratio: float
    lower: float
    upper: float
    baseline_seconds: float
    seconds: float


def operands(shape: tuple[int, int, int], dtype, seed: int = 0) -> tuple[jax.Array, jax.Array]:
    """Standard normal a (N, M) and b (M, P)."""
    n, m, p = shape
    left, right = jax.random.split(jax.random.key(seed))
    return jax.random.normal(left, (n, m), dtype), jax.random.normal(right, (m, p), dtype)


def paired(baseline: Callable, candidate: Callable, args, repeats: int = 7) -> Pairs:
    """Times A B A B …, after one warm-up each; lower and upper are the quartiles of the ratio."""
    for f in (baseline, candidate):
        jax.block_until_ready(f(*args))
    times = np.array([[seconds(f, args) for f in (baseline, candidate)] for _ in range(repeats)])
    lower, ratio, upper = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    return Pairs(float(ratio), float(lower), float(upper), *map(float, np.median(times, axis=0)))


def speedup(u, v, w, size: int, dtype=jnp.float32, repeats: int = 5, **options) -> float:
    """Measured speed-up over `jnp.dot` of an algorithm for n×n×n blocks, as a reward can use it.

    Args:
      u, v, w: factors (n², R) of a square format over the integers.
      options: as in `compile_matmul`.
    """
    n = int(round(np.sqrt(len(u))))
    f = fz.from_arrays((n, n, n), rings.Integers(), u, v, w)
    candidate = jax.jit(compile_matmul(f, **options))
    return paired(jax.jit(jnp.dot), candidate, operands((size, size, size), dtype), repeats).ratio


def seconds(f: Callable, args) -> float:
    """One call, until its result is there."""
    start = time.perf_counter()
    jax.block_until_ready(f(*args))
    return time.perf_counter() - start
