"""The optional reward for algorithms that run fast on this device (paper, tailored search).

The move that solves a game is paid weight · b beside its -1, where b is minus the run time of the
algorithm's kernel, measured here. The paper gives neither a unit nor the number of measurements;
here b is in units of the time of `jnp.dot`, so that weight 1 makes a kernel as fast as `jnp.dot`
cost one move, and a round measures a few algorithms that have not been seen before, shortest first.
An algorithm that has not been measured counts as the slowest one that has been, of its rank where
there is one. Inside the search tree nothing is measured: the value head learns what to expect.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.kernels import compile_matmul, timing
from alphatensor.training import devices
from alphatensor.training.settings import Settings

REPEATS = 5  # pairs timed for each algorithm


class Timed(NamedTuple):
    """What a round of games is paid.

    Attributes:
      bonus: float32 [B], weight · b of each solved game, 0 of the others.
      measured: the algorithms measured in this round, `speedup` over `jnp.dot` in the provenance.
    """

    bonus: np.ndarray
    measured: list[Factorization]


def measure(f: Factorization, size: int) -> float:
    """Speed-up over `jnp.dot` of an algorithm's kernel for square float32 matrices."""
    baseline, kernel = jax.jit(jax.numpy.dot), jax.jit(compile_matmul(f))
    return timing.paired(baseline, kernel, timing.operands((size,) * 3, "float32"), REPEATS).ratio


def make_reward(
    settings: Settings, measure: Callable[[Factorization, int], float] = measure
) -> Callable[[dict[int, Factorization]], Timed] | None:
    """The reward that the configuration asks for; None for none.

    The result maps a round's solved games, game number -> algorithm over the integers, to `Timed`.
    All processes of a run measure, and the slowest counts for all.

    Args:
      settings: of the run.
      measure: times an algorithm; tests give another one.
    """
    config = settings.train
    if not config.runtime_weight:
        return None
    seconds: dict[bytes, tuple[int, float]] = {}  # algorithm -> its rank and time, jnp.dot = 1

    def reward(solved: dict[int, Factorization]) -> Timed:
        by_rank = sorted(solved.items(), key=lambda item: item[1].rank)
        fresh = {_key(f): f for _, f in by_rank if _key(f) not in seconds}
        measured = []
        for key, f in list(fresh.items())[: config.runtime_measured]:
            ratio = 1 / float(devices.agree(np.array([1 / measure(f, config.runtime_size)]))[0])
            seconds[key] = f.rank, 1 / ratio
            measured.append(f.replace(provenance=f.provenance | {"speedup": ratio}))
        bonus = np.zeros(config.games, np.float32)
        for index, f in solved.items():
            slowest = max(
                [t for rank, t in seconds.values() if rank == f.rank]
                or [t for _, t in seconds.values()]
            )
            bonus[index] = -config.runtime_weight * seconds.get(_key(f), (f.rank, slowest))[1]
        return Timed(bonus, measured)

    return reward


def _key(f: Factorization) -> bytes:
    """The same for the same terms in any order; `f` is canonical."""
    rows = np.concatenate([np.array(x, np.int64) for x in f.factors]).T
    return f.target.name.encode() + np.array(sorted(map(tuple, rows))).tobytes()
