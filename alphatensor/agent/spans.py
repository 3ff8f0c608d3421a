"""Spans of vectors mod p, in JAX: reduced echelon forms, and random bases of a subspace."""

import jax
import jax.numpy as jnp

from alphatensor.rings import Ring


def reduced_rows(matrix: jax.Array, ring: Ring) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns the reduced row echelon form mod p of a matrix [k, D].

    Returns:
      (int32 [k, D], zero rows last; the columns of the pivots int32 [k], 0 beyond the rank; the
      rank, int32 []).
    """
    height, inverses = matrix.shape[0], jnp.array(ring.inverses(), jnp.int32)
    rows = jnp.arange(height)

    def eliminate(column, carry):
        a, pivots, rank = carry
        candidates = (a[:, column] != 0) & (rows >= rank)
        found, where, here = (
            jnp.any(candidates),
            jnp.argmax(candidates),
            jnp.minimum(rank, height - 1),
        )
        pivot = ring.reduce(a[where] * inverses[a[where, column]])
        swapped = a.at[where].set(a[here]).at[here].set(pivot)
        others = jnp.where(rows == here, 0, swapped[:, column])
        cleared = ring.reduce(swapped - others[:, None] * pivot)
        a = jnp.where(found, cleared, a)
        pivots = jnp.where(found, pivots.at[here].set(column), pivots)
        return a, pivots, rank + found

    start = (ring.reduce(matrix.astype(jnp.int32)), jnp.zeros(height, jnp.int32), jnp.int32(0))
    return jax.lax.fori_loop(0, matrix.shape[1], eliminate, start)


def _random_triangle(key: jax.Array, side: int, dims: jax.Array, ring: Ring):
    """Draws a lower triangular matrix [S, S] and its inverse; the identity from `dims` on."""
    entry_key, diagonal_key = jax.random.split(key)
    is_inside = jnp.arange(side) < dims
    entries = jax.random.randint(entry_key, (side, side), 0, ring.modulus)
    strict = jnp.tril(jnp.where(is_inside[:, None] & is_inside, entries, 0), -1)
    diagonal = jax.random.randint(diagonal_key, (side,), 1, ring.modulus)
    inverse_diagonal = jnp.array(ring.inverses(), jnp.int32)[diagonal]

    def substitute(row, inverse):
        rest = jnp.eye(side, dtype=jnp.int32)[row] - strict[row] @ inverse
        return inverse.at[row].set(ring.reduce(inverse_diagonal[row] * ring.reduce(rest)))

    zeros = jnp.zeros((side, side), jnp.int32)
    return strict + jnp.diag(diagonal), jax.lax.fori_loop(0, side, substitute, zeros)


def random_bases(
    key: jax.Array, side: int, dims: jax.Array, ring: Ring
) -> tuple[jax.Array, jax.Array]:
    """Draws an invertible matrix for each mode that mixes the first `dims` [3] coordinates alone.

    Returns:
      (matrices int32 [3, S, S], their inverses).
    """

    def draw(key, dims):
        lower_key, upper_key = jax.random.split(key)
        lower, lower_inverse = _random_triangle(lower_key, side, dims, ring)
        upper, upper_inverse = _random_triangle(upper_key, side, dims, ring)
        return ring.reduce(lower @ upper.T), ring.reduce(upper_inverse.T @ lower_inverse)

    return jax.vmap(draw)(jax.random.split(key, 3), dims)
