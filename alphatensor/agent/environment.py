"""TensorGame: rank-1 tensors are subtracted from a target until nothing is left.

Fawzi et al. 2022, "TensorGame". Every move costs a reward of -1. A game ends when the residual is
zero, or after `max_moves` (the paper's R_limit) moves; in the second case the last move also costs
the slice-rank bound of the residual, so that the return of a failed game is -max_moves - bound.
There is no discount.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions, rank_bound
from alphatensor.agent.config import GameConfig
from alphatensor.rings import Ring

# Residuals are stored in 16 bits, so that a search tree fits in memory; ranks rely on this bound.
RESIDUAL_DTYPE = jnp.int16
MAX_ENTRY = 32_767


class Game(NamedTuple):
    """The rules of all games of a run. Hashable: a static argument of jitted functions.

    Attributes:
      ring: the arithmetic.
      side: S, the length of the three modes after padding.
      config: the limit of moves and the length of the history.
    """

    ring: Ring
    side: int
    config: GameConfig


class State(NamedTuple):
    """One game; a batch of games has a leading axis [B] on every leaf.

    Attributes:
      residual: int16 [S, S, S], what is left to decompose.
      past_actions: int8 [h, 3, S], the last actions, newest first, zero before the start.
      support: bool [3, S], the coordinates that the target occupies; the rest is padding.
      num_moves: int32 [], actions played so far.
      done: bool [], whether the game has ended.
      solved: bool [], whether the residual is zero.
    """

    residual: jax.Array
    past_actions: jax.Array
    support: jax.Array
    num_moves: jax.Array
    done: jax.Array
    solved: jax.Array


class Observation(NamedTuple):
    """What the network sees of one state.

    Attributes:
      tensors: float32 [h + 1, S, S, S], the residual and then the past actions as rank-1 tensors.
      scalars: float32 [1], the share of the allowed moves that has been played.
    """

    tensors: jax.Array
    scalars: jax.Array


def reset(tensor: jax.Array, support: jax.Array, game: Game) -> State:
    """Returns the first state of one game.

    Args:
      tensor: integers [S, S, S], the target in the game's basis.
      support: bool [3, S], the coordinates that the target occupies.
      game: rules of the game.
    """
    chex.assert_shape(tensor, (game.side,) * 3)
    chex.assert_shape(support, (3, game.side))
    residual = game.ring.reduce(tensor).astype(RESIDUAL_DTYPE)
    solved = jnp.all(residual == 0)
    return State(
        residual=residual,
        past_actions=jnp.zeros((game.config.history, 3, game.side), jnp.int8),
        support=support,
        num_moves=jnp.zeros((), jnp.int32),
        done=solved,
        solved=solved,
    )


def step(states: State, factors: jax.Array, game: Game) -> tuple[State, jax.Array]:
    """Plays one move of each game of a batch.

    Games are stepped together because the rank bound is costly: it is computed only when some game
    of the batch has just failed.

    Args:
      states: batch of states, leaves [B, ...].
      factors: int8 [B, 3, S], the actions.
      game: rules of the games.

    Returns:
      (next states, rewards float32 [B]). The reward is -1, less the rank bound of the residual
      where the game has ended unsolved. A game that was done stays as it is and is paid 0.
    """
    chex.assert_shape(factors, (*states.done.shape, 3, game.side))
    after = jax.vmap(_move, in_axes=(0, 0, None))(states, factors, game)
    rewards = jnp.where(states.done, 0.0, -1.0)
    failed = after.done & ~after.solved & ~states.done

    def bounds(residual):
        bound = rank_bound.slice_rank_bound(residual, game.ring, MAX_ENTRY)
        return bound.astype(jnp.float32)

    def zeros(residual):
        return jnp.zeros(residual.shape[0], jnp.float32)

    penalty = jax.lax.cond(jnp.any(failed), bounds, zeros, after.residual)
    return after, rewards + jnp.where(failed, -penalty, 0.0)


def _move(state: State, factors: jax.Array, game: Game) -> State:
    """Returns one game's state after an action [3, S]; a game that is done stays as it is."""
    residual = state.residual.astype(jnp.int32) - actions.outer(factors, game.ring)
    residual = game.ring.reduce(residual).astype(RESIDUAL_DTYPE)
    solved = jnp.all(residual == 0)
    num_moves = state.num_moves + 1
    past_actions = jnp.concatenate([factors[None].astype(jnp.int8), state.past_actions])
    after = State(
        residual=residual,
        past_actions=past_actions[: game.config.history],
        support=state.support,
        num_moves=num_moves,
        done=solved | (num_moves >= game.config.max_moves),
        solved=solved,
    )
    return jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)


def position(
    tensor: jax.Array, support: jax.Array, factors: jax.Array, num_moves: jax.Array, game: Game
) -> State:
    """Returns a position in the middle of a game: all moves so far are subtracted at once.

    It equals the state after as many calls of `step`, for moves that do not end the game.

    Args:
      tensor: integers [S, S, S], the tensor that the game starts from.
      support: bool [3, S], the coordinates that the target occupies.
      factors: int8 [T, 3, S], the actions of the game.
      num_moves: int32 [], how many of them have been played, fewer than end the game.
      game: rules of the game.
    """
    is_played = jnp.arange(factors.shape[0]) < num_moves
    removed = actions.sum_of(factors * is_played[:, None, None], game.ring)
    residual = game.ring.reduce(tensor.astype(jnp.int32) - removed).astype(RESIDUAL_DTYPE)
    history = game.config.history
    padded = jnp.concatenate([jnp.zeros((history, *factors.shape[1:]), jnp.int8), factors])
    past_actions = jax.lax.dynamic_slice_in_dim(padded, num_moves, history)[::-1]
    done = jnp.zeros((), bool)
    return State(
        residual=residual,
        past_actions=past_actions,
        support=support,
        num_moves=num_moves.astype(jnp.int32),
        done=done,
        solved=done,
    )


def observe(state: State, game: Game) -> Observation:
    """Returns what the network sees of one state."""
    past = actions.outer(state.past_actions, game.ring).astype(jnp.float32)
    tensors = jnp.concatenate([state.residual[None].astype(jnp.float32), past])
    time = state.num_moves.astype(jnp.float32) / game.config.max_moves
    return Observation(tensors, time[None])
