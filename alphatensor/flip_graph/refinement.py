"""Cheaper algorithms of the same rank: flip-graph walks that prefer sparse factors.

Schemes of one rank differ in what they cost: non-zero entries, additions after sharing, growth of
rounding errors, size of coefficients. Walkers go on from known schemes at their rank; the sparsest
that they meet are costed in full, and those that no other beats in every cost are kept, with their
equivalents of fewer additions in other bases.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor.factorization import Factorization, lift, reduce_mod
from alphatensor.factorization.analysis import costs, orbit
from alphatensor.factorization.analysis import straight_line as schedule
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import walkers as flip_graph

MARGIN = 2  # ranks that plus transitions may add
TRIES = 200  # changes of basis tried for each algorithm that is kept


class Costed(NamedTuple):
    """An algorithm over the integers and its costs; of each, less is better.

    Attributes:
      factorization: verified.
      nonzeros: entries of U, V and W that are not zero.
      additions: after sharing (`kernels.schedule`).
      growth: sqrt(phi / nmp), the predicted error over that of the naive algorithm.
      largest: absolute value of a coefficient.
    """

    factorization: Factorization
    nonzeros: int
    additions: int
    growth: float
    largest: int

    @property
    def costs(self) -> tuple[int, int, float, int]:
        return self[1:]


def cost(f: Factorization, trials: int = 20) -> Costed:
    """The costs of a matrix multiplication algorithm over the integers.

    Args:
      trials: tie-breaks in the search for shared sums.
    """
    factors = [np.abs(np.array(x, np.int64)) for x in f.factors]
    return Costed(
        f,
        nonzeros=sum(int(np.count_nonzero(x)) for x in factors),
        additions=sum(schedule.additions(f, trials)),
        growth=round(costs.growth(f).predicted, 6),
        largest=max(int(x.max()) for x in factors),
    )


def pareto(found: list[Costed]) -> list[Costed]:
    """Those that no other is at least as good as in every cost; the first of equals."""
    kept: list[Costed] = []
    for one in sorted(found, key=lambda x: (x.additions, x.costs)):
        if not any(all(a <= b for a, b in zip(x.costs, one.costs, strict=True)) for x in kept):
            kept.append(one)
    return kept


def neighbours(
    starts: list[Factorization], walkers: int, rounds: int, seed: int, most: int
) -> list[Factorization]:
    """Different sparse schemes of the starts' rank that one walk meets, sparsest first.

    Walks are over the integers where all starts have entries -1, 0 and 1 alone, else over Z2,
    and what lifts is returned.

    Args:
      starts: algorithms over the integers, of one format and rank.
      walkers: W.
      rounds: of 100 sweeps.
      seed: of all randomness.
      most: schemes to return.
    """
    state = _walk(_start(starts, walkers, seed), rounds)
    return list(_sparsest(state, starts[0], most, seen=set()).values())


def _start(starts: list[Factorization], walkers: int, seed: int) -> flip_graph.Walkers:
    if not all(bitmasks.is_ternary(f) for f in starts):
        starts = [reduce_mod(f, 2) for f in starts]
    slots = -(-(starts[0].rank + MARGIN + 1) // 8) * 8
    return flip_graph.start(starts, walkers, slots, seed)


def _walk(state: flip_graph.Walkers, rounds: int) -> flip_graph.Walkers:
    return flip_graph.run(
        state, rounds=rounds, sweeps=100, margin=MARGIN, patience=10, prefer_sparse=True
    )


def _sparsest(
    state: flip_graph.Walkers, start: Factorization, most: int, seen: set[bytes]
) -> dict[bytes, Factorization]:
    """The walkers' best schemes of the start's rank over the integers, sparsest first.

    Those whose key is in `seen` are passed over, and all keys are put there.
    """
    best_rank, weight, best = (
        np.array(x) for x in (state.best_rank, state.best_weight, state.best)
    )
    found: dict[bytes, Factorization] = {}
    for index in np.argsort(weight, kind="stable"):
        if best_rank[index] != start.rank or len(found) == most:
            continue
        f = bitmasks.from_masks(best[..., index], start.target, {})
        key = bitmasks.key(f)
        if key not in seen:
            seen.add(key)
            f = lift(f)
            if f is not None and f.is_integral and f.verify().ok:
                found[key] = f
    return found


def _equivalent(f: Factorization, seed: int) -> Factorization:
    """One with fewer additions in another basis, where a short walk meets one."""
    return orbit.fewer_additions(f, tries=TRIES, seed=seed)


def refine(
    starts: list[Factorization],
    seconds: float,
    seed: int = 0,
    walkers: int = 1_024,
    rounds: int = 20,
    most: int = 32,
) -> Iterator[list[Costed]]:
    """Walks from some algorithms for some seconds, yielding the best found after each walk.

    The walk goes on all the time; walkers that are behind follow the sparsest, and each scheme is
    costed once.

    Args:
      starts: verified algorithms over the integers, of one format and rank.
      seconds: of all walks; at least one is made.
      seed: of all randomness.
      walkers, rounds, most: of each walk, see `neighbours`.
    """
    kept = pareto([cost(f) for f in starts])
    seen = {bitmasks.key(f) for f in starts}
    state = _start(starts, walkers, seed)
    begin, is_first = time.monotonic(), True
    while is_first or time.monotonic() - begin < seconds:
        is_first = False
        state = _walk(state, rounds)
        fresh = _sparsest(state, starts[0], most, seen)
        # Few trials sort out most; those that stay are counted with care.
        costed = kept + [cost(f, trials=4) for f in fresh.values()]
        better = [x for x in pareto(costed) if all(x is not y for y in kept)]
        for x in better:
            kept += [cost(x.factorization), cost(_equivalent(x.factorization, seed))]
        kept = pareto(kept)
        yield kept
        state = flip_graph.follow(state, prefer_sparse=True)
