"""Changes of basis and signed permutations: symmetries that keep the rank.

A basis is a triple of invertible matrices, one for each mode; it maps a tensor T to
T'_ijk = Σ_abc A_ia B_jb C_kc T_abc and factors (u, v, w) to (Au, Bv, Cw). Over the integers the
matrices are unimodular, so that integral factorisations stay integral both ways; mod p they are any
products of triangular invertible ones. The inverse is exact integer arithmetic, never a float solve
(paper, "Change of basis" and "Signed permutations"; sampling as in paper_details section 5.1).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.rings import Ring


class Basis(NamedTuple):
    """A change of basis for each mode, identity on the padding.

    Attributes:
      forward: int32 [3, S, S].
      inverse: int32 [3, S, S], `forward @ inverse` is the identity in the ring.
    """

    forward: jax.Array
    inverse: jax.Array


class SignedPermutation(NamedTuple):
    """Row i of mode m becomes `sign[m, i]` times the old row `source[m, i]`.

    Attributes:
      source: int32 [3, S].
      sign: int32 [3, S], all 1 mod 2.
    """

    source: jax.Array
    sign: jax.Array


def identity(side: int) -> Basis:
    """The canonical basis."""
    eye = jnp.broadcast_to(jnp.eye(side, dtype=jnp.int32), (3, side, side))
    return Basis(eye, eye)


def _modes_of_size(sizes: tuple[int, int, int], shared: bool) -> list[tuple[int, list[int]]]:
    """Groups of modes that use the same matrix, as (size, modes)."""
    if not shared:
        return [(size, [mode]) for mode, size in enumerate(sizes)]
    return [(s, [m for m in range(3) if sizes[m] == s]) for s in sorted(set(sizes))]


def _unit_triangular(key: jax.Array, size: int, ring: Ring, density: float, lower: bool):
    """A random triangular matrix with invertible diagonal and its exact inverse, int32."""
    entry_key, nonzero_key, diagonal_key = jax.random.split(key, 3)
    if ring.is_modular:
        entries = jax.random.randint(entry_key, (size, size), 1, ring.modulus)
        diagonal = jax.random.randint(diagonal_key, (size,), 1, ring.modulus)
    else:
        entries = jax.random.rademacher(entry_key, (size, size), jnp.int32)
        diagonal = jax.random.rademacher(diagonal_key, (size,), jnp.int32)
    nonzero = jax.random.bernoulli(nonzero_key, density, (size, size))
    strict = jnp.tril(jnp.where(nonzero, entries, 0), -1)
    inverse_diagonal = diagonal  # ±1 are their own inverses
    if ring.is_modular:
        inverse_diagonal = jnp.array(ring.inverses(), jnp.int32)[diagonal]
    matrix = strict + jnp.diag(diagonal)

    def substitute(row, inverse):
        rest = jnp.eye(size, dtype=jnp.int32)[row] - strict[row] @ inverse
        return inverse.at[row].set(ring.reduce(inverse_diagonal[row] * ring.reduce(rest)))

    inverse = jax.lax.fori_loop(0, size, substitute, jnp.zeros((size, size), jnp.int32))
    return (matrix, inverse) if lower else (matrix.T, inverse.T)


def random_basis(
    key: jax.Array, sizes: tuple[int, int, int], side: int, ring: Ring, density: float, shared: bool
) -> Basis:
    """A random basis: for each mode upper times lower triangular.

    Args:
      key: random key.
      sizes: the sizes of the target's modes; the padding beyond them is left alone.
      side: S.
      ring: integers give diagonals ±1 and off-diagonals ±1; mod p gives any non-zero residues.
      density: probability of a non-zero off-diagonal entry of each triangular matrix. The paper's
        0.015 suits S = 25; small tensors need more, or nearly all bases are pure sign changes.
      shared: whether modes of equal size use the same matrix (the paper's A = B = C).
    """
    basis = identity(side)
    for size, modes in _modes_of_size(sizes, shared):
        key, upper_key, lower_key = jax.random.split(key, 3)
        upper, upper_inverse = _unit_triangular(upper_key, size, ring, density, lower=False)
        lower, lower_inverse = _unit_triangular(lower_key, size, ring, density, lower=True)
        matrix = ring.reduce(upper @ lower)
        inverse = ring.reduce(lower_inverse @ upper_inverse)
        for mode in modes:
            basis = Basis(
                basis.forward.at[mode, :size, :size].set(matrix),
                basis.inverse.at[mode, :size, :size].set(inverse),
            )
    return basis


def random_signed_permutation(
    key: jax.Array, sizes: tuple[int, int, int], side: int, ring: Ring, shared: bool
) -> SignedPermutation:
    """A random signed permutation of the coordinates of each mode; padding stays in place."""
    source = jnp.broadcast_to(jnp.arange(side, dtype=jnp.int32), (3, side))
    sign = jnp.ones((3, side), jnp.int32)
    for size, modes in _modes_of_size(sizes, shared):
        key, source_key, sign_key = jax.random.split(key, 3)
        permutation = jax.random.permutation(source_key, size).astype(jnp.int32)
        signs = ring.reduce(jax.random.rademacher(sign_key, (size,), jnp.int32))
        for mode in modes:
            source = source.at[mode, :size].set(permutation)
            sign = sign.at[mode, :size].set(signs)
    return SignedPermutation(source, sign)


def change_tensor(tensor: jax.Array, matrices: jax.Array, ring: Ring) -> jax.Array:
    """The tensor [S, S, S] in the basis with matrices [3, S, S]; int32, exact."""
    out = tensor.astype(jnp.int32)
    for mode in range(3):  # one mode at a time: a reduction mod p after each keeps int32 exact
        out = ring.reduce(jnp.moveaxis(jnp.tensordot(matrices[mode], out, (1, mode)), 0, mode))
    return out


def change_factors(factors: jax.Array, matrices: jax.Array, ring: Ring) -> jax.Array:
    """Factors [..., 3, S] in the basis with matrices [3, S, S]; int32."""
    return ring.reduce(jnp.einsum("mij,...mj->...mi", matrices, factors.astype(jnp.int32)))


def permute_tensor(tensor: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """A tensor [S, S, S] under a signed permutation; same dtype."""
    (a, b, c), (x, y, z) = permutation.source, permutation.sign.astype(tensor.dtype)
    picked = tensor[a[:, None, None], b[None, :, None], c[None, None, :]]
    return ring.reduce(picked * (x[:, None, None] * y[None, :, None] * z[None, None, :]))


def permute_factors(factors: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """Factors [..., 3, S] under a signed permutation; same dtype."""
    index = jnp.broadcast_to(permutation.source, factors.shape)
    picked = jnp.take_along_axis(factors, index, axis=-1)
    return ring.reduce(picked * permutation.sign.astype(factors.dtype))


def unpermute_factors(factors: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """The exact inverse of `permute_factors`: a sign mod p is ±1, its own inverse."""
    signed = ring.reduce(factors * permutation.sign.astype(factors.dtype))
    index = jnp.broadcast_to(jnp.argsort(permutation.source, axis=-1), factors.shape)
    return jnp.take_along_axis(signed, index, axis=-1)
