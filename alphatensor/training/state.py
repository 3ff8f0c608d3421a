"""Where a run stands: the arrays on the devices, and what the host has found and measured."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from alphatensor import rings, targets
from alphatensor.agent import learner, neighbourhood, replay
from alphatensor.factorization import Factorization, naive
from alphatensor.training import doors
from alphatensor.training.settings import Settings


class TrainState(NamedTuple):
    """Holds all arrays that change during a run.

    Attributes:
      learner: the parameters, the optimiser's state and the number of updates.
      games, best_games: recent games and the best; None in a run on sums of terms.
      walks: the algorithms that walk in a run on sums of terms; None in others.
      rounds: int32 [], rounds of games played so far.
    """

    learner: learner.LearnerState
    games: replay.RingBuffer | None
    best_games: replay.BestBuffer | None
    walks: neighbourhood.Walks | None
    rounds: jax.Array


class Findings(NamedTuple):
    """Holds what the host of a run has found and measured; replaced, never changed in place.

    Attributes:
      ranks: best rank of each target so far, None before the first.
      speedups: `'2x2x2 7'` (target and rank) -> greatest speed-up over `jnp.dot` measured.
      run_times: key of an algorithm -> its rank and its run time in units of that of `jnp.dot`;
        measured times do not repeat, so they are stored and used again.
      walk_starts: target name -> factorisation that the next flip-graph walk starts from.
    """

    ranks: tuple[int | None, ...]
    speedups: Mapping[str, float]
    run_times: Mapping[str, tuple[int, float]]
    walk_starts: Mapping[str, Factorization]

    def to_json(self) -> dict[str, Any]:
        """Returns the findings as JSON can hold them."""
        starts = {name: _factors(f) for name, f in self.walk_starts.items()}
        return self._asdict() | {"walk_starts": starts}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], known: tuple[targets.Target, ...]) -> "Findings":
        """Reads what `to_json` wrote, of a run with these targets; walk starts are verified.

        Raises:
          ValueError, TypeError, KeyError: for anything else.
        """
        by_name = {target.name: target for target in known}
        starts, ranks = stored["walk_starts"].items(), tuple(stored["ranks"])
        if len(ranks) != len(known) or not all(x is None or isinstance(x, int) for x in ranks):
            raise ValueError(f"ranks {ranks} are not those of {len(known)} targets")
        return cls(
            ranks=ranks,
            speedups=dict(stored["speedups"]),
            run_times={key: (rank, time) for key, (rank, time) in stored["run_times"].items()},
            walk_starts={name: _factorization(by_name[name], x) for name, x in starts},
        )


def first_findings(settings: Settings) -> Findings:
    """Returns what a run knows before its first round."""
    starts, ring = {}, settings.agent.game.ring
    if settings.config.train.has_walks:
        starts = {target.name: naive(target.sizes, ring) for target in settings.targets}
    ranks = (None,) * len(settings.targets)
    if settings.config.neighbourhood.walks:
        ranks = tuple(f.rank for f in doors.first_algorithms(settings))
    return Findings(ranks=ranks, speedups={}, run_times={}, walk_starts=starts)


class Snapshot(NamedTuple):
    """Holds all that a run needs to go on as if it had never stopped.

    Attributes:
      state: the arrays.
      findings: what the host knows.
      seconds: seconds that the run has taken, compilation included.
    """

    state: TrainState
    findings: Findings
    seconds: float


class Report(NamedTuple):
    """Says what happened in one iteration of the loop.

    Attributes:
      seconds: since the run began, compilation included.
      updates, rounds: updates and rounds of games made so far.
      scalars: name -> value, for curves.
      lengths: int [G], moves of the games that were solved in this iteration.
      found: verified factorisations that beat the run's best, best last.
      best: best rank of each target so far, None before the first.
      notes: lines for the user, for example of a library's file that was not used.
    """

    seconds: float
    updates: int
    rounds: int
    scalars: dict[str, float]
    lengths: np.ndarray
    found: list[Factorization]
    best: tuple[int | None, ...]
    notes: tuple[str, ...] = ()


def _factors(f: Factorization) -> dict[str, Any]:
    """Returns a factorisation over integers as JSON can hold it."""
    factors = {name: getattr(f, name).tolist() for name in "uvw"}
    return {"ring": f.ring.name, "provenance": dict(f.provenance)} | factors


def _factorization(target: targets.Target, stored: Mapping[str, Any]) -> Factorization:
    factors = (np.array(stored[name], np.int64) for name in "uvw")
    f = Factorization(target, rings.parse(stored["ring"]), *factors, stored["provenance"])
    return doors.exact(f, target)
