"""Cheaper algorithms of the same rank: flip-graph walks that prefer sparse factors.

Schemes of one rank differ in what they cost: non-zero entries, additions after sharing, growth of
rounding errors, size of coefficients. Walkers go on from known schemes at their rank; the sparsest
that they meet are costed in full, and those that no other beats in every cost are kept.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import flip_graph
from alphatensor.factorization import Factorization, lift, reduce_mod
from alphatensor.kernels import schedule, stability

MARGIN = 2  # ranks that plus transitions may add


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
        growth=round(stability.growth(f).predicted, 6),
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
    """Different sparse schemes of the starts' rank that walks meet, sparsest first.

    Walks are over the integers where all starts have entries -1, 0 and 1 alone, else over Z2,
    and what lifts is returned.

    Args:
      starts: algorithms over the integers, of one format and rank.
      walkers: W.
      rounds: of 100 sweeps.
      seed: of all randomness.
      most: schemes to return.
    """
    rank, target = starts[0].rank, starts[0].target
    is_direct = all(flip_graph.is_ternary(f) for f in starts)
    from_here = starts if is_direct else [reduce_mod(f, 2) for f in starts]
    slots = -(-(rank + MARGIN + 1) // 8) * 8
    state = flip_graph.start(from_here, walkers, slots, seed)
    state = flip_graph.run(
        state, rounds=rounds, sweeps=100, margin=MARGIN, patience=10, prefer_sparse=True
    )
    best_rank, weight, best = (
        np.array(x) for x in (state.best_rank, state.best_weight, state.best)
    )
    found: dict[bytes, Factorization] = {}
    for index in np.argsort(weight, kind="stable"):
        if best_rank[index] != rank or len(found) == most:
            continue
        f = flip_graph.from_masks(best[..., index], target, {})
        key = flip_graph.key(f)
        if key not in found:
            f = f if is_direct else lift(f)
            if f is not None and f.is_integral and f.verify().ok:
                found[key] = f
    return list(found.values())


def refine(
    starts: list[Factorization],
    seconds: float,
    seed: int = 0,
    walkers: int = 256,
    rounds: int = 20,
    most: int = 32,
) -> Iterator[list[Costed]]:
    """Walks from some algorithms for some seconds, yielding the best found after each walk.

    Every walk starts from all that are kept so far; those that cost equally little are many, and
    each is costed once.

    Args:
      starts: verified algorithms over the integers, of one format and rank.
      seconds: of all walks; at least one is made.
      seed: of all randomness.
      walkers, rounds, most: of each walk, see `neighbours`.
    """
    kept = pareto([cost(f) for f in starts])
    seen = {flip_graph.key(f) for f in starts}
    begin, number = time.monotonic(), 0
    while number == 0 or time.monotonic() - begin < seconds:
        fresh = []
        from_here = [x.factorization for x in kept]
        for f in neighbours(from_here, walkers, rounds, seed + number, most):
            key = flip_graph.key(f)
            if key not in seen:
                seen.add(key)
                fresh.append(cost(f, trials=4))
        # Few trials sort out most; those that stay are counted with care.
        better = [x for x in pareto(kept + fresh) if all(x is not y for y in kept)]
        kept = pareto(kept + [cost(x.factorization) for x in better])
        number += 1
        yield kept
