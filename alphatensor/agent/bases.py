"""Changes of basis and signed permutations: maps of tensors and factors that keep the rank.

A basis is a triple of invertible matrices, one for each mode; it maps a tensor T to
T'_ijk = Σ_abc A_ia B_jb C_kc T_abc and factors (u, v, w) to (Au, Bv, Cw). Over the integers the
matrices are unimodular, so that integral factorizations stay integral both ways; mod p they are any
products of triangular invertible ones. The inverse is found in exact integer arithmetic.

Games are played in random bases (Fawzi et al. 2022, Methods, "Change of basis"). The network sees
each position under a random signed permutation of a bank that stays the same during a run (Methods,
"Signed permutations").
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent.config import BasesConfig
from alphatensor.agent.environment import Game, State
from alphatensor.rings import Ring


class Basis(NamedTuple):
    """A change of basis for each mode, the identity on the padding.

    Attributes:
      forward: int32 [3, S, S].
      inverse: int32 [3, S, S]; `forward @ inverse` is the identity in the ring.
    """

    forward: jax.Array
    inverse: jax.Array


class SignedPermutation(NamedTuple):
    """A permutation of the coordinates of each mode, with signs.

    Coordinate i of mode m becomes `sign[m, i]` times the old coordinate `source[m, i]`. A bank of P
    of them has a leading axis [P] on both leaves.

    Attributes:
      source: int32 [3, S].
      sign: int32 [3, S], 1 or -1 in the ring, so all 1 mod 2.
    """

    source: jax.Array
    sign: jax.Array


def identity(side: int) -> Basis:
    """Returns the canonical basis of tensors [S, S, S]."""
    eye = jnp.broadcast_to(jnp.eye(side, dtype=jnp.int32), (3, side, side))
    return Basis(eye, eye)


def _modes_of_size(shape: tuple[int, int, int], shared: bool) -> list[tuple[int, list[int]]]:
    """Returns the groups of modes that use the same matrix, as (size, modes)."""
    if not shared:
        return [(size, [mode]) for mode, size in enumerate(shape)]
    return [(s, [m for m in range(3) if shape[m] == s]) for s in sorted(set(shape))]


def unit_triangular(key: jax.Array, size: int, ring: Ring, density: float, lower: bool):
    """Draws a triangular matrix with invertible diagonal; returns it and its inverse, int32."""
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
    key: jax.Array, shape: tuple[int, int, int], game: Game, config: BasesConfig
) -> Basis:
    """Draws a basis: the matrix of each mode is an upper times a lower triangular one.

    Diagonals and non-zero off-diagonals are ±1 over the integers, any non-zero residues mod p.

    Args:
      key: random key.
      shape: (S_u, S_v, S_w) of the target; the padding beyond is left alone.
      game: gives the side and the ring.
      config: `density` of the triangular matrices, and whether modes of equal size are `shared`.
    """
    ring, density = game.ring, config.density
    basis = identity(game.side)
    for size, modes in _modes_of_size(shape, config.shared):
        key, upper_key, lower_key = jax.random.split(key, 3)
        upper, upper_inverse = unit_triangular(upper_key, size, ring, density, lower=False)
        lower, lower_inverse = unit_triangular(lower_key, size, ring, density, lower=True)
        matrix = ring.reduce(upper @ lower)
        inverse = ring.reduce(lower_inverse @ upper_inverse)
        for mode in modes:
            basis = Basis(
                basis.forward.at[mode, :size, :size].set(matrix),
                basis.inverse.at[mode, :size, :size].set(inverse),
            )
    return basis


def random_signed_permutation(
    key: jax.Array, shape: tuple[int, int, int], game: Game, shared: bool
) -> SignedPermutation:
    """Draws a signed permutation of the coordinates of each mode; the padding stays in place.

    Args:
      key: random key.
      shape: (S_u, S_v, S_w), how many coordinates of each mode are permuted.
      game: gives the side and the ring.
      shared: whether modes of equal size are permuted alike.
    """
    source = jnp.broadcast_to(jnp.arange(game.side, dtype=jnp.int32), (3, game.side))
    sign = jnp.ones((3, game.side), jnp.int32)
    for size, modes in _modes_of_size(shape, shared):
        key, source_key, sign_key = jax.random.split(key, 3)
        permutation = jax.random.permutation(source_key, size).astype(jnp.int32)
        signs = game.ring.reduce(jax.random.rademacher(sign_key, (size,), jnp.int32))
        for mode in modes:
            source = source.at[mode, :size].set(permutation)
            sign = sign.at[mode, :size].set(signs)
    return SignedPermutation(source, sign)


def identity_permutations(side: int) -> SignedPermutation:
    """Returns a bank that holds the identity alone, leaves [1, 3, S]."""
    source = jnp.broadcast_to(jnp.arange(side, dtype=jnp.int32), (1, 3, side))
    return SignedPermutation(source, jnp.ones_like(source))


def draw_permutation(key: jax.Array, bank: SignedPermutation) -> SignedPermutation:
    """Draws one of a bank of signed permutations, leaves [P, 3, S]."""
    index = jax.random.randint(key, (), 0, bank.source.shape[0])
    return jax.tree.map(lambda x: x[index], bank)


def permute_state(state: State, permutation: SignedPermutation, ring: Ring) -> State:
    """Returns one game's state as it is seen under a signed permutation.

    The support stays that of the game: it is applied to actions that have been mapped back.
    """
    return state._replace(
        residual=permute_tensor(state.residual, permutation, ring),
        past_actions=permute_factors(state.past_actions, permutation, ring),
    )


def change_tensor(tensor: jax.Array, matrices: jax.Array, ring: Ring) -> jax.Array:
    """Returns a tensor [S, S, S] in the basis with matrices [3, S, S]; int32, exact."""
    out = tensor.astype(jnp.int32)
    for mode in range(3):  # one mode at a time: a reduction mod p after each keeps int32 exact
        out = ring.reduce(jnp.moveaxis(jnp.tensordot(matrices[mode], out, (1, mode)), 0, mode))
    return out


def change_factors(factors: jax.Array, matrices: jax.Array, ring: Ring) -> jax.Array:
    """Returns factors [..., 3, S] in the basis with matrices [3, S, S]; int32."""
    return ring.reduce(jnp.einsum("mij,...mj->...mi", matrices, factors.astype(jnp.int32)))


def permute_tensor(tensor: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """Returns a tensor [S, S, S] under a signed permutation; the dtype stays."""
    (a, b, c), (x, y, z) = permutation.source, permutation.sign.astype(tensor.dtype)
    picked = tensor[a[:, None, None], b[None, :, None], c[None, None, :]]
    return ring.reduce(picked * (x[:, None, None] * y[None, :, None] * z[None, None, :]))


def permute_factors(factors: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """Returns factors [..., 3, S] under a signed permutation; the dtype stays."""
    index = jnp.broadcast_to(permutation.source, factors.shape)
    picked = jnp.take_along_axis(factors, index, axis=-1)
    return ring.reduce(picked * permutation.sign.astype(factors.dtype))


def unpermute_factors(factors: jax.Array, permutation: SignedPermutation, ring: Ring) -> jax.Array:
    """Undoes `permute_factors` exactly; a sign is its own inverse in every ring."""
    signed = ring.reduce(factors * permutation.sign.astype(factors.dtype))
    index = jnp.broadcast_to(jnp.argsort(permutation.source, axis=-1), factors.shape)
    return jnp.take_along_axis(signed, index, axis=-1)
