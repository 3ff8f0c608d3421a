"""What the agent learns from: demonstrations, beside the positions that its games meet.

Example::

    shown = demonstrate(quickstart.get_config(), run="runs/quickstart")
    print(table(shown.statistics))

A policy learnt on positions that look unlike those of games is of little use in them. Positions are
compared by the moves that are left to the end, as long as their tensor has entries, and by the
slice-rank bound of the rank that is left.
"""

import os
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from alphatensor.agent import actions, demonstrations, environment, rank_bound, self_play
from alphatensor.config import require
from alphatensor.training import play
from alphatensor.training.config import RunConfig
from alphatensor.training.settings import Settings, from_config


class Statistics(NamedTuple):
    """Means over the positions from which a number of moves are left.

    Attributes:
      left: the moves that are left.
      count: number of positions.
      nonzeros: share of the entries that are not zero, on the coordinates of the target.
      bound: slice-rank bound.
      shared: share of the pairs of moves left that share a factor.
    """

    left: int
    count: int
    nonzeros: float
    bound: float
    shared: float


class Shown(NamedTuple):
    """Holds demonstrations and what they look like.

    Attributes:
      factors: int8 [N, T, 3, S], zero from `rank` on.
      rank: int32 [N].
      statistics: `'demonstrations'`, and `'games'` where a run was given -> rows by moves left.
    """

    factors: np.ndarray
    rank: np.ndarray
    statistics: dict[str, list[Statistics]]


def demonstrate(
    config: RunConfig | Mapping,
    count: int = 1_000,
    seed: int = 0,
    run: str | os.PathLike | None = None,
) -> Shown:
    """Draws demonstrations as the learner does, and measures them.

    Args:
      config: configuration of a run.
      count: how many.
      seed: seed of the demonstrations.
      run: folder of a run whose recent solved games are measured too; None for none.

    Raises:
      ConfigError, ValueError: in one line, for arguments that do not fit, or no such run.
    """
    require("count", count, isinstance(count, int) and count > 0, "an integer of at least 1")
    settings = from_config(config)
    agent = settings.agent
    support = jnp.arange(agent.game.side) < jnp.array(agent.shapes[0])[:, None]

    def draw(key):
        return demonstrations.sample(
            key, support, agent.config.demonstrations, agent.vocabulary.entries, agent.game.ring
        )

    drawn = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(seed), count))
    factors, rank = jax.device_get(drawn)
    found = {"demonstrations": measure(factors, rank, settings)}
    if run is not None:
        played, state = play.restore(run)
        if state.games is None:
            raise ValueError(f"{run}: expected a run of whole games.")
        found["games"] = measure(*_solved(jax.device_get(state.games.games)), played)
    return Shown(factors, rank, found)


def _solved(games: self_play.Games) -> tuple[np.ndarray, np.ndarray]:
    """Returns the moves int8 [N, T, 3, S] and the lengths of the solved games of a buffer."""
    return games.actions[games.solved], games.length[games.solved]


def measure(factors: np.ndarray, rank: np.ndarray, settings: Settings) -> list[Statistics]:
    """Returns statistics of all positions on the way through solved games.

    Args:
      factors: int8 [N, T, 3, S], the moves of each game.
      rank: int [N], how many moves each has.
      settings: of the run that the games belong to.
    """
    ring, shape = settings.agent.game.ring, settings.agent.shapes[0]
    size, rows = np.prod(shape), []
    longest = int(np.max(rank, initial=0))

    @jax.jit
    def look(last):  # the moves that are left, [N, T, 3, S]
        tensors = jax.vmap(lambda x: actions.sum_of(x, ring))(last)
        bound = rank_bound.slice_rank_bound(tensors, ring, environment.MAX_ENTRY)
        return jnp.sum(tensors != 0, axis=(1, 2, 3)) / size, bound

    place = np.arange(factors.shape[1])
    for left in range(1, longest + 1):
        chosen, ends = factors[rank >= left], rank[rank >= left]
        is_left = (place < ends[:, None]) & (place >= ends[:, None] - left)
        last = np.where(is_left[:, :, None, None], chosen, 0)
        nonzeros, bound = look(last)
        shared = _shared(last, is_left) if left > 1 else 0.0
        rows.append(
            Statistics(left, len(last), float(np.mean(nonzeros)), float(np.mean(bound)), shared)
        )
    return rows


def _shared(factors: np.ndarray, is_left: np.ndarray) -> float:
    """Returns the share of pairs of moves [N, T, 3, S] left that have an equal factor."""
    same = np.any(np.all(factors[:, :, None] == factors[:, None], axis=-1), axis=-1)
    pairs = is_left[:, :, None] & is_left[:, None] & ~np.eye(is_left.shape[1], dtype=bool)
    return float(np.sum(same & pairs) / np.sum(pairs))


def table(statistics: Mapping[str, Sequence[Statistics]]) -> str:
    """Returns the statistics as text, a line for each number of moves left."""
    lines = [
        f"{'positions of':<16}{'left':>5}{'count':>8}{'non-zero':>10}{'bound':>8}{'shared':>8}"
    ]
    for name, rows in statistics.items():
        lines += [
            f"{name:<16}{x.left:>5}{x.count:>8}{x.nonzeros:>10.1%}{x.bound:>8.2f}{x.shared:>8.1%}"
            for x in rows
        ]
    return "\n".join(lines)


def draw(shown: Shown, file: BinaryIO) -> None:
    """Draws the statistics and the factors of three demonstrations as PNG."""
    figure = Figure(figsize=(11, 6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2))
    titles = {
        "nonzeros": "share of entries that are not zero",
        "bound": "slice-rank bound",
        "shared": "pairs of moves that share a factor",
    }
    for ax, (field, title) in zip(top.subplots(1, 3), titles.items(), strict=True):
        for name, rows in shown.statistics.items():
            ax.plot([x.left for x in rows], [getattr(x, field) for x in rows], ".-", label=name)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("moves left")
        ax.grid(alpha=0.3)
    top.axes[0].legend(fontsize=8)
    longest = np.argsort(-shown.rank, kind="stable")[:3]
    for ax, number in zip(np.ravel(bottom.subplots(1, 3)), longest, strict=False):
        moves = shown.factors[number, : shown.rank[number]]
        ax.imshow(moves.reshape(len(moves), -1).T, cmap="coolwarm", vmin=-2, vmax=2, aspect="auto")
        for border in (1, 2):
            ax.axhline(border * moves.shape[-1] - 0.5, color="black", lw=1)
        ax.set_title(f"a demonstration of {len(moves)} moves: u, v, w", fontsize=9)
        ax.set_xlabel("move")
        ax.set_yticks([])
    figure.savefig(file, dpi=110, format="png")
