"""TensorGame (paper, "TensorGame"): subtract rank-1 tensors until nothing is left.

Pure functions on one game's state; batch them with `jax.vmap`. Every move costs a reward of -1. A
game ends when the residual is zero, or after `max_moves` (the paper's R_limit) moves; in the second
case the last move also costs the slice-rank bound of the residual, so that the return of a failed
game is -max_moves - bound. There is no discount.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent import actions as factors_lib
from alphatensor.agent import rank_bound
from alphatensor.rings import Ring

# Residuals are stored in 16 bits, so that a search tree fits in memory; ranks rely on this bound.
RESIDUAL_DTYPE = jnp.int16
MAX_ENTRY = 32_767


class Rules(NamedTuple):
    """What stays the same in all games of a run. Hashable: a static argument.

    Attributes:
      ring: the arithmetic.
      side: S, the length of the three modes after padding.
      max_moves: R_limit, moves after which an unsolved game ends.
      history: h, the number of past actions in the observation.
    """

    ring: Ring
    side: int
    max_moves: int
    history: int


class State(NamedTuple):
    """One game.

    Attributes:
      residual: int16 [S, S, S], what is left to decompose.
      past: int8 [h, 3, S], the last actions, newest first, zero before the start.
      support: bool [3, S], coordinates that the target occupies; the rest is padding.
      move: int32 [], actions played so far.
      done: bool [], whether the game has ended.
      solved: bool [], whether the residual is zero.
    """

    residual: jax.Array
    past: jax.Array
    support: jax.Array
    move: jax.Array
    done: jax.Array
    solved: jax.Array


class Observation(NamedTuple):
    """What the network sees of a state: the residual and the past as tensors, and the time.

    Attributes:
      tensors: float32 [h + 1, S, S, S].
      scalars: float32 [1], the share of the allowed moves already played.
    """

    tensors: jax.Array
    scalars: jax.Array


def reset(tensor: jax.Array, support: jax.Array, rules: Rules) -> State:
    """The first state of a game on an integer tensor [S, S, S] with support bool [3, S]."""
    residual = rules.ring.reduce(tensor).astype(RESIDUAL_DTYPE)
    solved = jnp.all(residual == 0)
    return State(
        residual=residual,
        past=jnp.zeros((rules.history, 3, rules.side), jnp.int8),
        support=support,
        move=jnp.zeros((), jnp.int32),
        done=solved,
        solved=solved,
    )


def step(state: State, action: jax.Array, rules: Rules) -> tuple[State, jax.Array]:
    """Plays an action int8 [3, S].

    Returns:
      (next state, reward float32 []): -1 without the penalty of an unsolved end, which
      `failure_penalty` gives. A game that is done does not change any more and costs nothing.
    """
    residual = state.residual.astype(jnp.int32) - factors_lib.outer(action, rules.ring)
    residual = rules.ring.reduce(residual).astype(RESIDUAL_DTYPE)
    solved = jnp.all(residual == 0)
    move = state.move + 1
    after = State(
        residual=residual,
        past=jnp.concatenate([action[None].astype(jnp.int8), state.past])[: rules.history],
        support=state.support,
        move=move,
        done=solved | (move >= rules.max_moves),
        solved=solved,
    )
    after = jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)
    return after, jnp.where(state.done, 0.0, -1.0)


def failure_penalty(before: State, after: State, rules: Rules) -> jax.Array:
    """Extra reward float32 [B] of a batch of steps: minus the rank bound where a game just failed.

    Takes batched states, because the ranks are computed only when some game of the batch needs
    them.
    """
    failed = after.done & ~after.solved & ~before.done

    def bounds(residual):
        return rank_bound.slice_rank_bound(residual, rules.ring, MAX_ENTRY).astype(jnp.float32)

    def zeros(residual):
        return jnp.zeros(residual.shape[0], jnp.float32)

    penalty = jax.lax.cond(jnp.any(failed), bounds, zeros, after.residual)
    return jnp.where(failed, -penalty, 0.0)


def observe(state: State, rules: Rules) -> Observation:
    """The network's input."""
    past = factors_lib.outer(state.past, rules.ring).astype(jnp.float32)
    tensors = jnp.concatenate([state.residual[None].astype(jnp.float32), past])
    time = state.move.astype(jnp.float32) / rules.max_moves
    return Observation(tensors, time[None])
