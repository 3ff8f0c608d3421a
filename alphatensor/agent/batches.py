"""Batches: examples drawn from demonstrations and games, as input of the network and its targets.

Fawzi et al. 2022, Methods, "Training". Batches mix demonstrations, recent games and best games;
every example is seen under a random signed permutation.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions, baseline, bases, environment, replay
from alphatensor.agent.agent import Agent, Constants

# Where examples come from, in the order of `Experience.mixture` and of losses by source.
SOURCES = ("demonstrations", "games", "best_games")


class Experience(NamedTuple):
    """What is learnt from, beside fresh demonstrations.

    Attributes:
      games: recent games.
      best_games: the shortest solved games.
      mixture: float32 [3], the shares of `SOURCES`, which sum to 1. The share of an empty buffer
        goes to demonstrations; where they have none, to the other buffer.
    """

    games: replay.RingBuffer
    best_games: replay.BestBuffer
    mixture: jax.Array


# Makes one example for each random key [B]: keys -> (examples [B, ...], number of the source of
# each among at most len(SOURCES), int32 [B]).
Draw = Callable[[jax.Array], tuple[replay.Example, jax.Array]]


class Batch(NamedTuple):
    """Network input and what it should predict, leaves [B, ...].

    Attributes:
      observation: the network's input.
      tokens: int32 [B, A, k], the actions to predict.
      is_useful: bool [B, A], False for null actions, which are not learnt.
      is_set: bool [B], whether each of the actions is right.
      value: float32 [B], the return, less the search's baseline where it has one.
    """

    observation: environment.Observation
    tokens: jax.Array
    is_useful: jax.Array
    is_set: jax.Array
    value: jax.Array


def draw_examples(
    keys: jax.Array, experience: Experience, constants: Constants, agent: Agent
) -> tuple[replay.Example, jax.Array]:
    """Draws one example for each random key [B].

    A demonstration lies on the support of a random target.

    Returns:
      (examples, leaves [B, ...]; index of the source of each in `SOURCES`, int32 [B]).
    """
    chex.assert_shape(experience.mixture, (len(SOURCES),))
    chex.assert_shape(constants.supports, (len(agent.shapes), 3, agent.game.side))
    games, best_games, supports = experience.games, experience.best_games, constants.supports
    filled = jnp.stack([jnp.array(True), games.size > 0, best_games.size > 0])
    shares = jnp.where(filled, experience.mixture, 0.0)
    has_demonstrations = (shares[0] > 0) | (jnp.sum(shares) == 0)
    shares = shares.at[0].add(jnp.where(has_demonstrations, 1.0 - jnp.sum(shares), 0.0))

    def one(key):
        source_key, support_key, demo_key, game_key, best_key = jax.random.split(key, 5)
        support = supports[jax.random.randint(support_key, (), 0, supports.shape[0])]
        # All three are made and one is kept: the source differs from example to example, and a
        # batched `lax.switch` evaluates every branch as well.
        candidates = (
            replay.demonstration_example(demo_key, support, agent),
            replay.game_example(game_key, games, agent),
            replay.game_example(best_key, best_games, agent),
        )
        source = jax.random.categorical(source_key, jnp.log(shares))
        return jax.tree.map(lambda *x: jnp.stack(x)[source], *candidates), source

    return jax.vmap(one)(keys)


def make_batch(
    keys: jax.Array,
    examples: replay.Example,
    permutations: bases.SignedPermutation,
    agent: Agent,
) -> Batch:
    """Turns examples into network input, each under a random signed permutation.

    Args:
      keys: one random key for each example, [B].
      examples: leaves [B, ...].
      permutations: bank of signed permutations, leaves [P, 3, S].
      agent: the agent.
    """
    ring = agent.game.ring
    values = examples.value
    values = values - baseline.of(
        examples.state.residual, examples.inverse, agent.config.search, ring
    )
    examples = examples._replace(value=values)

    def one(key, example: replay.Example):
        permutation = bases.draw_permutation(key, permutations)
        state = bases.permute_state(example.state, permutation, ring)
        factors = bases.permute_factors(example.actions, permutation, ring)
        return Batch(
            observation=environment.observe(state, agent.game),
            tokens=actions.to_tokens(actions.canonical(factors, ring), agent.vocabulary),
            is_useful=~actions.is_null(factors),
            is_set=example.is_set,
            value=example.value,
        )

    return jax.vmap(one)(keys, examples)
