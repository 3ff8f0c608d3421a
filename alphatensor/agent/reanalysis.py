"""Positions of stored games that are searched again with newer parameters.

Schrittwieser et al., "Online and offline reinforcement learning by planning with a learned model",
2021 ("Reanalyse"). It is not in Fawzi et al. 2022. What was played stays; the candidates and the
improved policy of a position become those of the new search.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent import bases, environment
from alphatensor.agent.agent import Agent
from alphatensor.agent.replay import RingBuffer
from alphatensor.agent.search import search
from alphatensor.agent.self_play import Games


class Searched(NamedTuple):
    """What new searches say of positions of different games of a buffer.

    Attributes:
      game, move: int32 [N], which game and which of its moves.
      candidates: int8 [N, K, 3, S], the root's sampled actions.
      policy: float32 [N, K], the improved policy over them.
    """

    game: jax.Array
    move: jax.Array
    candidates: jax.Array
    policy: jax.Array


def draw_games(key: jax.Array, games: RingBuffer, count: int) -> jax.Array:
    """Draws the numbers int32 [count] of different games; empty places where there are too few."""
    capacity = games.games.length.shape[0]
    is_empty = jnp.arange(capacity) >= games.size
    return jnp.argsort(jax.random.uniform(key, (capacity,)) + is_empty)[:count].astype(jnp.int32)


def search_again(
    params,
    agent: Agent,
    permutations: bases.SignedPermutation,
    games: Games,
    numbers: jax.Array,
    keys: jax.Array,
) -> Searched:
    """Searches from one random position of each of some games.

    Args:
      params: parameters of the network.
      agent: the agent.
      permutations: bank of signed permutations, leaves [P, 3, S].
      games: leaves [capacity, ...].
      numbers: int32 [N], which of them.
      keys: one random key for each, [N].
    """
    move_keys, search_keys = jax.vmap(lambda key: jax.random.split(key), out_axes=1)(keys)
    chosen = jax.tree.map(lambda x: x[numbers], games)

    def position(key, played: Games):
        move = jax.random.randint(key, (), 0, jnp.maximum(played.length, 1))
        state = environment.position(played.start, played.support, played.actions, move, agent.game)
        return move, state

    move, states = jax.vmap(position)(move_keys, chosen)
    found = search(params, agent, permutations, states, search_keys, chosen.inverse)
    return Searched(numbers, move, found.candidates, found.policy)


def take_up(games: RingBuffer, searched: Searched) -> RingBuffer:
    """Returns the buffer with the new candidates and policies."""
    place, played = (searched.game, searched.move), games.games
    return games._replace(
        games=played._replace(
            candidates=played.candidates.at[place].set(searched.candidates),
            policy=played.policy.at[place].set(searched.policy),
        )
    )
