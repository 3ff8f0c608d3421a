"""Games that the agent of a run finishes from a position of one's own.

with alphatensor.Run(config) as run:
    for report in run:
        print(report.best)
    ended = play.play_on(run, play.terms_of(strassen)[:1])
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from alphatensor.agent import make_constants, self_play
from alphatensor.factorization import Factorization, canonical
from alphatensor.targets import Target
from alphatensor.training import discoveries, moves
from alphatensor.training.runner import Run

Term = tuple[np.ndarray, np.ndarray, np.ndarray]  # the factors u, v and w of one multiplication


class Ended(NamedTuple):
    """How the games from one position ended.

    Attributes:
      ranks: int [G], the multiplications of each solved game, the given ones included.
      games: how many were played.
      best: the shortest solved game as a factorization, verified; None where none was solved.
    """

    ranks: np.ndarray
    games: int
    best: Factorization | None


def terms_of(f: Factorization) -> list[Term]:
    """Returns the multiplications of an algorithm one by one, as moves of the game."""
    return list(zip(f.u.T, f.v.T, f.w.T, strict=True))


def play_on(run: Run, terms: Sequence[Term] = (), games: int = 64, seed: int = 0) -> Ended:
    """Lets the agent of a run, as it stands, finish games after some moves of one's own.

    Each game is played in a basis of its own, as in training, and led back to the canonical one.

    Args:
      run: a run of one target that has made its first report.
      terms: the moves so far in the canonical basis: integer vectors of lengths S_u, S_v, S_w.
      games: G, how many games are played.
      seed: seed of the games.

    Raises:
      ValueError: for another run, or moves of other lengths.
    """
    if len(run.settings.targets) != 1 or run.snapshot is None:
        raise ValueError("run: expected one of one target, after its first report.")
    (target,), agent = run.settings.targets, run.settings.agent
    given = _given(terms, target, agent.game.ring)
    left = agent.game.ring.reduce(target.tensor - np.einsum("ir,jr,kr->ijk", *given))
    if not left.any():
        best = Factorization(target, agent.game.ring, *given, {})
        return Ended(np.full(games, len(terms)), games, best)
    constants_key, bases_key, play_key = jax.random.split(jax.random.key(seed), 3)
    constants = make_constants(agent, [left], constants_key, bases_key)
    params, keys = run.snapshot.state.learner.params, jax.random.split(play_key, games)
    played = jax.device_get(discoveries.of_games(_play(params, agent, constants, keys)[0]))
    solved = np.flatnonzero(played.solved)
    ranks = len(terms) + played.length[solved]
    if not len(solved):
        return Ended(ranks, games, None)
    index = solved[np.argmin(ranks)]
    played_moves = played.actions[index, : played.length[index]]
    rest = moves.from_moves(
        played_moves, played.inverse[index], Target("what is left", left), agent.game.ring
    )
    factors = (np.concatenate(pair, axis=1) for pair in zip(given, rest.factors, strict=True))
    best = canonical(Factorization(target, agent.game.ring, *factors, {}))
    return Ended(ranks, games, best if best.verify().ok else None)


@functools.partial(jax.jit, static_argnums=1)
def _play(params, agent, constants, keys):
    return self_play.play(params, agent, constants, keys)


def _given(terms: Sequence[Term], target: Target, ring) -> list[np.ndarray]:
    """Returns moves as factors U, V, W, integers [S, T]; raises `ValueError` in one line."""
    for i, term in enumerate(terms):
        lengths = tuple(len(np.atleast_1d(x)) for x in term)
        if lengths != target.shape:
            raise ValueError(f"terms[{i}]: vectors of lengths {lengths}, expected {target.shape}.")
    columns = list(zip(*terms, strict=True)) if terms else ((), (), ())
    return [
        ring.reduce(np.array(x, np.int64).reshape(len(x), size).T)
        for x, size in zip(columns, target.shape, strict=True)
    ]
