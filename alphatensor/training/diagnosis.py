"""Why a run is stuck: what its network knows of the positions that it meets.

    found = diagnose("runs/quickstart")
    print(text(found))

Positions are drawn as the learner draws them, from each of its sources. For each the policy's loss
stands beside its floor, the least loss that any policy could have, since several moves are right;
values stand beside the returns that they predict; and moves are drawn as the search draws them at
the root, to see how often one of them is known to be right.
"""

import functools
import os
from typing import BinaryIO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from alphatensor.agent import actions, baseline, bases, batches, learner, neighbourhood, replay
from alphatensor.agent.agent import Agent, Constants
from alphatensor.config import require
from alphatensor.training import discoveries, play, programs
from alphatensor.training.settings import Settings
from alphatensor.training.state import TrainState


class Position(NamedTuple):
    """What the network says of positions of one source, [N] each.

    Attributes:
      loss, floor: the policy's loss and the least that any policy could have, nats.
      returns, values: the return to come, and the value that predicts it.
      is_known: bool, whether the moves that are left of a solution are known.
      known: share of the drawn moves that are among these; at most `learner.actions_per_state` of
        them are looked at.
    """

    loss: np.ndarray
    floor: np.ndarray
    returns: np.ndarray
    values: np.ndarray
    is_known: np.ndarray
    known: np.ndarray


class Diagnosis(NamedTuple):
    """Says what a run's network knows.

    Attributes:
      positions: name of a source -> its positions.
      solved: solved games that the run remembers, or algorithms that walk.
      distinct: how many of these differ.
      samples: moves drawn at each position.
    """

    positions: dict[str, Position]
    solved: int
    distinct: int
    samples: int


def diagnose(run: str | os.PathLike, count: int = 1_024, seed: int = 0) -> Diagnosis:
    """Looks at positions of a run with the parameters of its newest checkpoint.

    Args:
      run: folder of the run.
      count: positions of each source.
      seed: seed of the positions.

    Raises:
      ConfigError, ValueError: in one line, for a count that does not fit, or no such run.
    """
    require("count", count, isinstance(count, int) and count > 0, "an integer of at least 1")
    settings, state = play.restore(run)
    constants = jax.tree.map(jnp.asarray, programs.constants_of(settings))
    found = {}
    for number, (name, draw) in enumerate(_sources(state, settings, constants).items()):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), count)
        see = functools.partial(
            look, draw=draw, permutations=constants.permutations, agent=settings.agent
        )
        found[name] = jax.device_get(jax.jit(see)(state.learner.played, keys))
    solved, distinct = _distinct(state, settings)
    return Diagnosis(found, solved, distinct, settings.config.search.width)


def _sources(state: TrainState, settings: Settings, constants: Constants):
    """Returns name -> function from random keys [N] to examples [N, ...]."""
    agent = settings.agent
    if state.walks is not None:
        shares = {"demonstrations": 0.0, "terms": 1.0}
        return {
            name: lambda keys, share=share: neighbourhood.draw_examples(
                keys, state.walks, jnp.array(share), agent
            )[0]
            for name, share in shares.items()
        }
    found = {}
    sizes = (1, int(state.games.size), int(state.best_games.size))
    for number, (name, size) in enumerate(zip(batches.SOURCES, sizes, strict=True)):
        if size:
            mixture = jnp.zeros(3).at[number].set(1.0)
            experience = batches.Experience(state.games, state.best_games, mixture)
            found[name] = lambda keys, experience=experience: batches.draw_examples(
                keys, experience, constants, agent
            )[0]
    return found


def look(
    params, keys: jax.Array, draw, permutations: bases.SignedPermutation, agent: Agent
) -> Position:
    """Draws examples and lets the network look at them."""
    example_keys, batch_keys, sample_keys = jax.vmap(lambda k: jax.random.split(k, 3), out_axes=1)(
        keys
    )
    examples: replay.Example = draw(example_keys)
    batch = batches.make_batch(batch_keys, examples, permutations, agent)
    _, (losses, _) = learner.loss(params, jax.random.key(0), batch, agent)
    shape = (agent.config.search.width, agent.vocabulary.num_tokens)
    uniforms = jax.vmap(lambda key: jax.random.uniform(key, shape))(sample_keys)
    output = agent.network.sample(params, batch.observation, uniforms)
    values = agent.network.value_head.value(output.value)
    values += baseline.of(
        examples.state.residual, examples.inverse, agent.config.search, agent.game.ring
    )
    # Both are seen under the same signed permutation, so that tokens can be compared.
    drawn = actions.from_tokens(output.tokens, agent.vocabulary)
    drawn = actions.to_tokens(actions.canonical(drawn, agent.game.ring), agent.vocabulary)
    is_known = jnp.all(drawn[:, :, None] == batch.tokens[:, None], axis=-1)
    is_known = jnp.any(is_known & batch.is_useful[:, None], axis=-1)
    floor = jax.vmap(lambda *x: _floor(*x, is_any=agent.config.learner.policy_loss == "any"))(
        batch.tokens, batch.is_useful, batch.is_set
    )
    return Position(
        losses, floor, examples.value, values, batch.is_set, jnp.mean(is_known, axis=-1)
    )


