"""The best classical product: what a fast algorithm has to be compared with.

Beside `jnp.dot` these are products of blocks by `jnp.dot` and, on CPUs, NumPy's BLAS; on GPUs also
the other precision presets that are as accurate, such as bf16x9 for true float32. The best is
the one with the largest median gain over `jnp.dot`, timed by turns; `dot` where none is faster.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.kernels import timing

LEAVES = (1024, 2048)  # sizes of blocks
REPEATS = 3
SLOW = 1.5  # times the seconds of `jnp.dot`: not timed again
# Precision -> presets of the same accuracy class; see `matmul_speed.PRECISIONS`.
PRESETS = {"float32": ("BF16_BF16_F32_X9",)}

Product = Callable[[jax.Array, jax.Array], jax.Array]


class Best(NamedTuple):
    """The fastest classical product of a size and precision.

    Attributes:
      name: `dot`, `blocks of 2048`, `numpy` or a preset's name.
      multiply: matmul(a, b), compiled or not; of jax arrays, or of NumPy's.
    """

    name: str
    multiply: Callable


@functools.cache
def best(size: int, dtype: str, name: str, precision) -> Best:
    """Times the classical products for N×N matrices and returns the fastest.

    Args:
      size: N.
      dtype: dtype of the matrices.
      name: name of the precision in `matmul_speed.PRECISIONS`.
      precision: its value there.
    """
    args = timing.operands((size,) * 3, dtype)
    known = [Best("dot", timing.dot(precision))]
    of_dot = timing.rounds([known[0].multiply], args, 1)[0, 0]
    for candidate in _candidates(size, dtype, name, precision):
        try:
            alone = timing.rounds([candidate.multiply], args, 1)[0, 0]
        except (RuntimeError, ValueError):  # a preset that the device lacks, or no memory left
            continue
        if alone < SLOW * of_dot:
            known.append(candidate)
    times = np.array([[timing.seconds(x.multiply, args) for x in known] for _ in range(REPEATS)])
    gains = np.median(times[:, :1] / times, axis=0)
    return known[int(np.argmax(gains))]


def _candidates(size: int, dtype: str, name: str, precision) -> list[Best]:
    found = []
    for leaf in LEAVES:
        if size > leaf and size % leaf == 0:
            product = functools.partial(blocked, leaf=leaf, precision=precision)
            found.append(Best(f"blocks of {leaf}", jax.jit(product)))
    if jax.default_backend() == "cpu" and dtype in ("float32", "float64"):
        found.append(Best("numpy", _numpy_dot))
    if jax.default_backend() == "gpu":
        found += [Best(preset, timing.dot(preset)) for preset in PRESETS.get(name, ())]
    return found


def blocked(a: jax.Array, b: jax.Array, leaf: int, precision=None) -> jax.Array:
    """Multiplies square matrices by products of blocks; `leaf` divides their size."""
    cuts = range(0, a.shape[0], leaf)

    def block(i: int, j: int) -> jax.Array:
        row, column = a[i : i + leaf], b[:, j : j + leaf]
        parts = ((row[:, k : k + leaf], column[k : k + leaf]) for k in cuts)
        return functools.reduce(jnp.add, (jnp.dot(*p, precision=precision) for p in parts))

    return jnp.block([[block(i, j) for j in cuts] for i in cuts])


def _numpy_dot(a: jax.Array, b: jax.Array) -> np.ndarray:
    # A CPU's arrays are NumPy's without a copy.
    return np.dot(np.asarray(a), np.asarray(b))
