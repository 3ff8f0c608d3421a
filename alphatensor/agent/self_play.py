"""Batches of games with search: from the start in a random basis to finished games."""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import bases, environment
from alphatensor.agent.agent import Agent, Constants
from alphatensor.agent.search import SearchResult, search


class Games(NamedTuple):
    """Finished games; a batch has a leading axis [B] on every leaf.

    T is `GameConfig.max_moves`. What lies beyond the end of a game is never learnt from.

    Attributes:
      start: int16 [S, S, S], the target in the game's basis.
      support: bool [3, S], the coordinates that the target occupies.
      actions: int8 [T, 3, S], zero after the end.
      candidates: int8 [T, K, 3, S], the actions searched at each move.
      policy: float32 [T, K], the improved policy over them.
      returns: float32 [T], the return from each move on, the bonus included.
      bonus: float32 [], what the solving move was paid beside its -1; 0 unless the run times of
        algorithms are rewarded.
      length: int32 [], moves played.
      solved: bool [], whether nothing was left at the end.
      target: int32 [], index of the target.
      inverse: int32 [3, S, S], matrices that lead back to the canonical basis.
    """

    start: jax.Array
    support: jax.Array
    actions: jax.Array
    candidates: jax.Array
    policy: jax.Array
    returns: jax.Array
    bonus: jax.Array
    length: jax.Array
    solved: jax.Array
    target: jax.Array
    inverse: jax.Array


class Statistics(NamedTuple):
    """Means over all moves of a batch of games, float32 [].

    Attributes:
      policy_entropy: of the improved policy, in nats.
      merged_share: share of the K samples that merging has removed.
      search_depth: mean depth of the tree's nodes.
    """

    policy_entropy: jax.Array
    merged_share: jax.Array
    search_depth: jax.Array


def start_games(
    keys: jax.Array, agent: Agent, constants: Constants
) -> tuple[environment.State, jax.Array, jax.Array]:
    """Draws a target and a basis for each game.

    A basis is drawn by its number, of which there are `BasesConfig.num_bases`; with probability
    `BasesConfig.canonical_probability` the game is in the canonical basis instead.

    Args:
      keys: one random key for each game, [B].
      agent: the agent.
      constants: arrays of the run.

    Returns:
      (first states [B, ...], target indices int32 [B], inverse bases int32 [B, 3, S, S]).
    """
    game, config = agent.game, agent.config.bases
    draws = [
        functools.partial(bases.random_basis, shape=shape, game=game, config=config)
        for shape in agent.shapes
    ]

    def start(key):
        target_key, number_key, canonical_key = jax.random.split(key, 3)
        target = jax.random.randint(target_key, (), 0, len(agent.shapes))
        number = jax.random.randint(number_key, (), 0, config.num_bases)
        basis = jax.lax.switch(target, draws, jax.random.fold_in(constants.bases_key, number))
        is_canonical = jax.random.bernoulli(canonical_key, config.canonical_probability)
        canonical = bases.identity(game.side)
        basis = jax.tree.map(lambda a, b: jnp.where(is_canonical, a, b), canonical, basis)
        tensor = bases.change_tensor(constants.targets[target], basis.forward, game.ring)
        state = environment.reset(tensor, constants.supports[target], game)
        return state, target, basis.inverse

    return jax.vmap(start)(keys)


def play(params, agent: Agent, constants: Constants, keys: jax.Array) -> tuple[Games, Statistics]:
    """Plays a batch of games from start to end, all at once.

    A game depends on its own key alone, not on the batch that it is played in.

    Args:
      params: parameters of the network.
      agent: the agent.
      constants: arrays of the run.
      keys: one random key for each game, [B].
    """
    chex.assert_rank(keys, 1)
    chex.assert_shape(constants.targets, (len(agent.shapes), *(agent.game.side,) * 3))
    start, target, inverse = start_games(keys, agent, constants)

    def move(states, index):
        move_keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
        result = search(params, agent, constants.permutations, states, move_keys, inverse)
        action = jax.vmap(lambda c, a: c[a])(result.candidates, result.chosen)
        after, rewards = environment.step(states, action, agent.game)
        action = jnp.where(states.done[:, None, None], 0, action)
        statistics = _statistics(result, ~states.done)
        return after, (action, result.candidates, result.policy, rewards, statistics)

    end, (*moves, statistics) = jax.lax.scan(move, start, jnp.arange(agent.config.game.max_moves))
    actions, candidates, policy, rewards = (jnp.moveaxis(x, 0, 1) for x in moves)
    games = Games(
        start=start.residual,
        support=start.support,
        actions=actions,
        candidates=candidates,
        policy=policy,
        returns=jnp.cumsum(rewards[:, ::-1], axis=1)[:, ::-1],
        bonus=jnp.zeros(keys.shape, jnp.float32),
        length=end.num_moves,
        solved=end.solved,
        target=target,
        inverse=inverse,
    )
    weights, sums = statistics
    return games, Statistics(*(jnp.sum(x) / jnp.maximum(jnp.sum(weights), 1) for x in sums))


def _statistics(result: SearchResult, is_playing: jax.Array):
    """Returns the number of games still being played and sums over them, for means of all moves."""
    log_policy = jnp.log(jnp.where(result.policy > 0, result.policy, 1.0))
    entropy = -jnp.sum(result.policy * log_policy, axis=-1)
    merged = 1 - result.num_distinct / result.candidates.shape[1]
    weights = is_playing.astype(jnp.float32)
    sums = tuple(jnp.sum(x * weights) for x in (entropy, merged, result.depth))
    return jnp.sum(weights), sums