def _floor(tokens: jax.Array, is_useful: jax.Array, is_set: jax.Array, is_any: bool) -> jax.Array:
    """Returns the least loss of any policy for actions given as tokens [A, k]."""
    same = jnp.all(tokens[:, None] == tokens, axis=-1) & is_useful[:, None] & is_useful
    copies = jnp.maximum(jnp.sum(same, axis=-1), 1)
    shares = copies / jnp.maximum(jnp.sum(is_useful), 1)
    mean = -jnp.sum(jnp.where(is_useful, jnp.log(shares), 0.0)) / len(tokens)
    if not is_any:
        return mean
    one = jnp.where(jnp.any(is_useful), jnp.log(len(tokens) / jnp.max(copies)), 0.0)
    return jnp.where(is_set, one, mean)


def _distinct(state: TrainState, settings: Settings) -> tuple[int, int]:
    """Returns how many solutions a run remembers, and how many of them differ."""
    if state.walks is None:
        games = discoveries.of_games(jax.device_get(state.games.games))
        solved = [int(x) for x in np.flatnonzero(games.solved)]
        solutions = [discoveries.factorization_of(games, x, settings) for x in solved]
    else:
        solutions = list(play.shortest(state.walks, settings))
    keys = {play.terms_key(f) for f in solutions if f is not None}
    return len(solutions), len(keys)


def text(found: Diagnosis) -> str:
    """Returns what was found as lines, the remarks last."""
    lines = [
        f"{'positions of':<16}{'policy loss':>12}{'its floor':>11}{'value':>8}{'return':>8}"
        f"{'off by':>8}{'right move drawn':>18}"
    ]
    for name, x in found.positions.items():
        error = np.sqrt(np.mean((x.values - x.returns) ** 2))
        lines.append(
            f"{name:<16}{np.mean(x.loss):>12.2f}{np.mean(x.floor):>11.2f}{np.mean(x.values):>8.2f}"
            f"{np.mean(x.returns):>8.2f}{error:>8.2f}{_drawn(x):>18.1%}"
        )
    lines.append(f"solutions remembered: {found.solved:,}, of which {found.distinct:,} differ")
    return "\n".join(lines + remarks(found))


def remarks(found: Diagnosis) -> list[str]:
    """Returns what a user may try, one line for each thing that looks wrong."""
    lines = []
    for name, x in found.positions.items():
        if np.any(x.is_known) and _drawn(x) < 0.5:
            lines.append(
                f"{name}: among {found.samples} moves drawn there is rarely a right one. Learn "
                "longer (train.warmup_updates, train.updates_per_round) or draw more "
                "(search.samples, search.root_samples)."
            )
        bias = float(np.mean(x.values - x.returns))
        if abs(bias) > 1:
            lines.append(f"{name}: values are {bias:+.1f} off on average; see network.risk.")
    if found.solved == 0:
        lines.append("no game is solved: make them easier (game.max_moves, bases.density).")
    elif found.distinct < 0.1 * found.solved:
        lines.append(
            "nearly all solutions are the same: play in more bases (bases.canonical_probability), "
            "or make detours (neighbourhood.detour)."
        )
    return lines


def _drawn(x: Position) -> float:
    """Returns the share of positions with known right moves where one of them was drawn."""
    known = x.known[x.is_known]
    return float(np.mean(known > 0)) if len(known) else float("nan")


def draw(found: Diagnosis, file: BinaryIO) -> None:
    """Draws the losses, the right moves and the calibration of the values as PNG."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    losses, moves, values = figure.subplots(1, 3)
    names = list(found.positions)
    place = np.arange(len(names))
    for shift, field, label in ((-0.2, "loss", "policy loss"), (0.2, "floor", "its floor")):
        heights = [np.mean(getattr(x, field)) for x in found.positions.values()]
        losses.bar(place + shift, heights, 0.4, label=label)
    losses.set_xticks(place, names)
    losses.set_title("policy loss and the least possible (nats)", fontsize=10)
    losses.legend(fontsize=8)
    for name, x in found.positions.items():
        left = np.round(-x.returns[x.is_known]).astype(int)
        numbers = np.unique(left)
        share = [np.mean(x.known[x.is_known][left == n] > 0) for n in numbers]
        moves.plot(numbers, share, ".-", label=name)
        levels = np.unique(np.round(x.returns))
        means = [np.mean(x.values[np.round(x.returns) == n]) for n in levels]
        values.plot(levels, means, ".-", label=name)
    moves.set_title(f"a right move among {found.samples} drawn", fontsize=10)
    moves.set_xlabel("moves left")
    moves.set_ylim(0, 1.02)
    values.axline((0, 0), slope=1, color="grey", lw=1)
    values.set_title("mean value by return", fontsize=10)
    values.set_xlabel("return")
    for ax in (moves, values):
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    figure.savefig(file, dpi=110, format="png")
