"""Synthetic demonstrations: random factorizations, made on the fly.

R random rank-1 tensors are drawn and summed; in the drawn order they are a game of R moves that an
expert might have played on the sum (Fawzi et al. 2022, Methods, "Synthetic demonstrations"). No
known algorithm of the target enters.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions
from alphatensor.agent.config import DemonstrationsConfig
from alphatensor.rings import Ring


class Demonstration(NamedTuple):
    """One random factorization.

    Attributes:
      factors: int8 [max_rank, 3, S], canonical, in the order in which they are played; zero from
        `rank` on.
      rank: int32 [].
    """

    factors: jax.Array
    rank: jax.Array


# Draws of each factor before one that is always zero is given a single random entry of 1. The paper
# discards such factors, which arrays of fixed shapes cannot.
_TRIES = 4


def sample(
    key: jax.Array,
    support: jax.Array,
    config: DemonstrationsConfig,
    entries: tuple[int, ...],
    ring: Ring,
) -> Demonstration:
    """Draws one demonstration.

    Its rank is uniform from `config.min_rank` to `config.max_rank`, ends included.

    Args:
      key: random key.
      support: bool [3, S], the coordinates on which factors may be non-zero.
      config: the distribution of ranks and entries.
      entries: the set F in increasing order, to which `config.probabilities` belong.
      ring: the arithmetic.
    """
    chex.assert_shape(support, (3, None))
    rank_key, entry_key, rescue_key = jax.random.split(key, 3)
    side = support.shape[-1]
    shape = (_TRIES, config.max_rank, 3, side)
    cumulative = jnp.cumsum(jnp.array(config.probabilities))[:-1]
    uniform = jax.random.uniform(entry_key, shape)
    index = jnp.sum(uniform[..., None] >= cumulative, axis=-1)
    tries = jnp.array(entries, jnp.int8)[index] * support
    nonzero = jnp.any(tries != 0, axis=-1, keepdims=True)
    first = jnp.argmax(nonzero, axis=0, keepdims=True)
    drawn = jnp.take_along_axis(tries, first, axis=0)[0]

    logits = jnp.where(support, 0.0, -jnp.inf)
    rescue = jax.random.categorical(rescue_key, logits, shape=(config.max_rank, 3))
    rescued = jax.nn.one_hot(rescue, side, dtype=jnp.int8)
    drawn = jnp.where(jnp.any(drawn != 0, axis=-1, keepdims=True), drawn, rescued)

    if config.shared:
        drawn = _share(jax.random.fold_in(key, 1), drawn, config.shared)
    rank = jax.random.randint(rank_key, (), config.min_rank, config.max_rank + 1)
    is_played = jnp.arange(config.max_rank) < rank
    drawn = jnp.where(is_played[:, None, None], actions.canonical(drawn, ring), 0)
    return Demonstration(drawn, rank)


def _share(key: jax.Array, factors: jax.Array, probability: float) -> jax.Array:
    """Replaces some of the factors [T, 3, S] by those of earlier moves, drawn uniformly."""
    source_key, shared_key = jax.random.split(key)
    count = factors.shape[0]
    earlier = jnp.arange(count)[:, None]
    source = jax.random.randint(source_key, (count, 3), 0, jnp.maximum(earlier, 1))
    is_shared = jax.random.bernoulli(shared_key, probability, (count, 3)) & (earlier > 0)
    taken = factors[source, jnp.arange(3)]
    return jnp.where(is_shared[..., None], taken, factors)
