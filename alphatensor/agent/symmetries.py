"""The symmetries of matrix multiplication tensors mod p: from one algorithm many others.

tr(ABC) stays the same when A becomes P A Q⁻¹, B becomes Q B R⁻¹ and C becomes R C P⁻¹, for square
matrices also under rotation of A, B, C, and for n×m×n under transposition. So a symmetry maps the
moves of a solved game to those of another one with the same start.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent import bases, spans
from alphatensor.rings import Ring

DENSITY = 0.5  # of the triangular matrices whose products are P, Q and R


def sizes_of(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Returns n, m, p of the product whose tensor has the shape (nm, mp, pn)."""
    n = math.isqrt(shape[0] * shape[2] // shape[1])
    return n, shape[0] // n, shape[2] // n


def map_factors(
    key: jax.Array,
    factors: jax.Array,
    inverse: jax.Array,
    shape: tuple[int, int, int],
    ring: Ring,
) -> jax.Array:
    """Maps factors of rank-1 tensors in a basis by a random symmetry of the target.

    Where rank-1 tensors add up to the target in this basis, those that are returned do so too.

    Args:
      key: random key.
      factors: int8 [..., 3, S].
      inverse: int32 [3, S, S], matrices that lead from the basis to the canonical one.
      shape: (nm, mp, pn) of the target, a matrix product.
      ring: integers mod a prime.

    Returns:
      int8 [..., 3, S], not in canonical form.
    """
    sandwich_key, rotation_key, turn_key = jax.random.split(key, 3)
    n, m, p = sizes_of(shape)
    plain = bases.change_factors(factors, inverse, ring)
    if n == m == p:
        turns = jax.random.randint(rotation_key, (), 0, 3)
        plain = jnp.take(plain, (jnp.arange(3) + turns) % 3, axis=-2)
    if n == p:
        turned = _transposed(plain, n, m)
        plain = jnp.where(jax.random.bernoulli(turn_key), turned, plain)
    sandwich = _sandwich(sandwich_key, shape, inverse.shape[-1], ring)
    moved = bases.change_factors(plain, sandwich, ring)
    return bases.change_factors(moved, _inverted(inverse, ring), ring).astype(jnp.int8)


def _transposed(factors: jax.Array, n: int, m: int) -> jax.Array:
    """Returns (Bᵀ, Aᵀ, Cᵀ) of factors (A, B, C) [..., 3, S] of an n×m×n product."""
    side = factors.shape[-1]

    def turn(factor, rows, columns):
        place = np.arange(rows * columns).reshape(rows, columns).T.ravel()
        return factor[..., np.concatenate([place, np.arange(rows * columns, side)])]

    a, b, c = (factors[..., mode, :] for mode in range(3))
    return jnp.stack([turn(b, m, n), turn(a, n, m), turn(c, n, n)], axis=-2)


def _sandwich(key: jax.Array, shape: tuple[int, int, int], side: int, ring: Ring) -> jax.Array:
    """Draws the matrices int32 [3, S, S] that take A to P A Q⁻¹ and so on, rows first."""
    pairs = [
        _invertible(k, size, ring)
        for k, size in zip(jax.random.split(key, 3), sizes_of(shape), strict=True)
    ]
    maps = jnp.broadcast_to(jnp.eye(side, dtype=jnp.int32), (3, side, side))
    for mode, size in enumerate(shape):
        left, right = pairs[mode][0], pairs[(mode + 1) % 3][1]
        maps = maps.at[mode, :size, :size].set(ring.reduce(jnp.kron(left, right.T)))
    return maps


def _invertible(key: jax.Array, size: int, ring: Ring) -> tuple[jax.Array, jax.Array]:
    """Draws an invertible matrix and its inverse, int32 [size, size] each."""
    upper_key, lower_key = jax.random.split(key)
    upper, upper_inverse = bases.unit_triangular(upper_key, size, ring, DENSITY, lower=False)
    lower, lower_inverse = bases.unit_triangular(lower_key, size, ring, DENSITY, lower=True)
    return ring.reduce(upper @ lower), ring.reduce(lower_inverse @ upper_inverse)


def _inverted(matrices: jax.Array, ring: Ring) -> jax.Array:
    """Returns the inverses mod p of matrices int32 [3, S, S]."""
    side = matrices.shape[-1]
    beside = jnp.broadcast_to(jnp.eye(side, dtype=jnp.int32), matrices.shape)
    both = jnp.concatenate([matrices, beside], axis=-1)
    return jax.vmap(lambda x: spans.reduced_rows(x, ring).rows[:, side:])(both)
