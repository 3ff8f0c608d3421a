"""Exact ranks of integer matrices, in JAX.

Ranks are computed by elimination mod a prime in int32, never in floating point. Over the integers
the rank is the maximum over several primes: a non-zero minor cannot be divisible by all of them
once their product exceeds Hadamard's bound on minors, so the maximum is the exact rank over Q.
"""

import math

import jax
import jax.numpy as jnp

from alphatensor.rings import Ring

# The largest primes below 46341 = sqrt(2**31): products of two residues fit in int32.
PRIMES = (
    46337, 46327, 46309, 46307, 46301, 46279, 46273, 46271, 46261, 46237,
    46229, 46219, 46199, 46187, 46183, 46181, 46171, 46153, 46147, 46141,
    46133, 46103, 46099, 46093, 46091, 46073, 46061, 46051, 46049, 46027,
)  # fmt: skip


def primes_for(side: int, entry_bound: int) -> tuple[int, ...]:
    """Returns primes whose product exceeds every minor of a side×side matrix.

    Args:
      side: number of rows and columns.
      entry_bound: bound on the absolute values of the entries.

    Raises:
      ValueError: if the table of primes is too short for this side (beyond 28 at 16-bit entries).
    """
    # Hadamard: |minor of order r| <= (entry_bound * sqrt(r))**r, increasing in r.
    bits_needed = side * (math.log2(max(entry_bound, 1)) + 0.5 * math.log2(side))
    count = math.floor(bits_needed / math.log2(PRIMES[-1])) + 1
    if count > len(PRIMES):
        raise ValueError(
            f"exact ranks of {side}x{side} integer matrices with entries up to {entry_bound} "
            f"need {count} primes; {len(PRIMES)} are available."
        )
    return PRIMES[:count]


def rank_mod(matrices: jax.Array, p: int | jax.Array) -> jax.Array:
    """Returns ranks over GF(p), int32 [...], of integer matrices [..., m, n]; needs p < 46341."""
    rows = jnp.arange(matrices.shape[-2])

    def eliminate(column, carry):
        a, used = carry  # a: [..., m, n] residues; used: [..., m] rows that already hold a pivot
        entries = jax.lax.dynamic_index_in_dim(a, column, axis=-1, keepdims=False)
        candidate = (entries != 0) & ~used
        pivot_row = jnp.argmax(candidate, axis=-1)
        is_pivot = (rows == pivot_row[..., None]) & candidate
        pivot = jnp.sum(jnp.where(is_pivot, entries, 0), axis=-1)
        pivot_values = jnp.sum(jnp.where(is_pivot[..., None], a, 0), axis=-2)
        # Cross-multiplied elimination needs no inverse; it leaves pivot rows alone.
        reduced = (a * pivot[..., None, None]) % p
        reduced = (reduced - (entries[..., None] * pivot_values[..., None, :]) % p) % p
        has_pivot = jnp.any(candidate, axis=-1)
        a = jnp.where((has_pivot[..., None] & candidate & ~is_pivot)[..., None], reduced, a)
        return a, used | is_pivot

    a = matrices.astype(jnp.int32) % p
    used = jnp.zeros(a.shape[:-1], bool)
    _, used = jax.lax.fori_loop(0, a.shape[-1], eliminate, (a, used))
    return jnp.sum(used, axis=-1, dtype=jnp.int32)


def rank(matrices: jax.Array, ring: Ring, entry_bound: int) -> jax.Array:
    """Returns exact ranks of integer matrices over GF(p), or over Q for the ring of integers.

    Args:
      matrices: integer array [..., m, n].
      ring: where the rank is taken.
      entry_bound: bound on the absolute values of the entries; used over the integers alone.

    Returns:
      int32 array [...].
    """
    if ring.is_modular:
        return rank_mod(matrices, ring.modulus)
    primes = jnp.array(primes_for(min(matrices.shape[-2:]), entry_bound), jnp.int32)
    return jnp.max(jax.lax.map(lambda p: rank_mod(matrices, p), primes), axis=0)
