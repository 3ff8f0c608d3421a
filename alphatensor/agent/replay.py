"""Buffers of played games, and training examples drawn from games and demonstrations.

Buffers live on the device as fixed-size arrays; every function is pure. A training example is one
random position of one game (paper, Fig. 2: "sample random state").
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent import demonstrations
from alphatensor.agent.environment import RESIDUAL_DTYPE, Rules, State
from alphatensor.agent.self_play import Games


class Buffer(NamedTuple):
    """Games, leaves [capacity, ...].

    Attributes:
      games: the stored games; the first `size` are valid.
      score: float32 [capacity], what best games are ordered by; -inf where empty.
      size: int32 [].
      next: int32 [], where the next game of a ring buffer goes.
    """

    games: Games
    score: jax.Array
    size: jax.Array
    next: jax.Array


class Example(NamedTuple):
    """One position to learn from.

    Attributes:
      state: the position.
      actions: int8 [A, 3, S], actions to predict, drawn from the same policy: the order of a
        demonstration is free, so each of its remaining factors may be played next. Several cost
        little more than one, since the torso runs once a state.
      value: float32 [], the return from here on.
    """

    state: State
    actions: jax.Array
    value: jax.Array


def empty(game: Games, capacity: int) -> Buffer:
    """An empty buffer for games like `game`, whose leaves have no batch axis (or their shapes)."""
    return Buffer(
        games=jax.tree.map(lambda x: jnp.zeros((capacity, *x.shape), x.dtype), game),
        score=jnp.full((capacity,), -jnp.inf, jnp.float32),
        size=jnp.zeros((), jnp.int32),
        next=jnp.zeros((), jnp.int32),
    )


def add(buffer: Buffer, games: Games) -> Buffer:
    """Overwrites the oldest games with a batch of new ones."""
    capacity = buffer.score.shape[0]
    batch = games.length.shape[0]
    index = (buffer.next + jnp.arange(batch)) % capacity
    return Buffer(
        games=jax.tree.map(lambda old, new: old.at[index].set(new), buffer.games, games),
        score=buffer.score.at[index].set(games.returns[:, 0]),
        size=jnp.minimum(buffer.size + batch, capacity),
        next=(buffer.next + batch) % capacity,
    )


def with_bonus(games: Games, bonus: jax.Array) -> Games:
    """Games [B] whose solving move is paid `bonus` float32 [B] more; unsolved ones stay."""
    moves = jnp.arange(games.returns.shape[1])
    is_paid = games.solved[:, None] & (moves < games.length[:, None])
    return games._replace(returns=games.returns + jnp.where(is_paid, bonus[:, None], 0.0))


def add_best(buffer: Buffer, games: Games, slack: int) -> Buffer:
    """Keeps the solved games with the highest returns, relative to the best of their target.

    Among games of one length those paid more come first, and then newer ones.

    Args:
      buffer: best games so far.
      games: new games; unsolved ones are ignored.
      slack: games longer than the best game of their target by more than this are dropped.
    """
    everything = jax.tree.map(lambda *x: jnp.concatenate(x), games, buffer.games)
    batch = games.length.shape[0]
    solved = jnp.concatenate([games.solved, buffer.score > -jnp.inf])
    length = jnp.where(solved, everything.length, jnp.iinfo(jnp.int32).max)
    same_target = everything.target[:, None] == everything.target[None, :]
    best = jnp.min(jnp.where(same_target, length[None, :], jnp.iinfo(jnp.int32).max), axis=1)
    excess = (everything.length - best).astype(jnp.float32)
    score = jnp.where(solved & (excess <= slack), -excess, -jnp.inf)
    is_new = jnp.arange(score.shape[0]) < batch
    capacity = buffer.score.shape[0]
    bonus = everything.returns[:, 0] + everything.length  # 0 unless run times are rewarded
    order = score + 0.4 * jnp.tanh(bonus) + jnp.where(is_new, 1e-3, 0.0)  # stays within a rank
    _, index = jax.lax.top_k(order, capacity)
    kept = score[index]
    return Buffer(
        games=jax.tree.map(lambda x: x[index], everything),
        score=kept,
        size=jnp.sum(kept > -jnp.inf, dtype=jnp.int32),
        next=buffer.next,
    )


def _position(start, support, actions, length, index, rules: Rules) -> State:
    """The state after the first `index` of `actions` [T, 3, S]."""
    played = jnp.arange(actions.shape[0]) < index
    u, v, w = (actions[:, mode].astype(jnp.int32) for mode in range(3))
    removed = jnp.einsum("ti,tj,tk->ijk", u * played[:, None], v, w)
    residual = rules.ring.reduce(start.astype(jnp.int32) - removed).astype(RESIDUAL_DTYPE)
    padded = jnp.concatenate([jnp.zeros((rules.history, *actions.shape[1:]), jnp.int8), actions])
    past = jax.lax.dynamic_slice_in_dim(padded, index, rules.history)[::-1]
    done = jnp.zeros((), bool)
    return State(residual, past, support, index.astype(jnp.int32), done, done)


def demonstration_example(
    key: jax.Array, support: jax.Array, law: demonstrations.Law, rules: Rules, num_actions: int
) -> Example:
    """A random position of a fresh demonstration on the support bool [3, S]."""
    draw_key, index_key = jax.random.split(key)
    game = demonstrations.sample(draw_key, support, law, rules.ring)
    u, v, w = (game.factors[:, mode].astype(jnp.int32) for mode in range(3))
    start = rules.ring.reduce(jnp.einsum("ti,tj,tk->ijk", u, v, w))
    index = jax.random.randint(index_key, (), 0, game.rank)
    state = _position(start, support, game.factors, game.rank, index, rules)
    remaining = game.rank - index
    following = index + jnp.arange(num_actions) % remaining
    return Example(state, game.factors[following], -remaining.astype(jnp.float32))


def game_example(
    key: jax.Array, buffer: Buffer, rules: Rules, num_actions: int, shuffle_probability: float
) -> Example:
    """A random position of a random game of a buffer that is not empty.

    The actions are drawn from the improved policy. With `shuffle_probability`, a solved game is
    first put in a random order, and the actions are those played next (paper, order of actions).
    """
    game_key, index_key, policy_key, order_key, shuffle_key = jax.random.split(key, 5)
    number = jax.random.randint(game_key, (), 0, jnp.maximum(buffer.size, 1))
    game = jax.tree.map(lambda x: x[number], buffer.games)
    moves = game.actions.shape[0]
    index = jax.random.randint(index_key, (), 0, jnp.maximum(game.length, 1))

    noise = jax.random.uniform(order_key, (moves,))
    order = jnp.argsort(jnp.where(jnp.arange(moves) < game.length, noise, 2.0))
    shuffle = jax.random.bernoulli(shuffle_key, shuffle_probability) & game.solved
    actions = jnp.where(shuffle, game.actions[order], game.actions)

    state = _position(game.start, game.support, actions, game.length, index, rules)
    picked = jax.random.categorical(policy_key, jnp.log(game.policy[index]), shape=(num_actions,))
    following = index + jnp.arange(num_actions) % jnp.maximum(game.length - index, 1)
    chosen = jnp.where(shuffle, actions[following], game.candidates[index, picked])
    return Example(state, chosen, game.returns[index])
