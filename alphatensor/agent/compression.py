"""Sums of a few terms of an algorithm, compressed into small tensors, and the way back.

k terms span at most k dimensions in each mode. In bases of these spans their sum fits k×k×k,
whatever the format of the algorithm. Over the integers the bases are unimodular: the spans need
bases of unit pivots (`spans.py`), or the sum is marked as not compressed.

In the shapes below R is the greatest number of terms of an algorithm, D the greatest length of a
factor, k the greatest number of terms of a sum and S its side, at least k.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions, spans
from alphatensor.agent.config import NeighbourhoodConfig
from alphatensor.rings import Ring


class Neighbourhood(NamedTuple):
    """Some terms of one algorithm, compressed.

    Attributes:
      index: int32 [k], where they lie among the terms; only the first `size` are meant.
      size: int32 [], how many.
      terms: int8 [k, 3, D], zero from `size` on.
      local: int8 [k, 3, S], the same terms in a random basis of their spans.
      spans: int32 [3, S, D], rows that span the factors of each mode, zero from `dims` on.
      dims: int32 [3], dimensions of the spans.
      inverse: int32 [3, S, S], matrices that undo the random bases.
      is_compressed: bool [], False where a span has no basis of unit pivots, over Z.
    """

    index: jax.Array
    size: jax.Array
    terms: jax.Array
    local: jax.Array
    spans: jax.Array
    dims: jax.Array
    inverse: jax.Array
    is_compressed: jax.Array


def choose_terms(key: jax.Array, terms: jax.Array, count: int, related: float) -> jax.Array:
    """Draws the places int32 [count] of different terms of an algorithm [R, 3, D].

    With probability `related` each term after the first is one of those that share most factors
    with the ones before it; otherwise all are drawn alike.
    """
    is_used = ~actions.is_null(terms)
    shared = jnp.sum(jnp.all(terms[:, None] == terms[None], axis=-1), axis=-1)
    related_key, noise_key = jax.random.split(key)
    weight = jnp.where(jax.random.bernoulli(related_key, related), 4.0, 0.0)
    noise = jax.random.gumbel(noise_key, (count, terms.shape[0]))

    def choose(carry, noise):
        is_free, score = carry
        place = jnp.argmax(jnp.where(is_free, weight * score + noise, -jnp.inf))
        return (is_free.at[place].set(False), score + shared[place]), place

    start = (is_used, jnp.zeros(terms.shape[0]))
    return jax.lax.scan(choose, start, noise)[1].astype(jnp.int32)


def draw_neighbourhood(
    key: jax.Array, terms: jax.Array, config: NeighbourhoodConfig, ring: Ring
) -> Neighbourhood:
    """Draws some terms of an algorithm [R, 3, D] and compresses them.

    In the reduced echelon form of the factors of a mode, the coordinates of a factor are its
    entries at the pivots. A random basis of each span hides them.
    """
    size_key, choice_key, basis_key = jax.random.split(key, 3)
    most, side = config.max_terms, config.side
    chex.assert_shape(terms, (None, 3, None))
    size = jax.random.randint(size_key, (), config.min_terms, most + 1)
    size = jnp.minimum(size, jnp.sum(~actions.is_null(terms)))
    index = choose_terms(choice_key, terms, most, config.related)
    chosen = jnp.where((jnp.arange(most) < size)[:, None, None], terms[index], 0)
    echelons, local = [], []
    for mode in range(3):
        echelon = spans.reduced_rows(chosen[:, mode], ring)
        is_inside = jnp.arange(most) < echelon.rank
        coordinates = jnp.where(is_inside, chosen[:, mode][:, echelon.pivots], 0)
        local.append(jnp.pad(coordinates, ((0, 0), (0, side - most))))
        echelons.append(echelon)
    of_modes = jax.tree.map(lambda *x: jnp.stack(x), *echelons)
    dims = of_modes.rank
    forward, inverse = spans.random_bases(basis_key, side, dims, ring, config.density)
    changed = jnp.einsum("mij,kmj->kmi", forward, jnp.stack(local, axis=1).astype(jnp.int32))
    return Neighbourhood(
        index=index,
        size=size,
        terms=chosen,
        local=ring.reduce(changed).astype(jnp.int8),
        spans=jnp.pad(of_modes.rows, ((0, 0), (0, side - most), (0, 0))),
        dims=dims,
        inverse=inverse,
        is_compressed=jnp.all(of_modes.is_complete),
    )


def expand(moves: jax.Array, drawn: Neighbourhood, ring: Ring) -> jax.Array:
    """Returns moves [T, 3, S] of a game as terms int32 [T, 3, D] of the algorithm.

    What leaves the span of a mode is projected back onto it; the sum of a solved game lies in the
    spans and stays as it is.
    """
    old = ring.reduce(jnp.einsum("mij,tmj->tmi", drawn.inverse, moves.astype(jnp.int32)))
    inside = jnp.where(jnp.arange(old.shape[-1]) < drawn.dims[:, None], old, 0)
    return ring.reduce(jnp.einsum("tms,msd->tmd", inside, drawn.spans))


def fits(factors: jax.Array, ring: Ring, largest: int) -> jax.Array:
    """Says whether factors [..., D] have no entry above `largest` in size; bool [...]."""
    if ring.is_modular:
        return jnp.ones(factors.shape[:-1], bool)
    return jnp.all(jnp.abs(factors) <= largest, axis=-1)
