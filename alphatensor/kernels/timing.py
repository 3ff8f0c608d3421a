"""Measures run times of kernels in interleaved pairs, in one process, on independent operands."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Pairs(NamedTuple):
    """Medians over interleaved pairs of calls.

    Attributes:
      ratio: seconds of the baseline over seconds of the candidate.
      lower, upper: quartiles of the ratio.
      baseline_seconds: seconds of the baseline.
      seconds: seconds of the candidate.
    """

    ratio: float
    lower: float
    upper: float
    baseline_seconds: float
    seconds: float


def operands(shape: tuple[int, int, int], dtype, seed: int = 0) -> tuple[jax.Array, jax.Array]:
    """Draws a (N, M) and b (M, P) for a shape (N, M, P): standard normal, or integers up to 9."""
    n, m, p = shape
    left, right = jax.random.split(jax.random.key(seed))
    if jnp.issubdtype(dtype, jnp.integer):
        draw = functools.partial(jax.random.randint, minval=0, maxval=10, dtype=dtype)
    else:
        draw = functools.partial(jax.random.normal, dtype=dtype)
    return draw(left, (n, m)), draw(right, (m, p))


def paired(baseline: Callable, candidate: Callable, args, repeats: int = 7) -> Pairs:
    """Times baseline and candidate by turns, `repeats` times each, after one warm-up of each."""
    times = rounds((baseline, candidate), args, repeats)
    return pairs_of(times[:, 0], times[:, 1])


def rounds(functions: Sequence[Callable], args, repeats: int) -> np.ndarray:
    """Returns the seconds (repeats, functions) of calls by turns, after one warm-up of each."""
    for f in functions:
        jax.block_until_ready(f(*args))
    return np.array([[seconds(f, args) for f in functions] for _ in range(repeats)])


def pairs_of(baseline: np.ndarray, candidate: np.ndarray) -> Pairs:
    """Returns the medians of seconds that were taken by turns."""
    lower, ratio, upper = np.percentile(baseline / candidate, [25, 50, 75])
    baseline_seconds, candidate_seconds = np.median([baseline, candidate], axis=1)
    return Pairs(
        ratio=float(ratio),
        lower=float(lower),
        upper=float(upper),
        baseline_seconds=float(baseline_seconds),
        seconds=float(candidate_seconds),
    )


@functools.cache
def dot(precision=None) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns `jnp.dot` of a precision, jitted; the same function for the same precision."""
    return jax.jit(functools.partial(jnp.dot, precision=precision))


def against_dot(kernel: Callable, args, precision=None, repeats: int = 7) -> Pairs:
    """Times a jitted matmul(a, b) against `jnp.dot`, as `paired` does.

    Args:
      kernel: what is timed.
      args: matrices a and b, such as `operands` returns.
      precision: precision of `jnp.dot`; the kernel has its own.
      repeats: pairs of timings.
    """
    return paired(dot(precision), kernel, args, repeats)


def seconds(f: Callable, args) -> float:
    """Returns the seconds of one call, until its result is there."""
    start = time.perf_counter()
    jax.block_until_ready(f(*args))
    return time.perf_counter() - start
