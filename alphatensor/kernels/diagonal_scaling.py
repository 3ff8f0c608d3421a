"""Diagonal scaling before a fast product, by powers of two, so that scaling itself is exact.

Norm-wise bounds of fast algorithms mix large and small blocks. Scaling to even rows and columns
gives better element-wise errors (Ballard, Benson, Druinsky, Lipshitz, Schwartz 2016, section 5).

The scalings::

  outer         Rows of A and columns of B get largest entries near 1: C = D_A (A' B') D_B.
  inner         Column k of A and row k of B get equal largest entries: A B = (A D)(D⁻¹ B).
  outer-inner   The outer scaling, then the inner one.
  inner-outer   The inner scaling, then the outer one.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

SCALINGS = ("none", "outer", "inner", "outer-inner", "inner-outer")


def scale(
    a: jax.Array, b: jax.Array, name: str
) -> tuple[jax.Array, jax.Array, Callable[[jax.Array], jax.Array]]:
    """Scales a (N, M) and b (M, P), which are floats, by one of `SCALINGS`.

    Rows or columns that are zero or not finite keep their scale. Scaling is exact unless an entry
    falls below the dtype's normal range.

    Returns:
      Scaled a and b, and the function that scales their product C (N, P) back; C may be wider.
    """
    rows = columns = 0
    for step in name.split("-") if name != "none" else ():
        if step == "outer":
            e, g = _exponent(a, 1), _exponent(b, 0)
            a, b = _shift(a, -e), _shift(b, -g)
            rows, columns = rows + e, columns + g
        else:
            e = jnp.round((_exponent(b, 1)[:, 0] - _exponent(a, 0)[0]) / 2).astype(jnp.int32)
            a, b = _shift(a, e), _shift(b, -e[:, None])
    if name in ("none", "inner"):
        return a, b, lambda c: c
    # Both at once: one of them alone may leave the range where the result does not.
    return a, b, lambda c: _shift(c, rows + columns)


def _exponent(x: jax.Array, axis: int) -> jax.Array:
    """Returns e with the largest entry along an axis in [2^e, 2^(e+1)); 0 where unusable."""
    largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True)
    usable = jnp.isfinite(largest) & (largest > 0)
    return jnp.where(usable, jnp.frexp(jnp.where(usable, largest, 1))[1] - 1, 0)


def _shift(x: jax.Array, exponent: jax.Array) -> jax.Array:
    """Returns x · 2^exponent."""
    # In two halves: one factor alone may leave the dtype's range where the result does not.
    half = exponent // 2
    one = jnp.ones((), x.dtype)
    return x * jnp.ldexp(one, half) * jnp.ldexp(one, exponent - half)
