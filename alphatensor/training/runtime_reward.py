"""The optional reward for algorithms that run fast on this device (paper, tailored search).

The move that solves a game is paid weight · b beside its -1, where b is minus the run time of the
algorithm's kernel, measured here. The paper gives neither a unit nor the number of measurements;
here b is in units of the time of `jnp.dot`, so that weight 1 makes a kernel as fast as `jnp.dot`
cost one move, and a round measures a few algorithms that have not been seen before, shortest first.
An algorithm that has not been measured counts as the slowest one that has been, of its rank where
there is one. Inside the search tree nothing is measured: the value head learns what to expect.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.kernels import compile_matmul, timing
from alphatensor.training import devices
from alphatensor.training.config import TrainConfig
from alphatensor.training.state import Findings

REPEATS = 5  # pairs timed for each algorithm

# Measures (algorithm, size of the matrices) -> speed-up over `jnp.dot`.
Measure = Callable[[Factorization, int], float]


class Payment(NamedTuple):
    """Says what a round of games is paid.

    Attributes:
      bonus: float32 [B], weight · b of each solved game, 0 of the others.
      measured: algorithms measured in this round, `speedup` over `jnp.dot` in the provenance.
      findings: with the new run times.
    """

    bonus: np.ndarray
    measured: list[Factorization]
    findings: Findings


def measure_speedup(f: Factorization, size: int) -> float:
    """Times an algorithm's kernel against `jnp.dot` for square float32 matrices of a size."""
    args = timing.operands((size,) * 3, "float32")
    return timing.against_dot(jax.jit(compile_matmul(f)), args, repeats=REPEATS).ratio


def pay(
    solved: dict[int, Factorization],
    findings: Findings,
    config: TrainConfig,
    measure: Measure | None = None,
) -> Payment:
    """Measures some of a round's algorithms and pays all of its solved games.

    All processes of a run measure, and the slowest counts for all.

    Args:
      solved: number of a game -> its algorithm over the integers, canonical.
      findings: what was measured before.
      config: configuration of the loop.
      measure: times an algorithm; `measure_speedup` by default.
    """
    measure = measure or measure_speedup
    times, measured = dict(findings.run_times), []
    by_rank = sorted(solved.values(), key=lambda f: f.rank)
    fresh = {key: f for f in by_rank if (key := _key(f)) not in times}
    for key, f in list(fresh.items())[: config.runtime_measured]:
        mine = 1 / measure(f, config.runtime_size)
        slowest = float(devices.max_over_processes(np.array([mine]))[0])
        times[key] = f.rank, slowest
        measured.append(f.replace(provenance=f.provenance | {"speedup": 1 / slowest}))
    bonus = np.zeros(config.games, np.float32)
    for index, f in solved.items():
        bonus[index] = -config.runtime_weight * _time_of(f, times)
    return Payment(bonus, measured, findings._replace(run_times=times))


def _time_of(f: Factorization, times: dict[str, tuple[int, float]]) -> float:
    """Returns an algorithm's run time as measured, or the greatest of those like it."""
    if known := times.get(_key(f)):
        return known[1]
    like = [time for rank, time in times.values() if rank == f.rank]
    return max(like or [time for _, time in times.values()])


def _key(f: Factorization) -> str:
    """Returns the same text for the same terms in any order; `f` is canonical."""
    rows = np.concatenate([np.array(x, np.int64) for x in f.factors]).T
    terms = np.array(sorted(map(tuple, rows))).tobytes()
    return f"{f.target.name} {f.rank} {hashlib.sha256(terms).hexdigest()[:32]}"
