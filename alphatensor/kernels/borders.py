"""Borders: what is done with rows and columns that a kernel's blocks do not cover evenly.

A border is a function (multiply, a, b, unit, arithmetic) -> C. It multiplies a (N, M) by b (M, P)
with `multiply`, which takes matrices whose three sizes are multiples of `unit`. A new one needs a
function here and its name in `BORDERS`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from alphatensor.kernels.arithmetic import Arithmetic

Multiply = Callable[[jax.Array, jax.Array], jax.Array]
Sizes = tuple[int, int, int]


def peel(
    multiply: Multiply, a: jax.Array, b: jax.Array, unit: Sizes, arithmetic: Arithmetic
) -> jax.Array:
    """Multiplies the largest even part by `multiply`, and the rest by ordinary products."""
    (n, m), p = a.shape, b.shape[1]
    n0, m0, p0 = (size // step * step for size, step in zip((n, m, p), unit, strict=True))
    c = multiply(a[:n0, :m0], b[:m0, :p0])
    if m0 < m:
        c = (c + arithmetic.dot(a[:n0, m0:], b[m0:, :p0])).astype(arithmetic.result)
    if p0 < p:
        right = arithmetic.dot(a[:n0], b[:, p0:]).astype(arithmetic.result)
        c = jnp.concatenate([c, right], axis=1)
    if n0 < n:
        below = arithmetic.dot(a[n0:], b).astype(arithmetic.result)
        c = jnp.concatenate([c, below], axis=0)
    return c


def pad(
    multiply: Multiply, a: jax.Array, b: jax.Array, unit: Sizes, arithmetic: Arithmetic
) -> jax.Array:
    """Adds rows and columns of zeros up to the next even sizes, and cuts them off C."""
    (n, m), p = a.shape, b.shape[1]
    up, across, wide = (-size % step for size, step in zip((n, m, p), unit, strict=True))
    a = jnp.pad(a, ((0, up), (0, across)))
    b = jnp.pad(b, ((0, across), (0, wide)))
    return multiply(a, b)[:n, :p]


BORDERS = {border.__name__: border for border in (peel, pad)}
