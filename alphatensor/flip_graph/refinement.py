"""Cheaper algorithms of the same rank: flip-graph walks that prefer sparse factors.

Schemes of one rank differ in what they cost: non-zero entries, additions after sharing, growth of
rounding errors, size of coefficients. Walkers go on from known schemes at their rank. The sparsest
that they meet are costed in full. Those that no other beats in every cost are kept, with what a
second walk finds from them: by flips and changes of basis that are judged by the additions alone.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, lift, reduce_mod
from alphatensor.factorization.analysis import costs, orbit, straight_line
from alphatensor.flip_graph import bitmasks, walkers
from alphatensor.flip_graph.budgets import Stop
from alphatensor.flip_graph.walkers import Walkers, WalkOptions

MARGIN = 2  # ranks that plus transitions may add
PATIENCE = 3_000  # tries before one
IDLE = 100_000  # tries without a sparser scheme, then a walker goes on from another's
TRIES = 400  # steps of the walk from each algorithm that is kept, by changes of basis and flips
FLIPS = 0.5  # of these steps are flips


class Costed(NamedTuple):
    """An algorithm over the integers and its costs; of each, less is better.

    Attributes:
      factorization: the algorithm, verified.
      nonzeros: the number of entries of U, V and W that are not zero.
      additions: the number of additions after sharing (`analysis.straight_line`).
      growth: sqrt(Φ / nmp), the predicted error over that of the naive algorithm.
      largest: the greatest absolute value of a coefficient.
    """

    factorization: Factorization
    nonzeros: int
    additions: int
    growth: float
    largest: int

    @property
    def costs(self) -> tuple[int, int, float, int]:
        """All costs, in the order of the attributes."""
        return self[1:]


def cost(f: Factorization, trials: int = 20) -> Costed:
    """Counts the costs of a matrix multiplication algorithm over the integers.

    Args:
      f: the algorithm.
      trials: random tie-breaks in the search for shared sums.
    """
    return Costed(
        factorization=f,
        nonzeros=sum(f.nonzeros),
        additions=sum(straight_line.additions(f, trials)),
        growth=round(costs.growth(f).predicted, 6),
        largest=f.largest_coefficient,
    )


def pareto(found: list[Costed]) -> list[Costed]:
    """Returns those that no other is at least as good as in every cost; of equals the first.

    They are sorted by additions, fewest first.
    """
    kept: list[Costed] = []
    for one in sorted(found, key=lambda x: (x.additions, x.costs)):
        if not any(all(a <= b for a, b in zip(x.costs, one.costs, strict=True)) for x in kept):
            kept.append(one)
    return kept


def neighbours(
    starts: list[Factorization], num_walkers: int, tries: int, seed: int, most: int
) -> list[Factorization]:
    """Returns different sparse schemes of the starts' rank that one walk meets, sparsest first.

    The walk is over the integers where all starts have entries -1, 0 and 1 alone. Otherwise it is
    over Z2, and what lifts is returned.

    Args:
      starts: algorithms over the integers, of one format and rank.
      num_walkers: W.
      tries: of a flip of each walker.
      seed: seed of all randomness.
      most: schemes to return.
    """
    state = _walk(_start(starts, num_walkers, seed), tries)
    return list(_sparsest(state, starts[0], most, seen=set()).values())


def refine(
    starts: list[Factorization],
    stop: Stop,
    seed: int = 0,
    num_walkers: int = 1_024,
    tries: int = 6_000,
    most: int = 32,
) -> Iterator[list[Costed]]:
    """Walks from some algorithms, yielding the Pareto set of all found so far after each call.

    The walk goes on all the time; walkers that are behind follow the sparsest, and each scheme is
    costed once.

    Args:
      starts: verified algorithms over the integers, of one format and rank.
      stop: asked after each call, of which at least one is made.
      seed: seed of all randomness.
      num_walkers, tries, most: W, and tries and new schemes of each call; see `neighbours`.
    """
    kept = pareto([cost(f) for f in starts])
    seen = {bitmasks.scheme_key(f) for f in starts}
    state = _start(starts, num_walkers, seed)
    for calls in itertools.count(1):
        state = _walk(state, tries)
        fresh = _sparsest(state, starts[0], most, seen)
        # Few trials sort out most; those that stay are counted with care.
        costed = kept + [cost(f, trials=4) for f in fresh.values()]
        better = [x for x in pareto(costed) if all(x is not y for y in kept)]
        for x in better:
            cheaper = orbit.fewer_additions(
                x.factorization, tries=TRIES, seed=seed + calls, trials=1, flips=FLIPS
            )
            kept += [cost(x.factorization), cost(cheaper)]
        kept = pareto(kept)
        yield kept
        if stop(calls):
            return
        state = walkers.follow(state, IDLE, prefer_sparse=True)


def _start(starts: list[Factorization], num_walkers: int, seed: int) -> Walkers:
    """Puts walkers on the starts, mod 2 where entries are larger than 1."""
    if not all(bitmasks.is_ternary(f) for f in starts):
        starts = [reduce_mod(f, 2) for f in starts]
    return walkers.start(starts, num_walkers, walkers.slots_for(starts[0].rank, MARGIN), seed)


def _walk(state: Walkers, tries: int) -> Walkers:
    """Walks one call."""
    options = WalkOptions(tries=tries, margin=MARGIN, patience=PATIENCE, prefer_sparse=True)
    return walkers.run(state, options)


def _sparsest(
    state: Walkers, start: Factorization, most: int, seen: set[bytes]
) -> dict[bytes, Factorization]:
    """Returns the walkers' best schemes of the start's rank over the integers, sparsest first.

    Args:
      state: the walkers.
      start: an algorithm whose target and rank they have.
      most: schemes to return.
      seen: keys of schemes that are passed over; the keys of all others are added.

    Returns:
      Verified schemes by `bitmasks.scheme_key`.
    """
    found: dict[bytes, Factorization] = {}
    ring = start.ring if state.planes == 2 else rings.IntegersMod(2)
    for index in np.argsort(state.best_weight, kind="stable"):
        if state.best_rank[index] != start.rank or len(found) == most:
            continue
        f = bitmasks.from_masks(state.best[index], start.target, ring)
        key = bitmasks.scheme_key(f)
        if key not in seen:
            seen.add(key)
            f = lift(f)
            if f is not None and f.is_integral and f.verify().ok:
                found[key] = f
    return found
