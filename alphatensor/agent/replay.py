"""Buffers of played games, and training examples drawn from games and demonstrations.

Buffers live on the device as arrays of fixed sizes; every function is pure. A training example is
one random position of one game (Fawzi et al. 2022, Fig. 2: "sample random state").
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions, bases, demonstrations, environment, rank_bound, symmetries
from alphatensor.agent.agent import Agent
from alphatensor.agent.self_play import Games

# Best games are ordered by minus their excess length, a whole number. What orders games of one
# length must stay below 1: the bonus contributes -0.4 to 0.4, however large it is, and being new
# decides among games paid alike, so that the buffer does not keep the first ones for ever.
_BONUS_WEIGHT = 0.4
_NEW_WEIGHT = 1e-3


class RingBuffer(NamedTuple):
    """The most recent games.

    Attributes:
      games: leaves [capacity, ...]; the first `size` are valid.
      size: int32 [], games stored.
      next: int32 [], where the next game goes.
    """

    games: Games
    size: jax.Array
    next: jax.Array


class BestBuffer(NamedTuple):
    """The shortest solved games of each target, best first.

    Attributes:
      games: leaves [capacity, ...]; the first `size` are valid.
      score: float32 [capacity], minus the moves by which a game is longer than the best one of its
        target; -inf where empty.
      size: int32 [], games stored.
    """

    games: Games
    score: jax.Array
    size: jax.Array


class Example(NamedTuple):
    """One position to learn from.

    Attributes:
      state: the position.
      actions: int8 [A, 3, S], actions to predict, all of the same policy.
      is_set: bool [], whether they are moves that are left, each of which may be played next.
      value: float32 [], the return from here on.
      inverse: int32 [3, S, S], the matrices back to the canonical basis.
    """

    state: environment.State
    actions: jax.Array
    is_set: jax.Array
    value: jax.Array
    inverse: jax.Array


def empty_ring(game: Games, capacity: int) -> RingBuffer:
    """Returns an empty buffer of recent games.

    Args:
      game: one game, or the shapes and dtypes of its leaves, without a batch axis.
      capacity: games that the buffer holds.
    """
    zero = jnp.zeros((), jnp.int32)
    return RingBuffer(_no_games(game, capacity), size=zero, next=zero)


def empty_best(game: Games, capacity: int) -> BestBuffer:
    """Returns an empty buffer of best games; arguments as those of `empty_ring`."""
    score = jnp.full((capacity,), -jnp.inf, jnp.float32)
    return BestBuffer(_no_games(game, capacity), score, size=jnp.zeros((), jnp.int32))


def _no_games(game: Games, capacity: int) -> Games:
    return jax.tree.map(lambda x: jnp.zeros((capacity, *x.shape), x.dtype), game)


def add(ring: RingBuffer, games: Games) -> RingBuffer:
    """Overwrites the oldest games with a batch of new ones, leaves [B, ...]."""
    chex.assert_trees_all_equal_dtypes(ring.games, games)
    capacity, batch = ring.games.length.shape[0], games.length.shape[0]
    index = (ring.next + jnp.arange(batch)) % capacity
    return RingBuffer(
        games=jax.tree.map(lambda old, new: old.at[index].set(new), ring.games, games),
        size=jnp.minimum(ring.size + batch, capacity),
        next=(ring.next + batch) % capacity,
    )


def with_bonus(games: Games, bonus: jax.Array) -> Games:
    """Pays the solving move of each game of a batch more; unsolved games stay as they are.

    Args:
      games: leaves [B, ...].
      bonus: float32 [B].
    """
    chex.assert_shape(bonus, games.solved.shape)
    bonus = jnp.where(games.solved, bonus, 0.0)
    is_played = jnp.arange(games.returns.shape[1]) < games.length[:, None]
    returns = games.returns + jnp.where(is_played, bonus[:, None], 0.0)
    return games._replace(returns=returns, bonus=games.bonus + bonus)


def add_best(best: BestBuffer, games: Games, slack: int) -> BestBuffer:
    """Keeps the shortest solved games, relative to the best of their target.

    Among games of one length those of a larger bonus come first, and then newer ones.

    Args:
      best: best games so far.
      games: batch of new games, leaves [B, ...]; unsolved ones are ignored.
      slack: games longer than the best game of their target by more than this are dropped.
    """
    chex.assert_trees_all_equal_dtypes(best.games, games)
    capacity, batch = best.score.shape[0], games.length.shape[0]
    everything = jax.tree.map(lambda *x: jnp.concatenate(x), games, best.games)
    solved = jnp.concatenate([games.solved, best.score > -jnp.inf])
    longest = jnp.iinfo(jnp.int32).max
    length = jnp.where(solved, everything.length, longest)
    same_target = everything.target[:, None] == everything.target[None, :]
    shortest = jnp.min(jnp.where(same_target, length[None, :], longest), axis=1)
    excess = (everything.length - shortest).astype(jnp.float32)
    score = jnp.where(solved & (excess <= slack), -excess, -jnp.inf)
    is_new = jnp.arange(score.shape[0]) < batch
    order = score + _BONUS_WEIGHT * jnp.tanh(everything.bonus)
    _, index = jax.lax.top_k(order + jnp.where(is_new, _NEW_WEIGHT, 0.0), capacity)
    kept = score[index]
    return BestBuffer(
        games=jax.tree.map(lambda x: x[index], everything),
        score=kept,
        size=jnp.sum(kept > -jnp.inf, dtype=jnp.int32),
    )


def demonstration_example(key: jax.Array, support: jax.Array, agent: Agent) -> Example:
    """Draws a random position of a fresh demonstration on the support bool [3, S].

    The order of a demonstration is free, so any of its remaining factors may be played next: the
    actions to predict are the next ones, all over again where fewer than A remain.
    """
    game, count = agent.game, agent.config.learner.actions_per_state
    draw_key, index_key = jax.random.split(key)
    demonstration = demonstrations.sample(
        draw_key, support, agent.config.demonstrations, agent.vocabulary.entries, game.ring
    )
    factors, rank = demonstration.factors, demonstration.rank
    start = actions.sum_of(factors, game.ring)
    index = jax.random.randint(index_key, (), 0, rank)
    state = environment.position(start, support, factors, index, game)
    remaining = rank - index
    following = index + jnp.arange(count) % remaining
    value = -remaining.astype(jnp.float32)
    here = bases.identity(game.side).inverse
    return Example(state, factors[following], jnp.array(True), value, here)


def game_example(key: jax.Array, buffer: RingBuffer | BestBuffer, agent: Agent) -> Example:
    """Draws a random position of a random game of a buffer that is not empty.

    The actions are drawn from the improved policy. With `LearnerConfig.shuffle_probability` a
    solved game is first put in a random order, and the actions are those played next. With
    probability `LearnerConfig.symmetries` it is another one with the same start. Actions that
    `LearnerConfig.unsolved_policy` leaves out are null, which are not learnt.
    """
    config = agent.config.learner
    count = config.actions_per_state
    game_key, index_key, policy_key, order_key, shuffle_key = jax.random.split(key, 5)
    number = jax.random.randint(game_key, (), 0, jnp.maximum(buffer.size, 1))
    played = jax.tree.map(lambda x: x[number], buffer.games)
    if config.symmetries:
        played = _moved(jax.random.fold_in(key, 0), played, agent)
    moves = played.actions.shape[0]
    index = jax.random.randint(index_key, (), 0, jnp.maximum(played.length, 1))

    noise = jax.random.uniform(order_key, (moves,))
    order = jnp.argsort(jnp.where(jnp.arange(moves) < played.length, noise, 2.0))
    shuffle = jax.random.bernoulli(shuffle_key, config.shuffle_probability) & played.solved
    ordered = jnp.where(shuffle, played.actions[order], played.actions)

    state = environment.position(played.start, played.support, ordered, index, agent.game)
    picked = jax.random.categorical(policy_key, jnp.log(played.policy[index]), shape=(count,))
    following = index + jnp.arange(count) % jnp.maximum(played.length - index, 1)
    chosen = jnp.where(shuffle, ordered[following], played.candidates[index, picked])
    if config.unsolved_policy == "better":
        bound = rank_bound.value_baseline(played.start, agent.game.ring)
        chosen = jnp.where(played.solved | (played.returns[0] > bound), chosen, 0)
    return Example(state, chosen, shuffle, played.returns[index], played.inverse)


def _moved(key: jax.Array, played: Games, agent: Agent) -> Games:
    """Maps a solved game by a random symmetry of its target; others stay as they are."""
    choice_key, map_key = jax.random.split(key)
    ring = agent.game.ring
    maps = [
        functools.partial(symmetries.map_factors, shape=shape, ring=ring) for shape in agent.shapes
    ]
    both = jnp.concatenate([played.actions[:, None], played.candidates], axis=1)
    moved = jax.lax.switch(played.target, maps, map_key, both, played.inverse)
    moved = actions.canonical(moved, ring)
    is_moved = played.solved & jax.random.bernoulli(choice_key, agent.config.learner.symmetries)
    moved = jnp.where(is_moved, moved, both)
    return played._replace(actions=moved[:, 0], candidates=moved[:, 1:])
