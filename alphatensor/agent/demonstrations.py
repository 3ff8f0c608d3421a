"""Synthetic demonstrations: random factorisations, made on the fly.

R random factors are drawn and summed; the factors in the drawn order are a game of R moves that an
expert might have played on the sum (paper, "Synthetic demonstrations"). No known algorithm of the
target enters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent import actions as factors_lib
from alphatensor.rings import Ring


class Demonstration(NamedTuple):
    """One random factorisation.

    Attributes:
      factors: int8 [max_rank, 3, S], canonical, in the order in which they are played; zero from
        `rank` on.
      rank: int32 [].
    """

    factors: jax.Array
    rank: jax.Array


class Law(NamedTuple):
    """The distribution of demonstrations. Hashable: a static argument.

    Attributes:
      min_rank, max_rank: R is uniform in this range, ends included.
      entries: the set F.
      probabilities: of each entry of F.
    """

    min_rank: int
    max_rank: int
    entries: tuple[int, ...]
    probabilities: tuple[float, ...]


# Tries before a factor that came out as zero is given one random entry of 1; the paper discards
# such factors, which static shapes cannot.
_TRIES = 4


def sample(key: jax.Array, support: jax.Array, law: Law, ring: Ring) -> Demonstration:
    """Draws one demonstration on the coordinates of support bool [3, S]."""
    rank_key, entry_key, rescue_key = jax.random.split(key, 3)
    side = support.shape[-1]
    shape = (_TRIES, law.max_rank, 3, side)
    cumulative = jnp.cumsum(jnp.array(law.probabilities))[:-1]
    uniform = jax.random.uniform(entry_key, shape)
    index = jnp.sum(uniform[..., None] >= cumulative, axis=-1)
    tries = jnp.array(law.entries, jnp.int8)[index] * support
    nonzero = jnp.any(tries != 0, axis=-1, keepdims=True)
    first = jnp.argmax(nonzero, axis=0, keepdims=True)
    drawn = jnp.take_along_axis(tries, first, axis=0)[0]

    logits = jnp.where(support, 0.0, -jnp.inf)
    rescue = jax.random.categorical(rescue_key, logits, shape=(law.max_rank, 3))
    rescued = jax.nn.one_hot(rescue, side, dtype=jnp.int8)
    drawn = jnp.where(jnp.any(drawn != 0, axis=-1, keepdims=True), drawn, rescued)

    rank = jax.random.randint(rank_key, (), law.min_rank, law.max_rank + 1)
    is_played = jnp.arange(law.max_rank) < rank
    drawn = jnp.where(is_played[:, None, None], factors_lib.canonical(drawn, ring), 0)
    return Demonstration(drawn, rank)
