"""Spans of vectors, in JAX: reduced echelon forms, and random bases of a subspace.

Over the integers only 1 and -1 have inverses. Where elimination meets no other pivots the rows span
all integer vectors of the subspace, and the coordinates of a vector are entries of its own, as mod
p; where it does not come to an end, the caller is told.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.rings import Ring


class Echelon(NamedTuple):
    """A reduced row echelon form of a matrix [k, D].

    Attributes:
      rows: int32 [k, D]; those from `rank` on are zero where it is complete.
      pivots: int32 [k], the columns of the pivots, 0 beyond the rank.
      rank: int32 [], number of the pivots.
      is_complete: bool [], whether all rows could be eliminated; always so mod p.
    """

    rows: jax.Array
    pivots: jax.Array
    rank: jax.Array
    is_complete: jax.Array


def reduced_rows(matrix: jax.Array, ring: Ring) -> Echelon:
    """Returns the reduced row echelon form of an integer matrix [k, D]."""
    height = matrix.shape[0]
    rows = jnp.arange(height)

    def eliminate(column, carry):
        a, pivots, rank = carry
        candidates = _is_unit(a[:, column], ring) & (rows >= rank)
        found, where, here = (
            jnp.any(candidates),
            jnp.argmax(candidates),
            jnp.minimum(rank, height - 1),
        )
        pivot = ring.reduce(a[where] * _inverse(a[where, column], ring))
        swapped = a.at[where].set(a[here]).at[here].set(pivot)
        others = jnp.where(rows == here, 0, swapped[:, column])
        cleared = ring.reduce(swapped - others[:, None] * pivot)
        a = jnp.where(found, cleared, a)
        pivots = jnp.where(found, pivots.at[here].set(column), pivots)
        return a, pivots, rank + found

    start = (ring.reduce(matrix.astype(jnp.int32)), jnp.zeros(height, jnp.int32), jnp.int32(0))
    a, pivots, rank = jax.lax.fori_loop(0, matrix.shape[1], eliminate, start)
    is_complete = jnp.all(jnp.where(rows[:, None] < rank, 0, a) == 0)
    return Echelon(a, pivots, rank, is_complete)


def _is_unit(x: jax.Array, ring: Ring) -> jax.Array:
    return x != 0 if ring.is_modular else jnp.abs(x) == 1


def _inverse(x: jax.Array, ring: Ring) -> jax.Array:
    return jnp.array(ring.inverses(), jnp.int32)[x] if ring.is_modular else x


def _random_triangle(key: jax.Array, side: int, dims: jax.Array, ring: Ring, density: float):
    """Draws a lower triangular matrix [S, S] and its inverse; the identity from `dims` on."""
    entry_key, diagonal_key = jax.random.split(key)
    is_inside = jnp.arange(side) < dims
    if ring.is_modular:
        entries = jax.random.randint(entry_key, (side, side), 0, ring.modulus)
        diagonal = jax.random.randint(diagonal_key, (side,), 1, ring.modulus)
    else:
        shares = jnp.array([density / 2, 1 - density, density / 2])
        entries = jax.random.choice(entry_key, jnp.arange(-1, 2), (side, side), p=shares)
        diagonal = jax.random.rademacher(diagonal_key, (side,), jnp.int32)
    strict = jnp.tril(jnp.where(is_inside[:, None] & is_inside, entries, 0), -1)
    inverse_diagonal = _inverse(diagonal, ring)

    def substitute(row, inverse):
        rest = jnp.eye(side, dtype=jnp.int32)[row] - strict[row] @ inverse
        return inverse.at[row].set(ring.reduce(inverse_diagonal[row] * ring.reduce(rest)))

    zeros = jnp.zeros((side, side), jnp.int32)
    return strict + jnp.diag(diagonal), jax.lax.fori_loop(0, side, substitute, zeros)


def random_bases(
    key: jax.Array, side: int, dims: jax.Array, ring: Ring, density: float
) -> tuple[jax.Array, jax.Array]:
    """Draws an invertible matrix for each mode that mixes the first `dims` [3] coordinates alone.

    Over the integers each is the product of two triangular ones with determinant ±1 and entries
    -1, 0, 1, of which `density` are not zero beside the diagonal; mod p all are alike.

    Returns:
      (matrices int32 [3, S, S], their inverses).
    """

    def draw(key, dims):
        lower_key, upper_key = jax.random.split(key)
        lower, lower_inverse = _random_triangle(lower_key, side, dims, ring, density)
        upper, upper_inverse = _random_triangle(upper_key, side, dims, ring, density)
        return ring.reduce(lower @ upper.T), ring.reduce(upper_inverse.T @ lower_inverse)

    return jax.vmap(draw)(jax.random.split(key, 3), dims)
