"""Cheaper algorithms of the same rank: flip-graph walks, and the annealing of what they meet.

Schemes of one rank differ in what they cost: non-zero entries, additions after sharing, growth of
rounding errors, size of coefficients. Those that no other beats in every cost are kept. Candidates
come from three walks: one that prefers sparse factors, one that wanders far by plus transitions,
and short ones that begin at the scheme with the fewest additions. The additions of all that looks
good are annealed (see `additions`).
"""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, lift, reduce_mod
from alphatensor.factorization.analysis import costs, programs, straight_line
from alphatensor.flip_graph import bitmasks, walkers
from alphatensor.flip_graph.additions import fewer_additions
from alphatensor.flip_graph.budgets import Stop
from alphatensor.flip_graph.walkers import Walkers, WalkOptions

MARGIN = 2  # ranks that plus transitions may add
PATIENCE = 3_000  # tries before one
IDLE = 100_000  # tries without a sparser scheme, then a walker goes on from another's
STEPS = 1_000_000  # of the annealing of the algorithm with the fewest additions
SHARE = 4  # candidates are annealed for one of so many steps
WANDERERS = 8  # walkers that look for schemes to anneal
FAR = 300_000  # tries of a walk that goes on from where it was
NEAR = (3, 5.5)  # powers of ten between which are the tries of one from the fewest additions
SMALL = 2  # larger coefficients make annealing slow; they wait until walks find no smaller ones
TURNS = 4  # plus transitions in a walk, if nothing else happens


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
    steps: int = STEPS,
) -> Iterator[list[Costed]]:
    """Walks from some algorithms, yielding the Pareto set of all found so far after each call.

    Args:
      starts: verified algorithms over the integers, of one format and rank.
      stop: asked after each call, of which at least one is made.
      seed: seed of all randomness.
      num_walkers, tries, most: W, and tries and new schemes of each call; see `neighbours`.
      steps: of each annealing of the starts and of the algorithm with the fewest additions.
    """
    rng = random.Random(seed)

    def annealed(f: Factorization, steps: int) -> Costed:
        found = fewer_additions(f, steps, rng.randrange(2**31))
        return cost(found, trials=0 if programs.kept(found) else 4)

    small = [f for f in starts if f.largest_coefficient <= SMALL]
    kept = pareto([cost(f) for f in starts] + [annealed(f, steps) for f in small])
    current, seen = kept[0], {bitmasks.scheme_key(f) for f in starts}
    sparse = _start(starts, num_walkers, seed)
    far = _start(starts, WANDERERS, seed)
    for calls in itertools.count(1):
        sparse = _walk(sparse, tries)
        # Few trials sort out most.
        costed = [cost(f, trials=4) for f in _sparsest(sparse, starts[0], most, seen).values()]
        better = [x for x in pareto(kept + costed) if all(x is not y for y in kept)]
        far = _wander(far, FAR)
        near = _start([current.factorization], WANDERERS, rng.randrange(2**31), rng.random() < 0.5)
        near = _wander(near, round(10 ** rng.uniform(*NEAR)))
        found = [x.factorization for x in better]
        for state in (far, near):
            found += _sparsest(state, starts[0], WANDERERS, seen).values()
        largest = max(SMALL, min(f.largest_coefficient for f in (*found, current.factorization)))
        new = [annealed(f, steps // SHARE) for f in found if f.largest_coefficient <= largest]
        if current.largest <= largest:
            new.append(annealed(current.factorization, steps))
        kept = pareto(kept + better + new)
        current = min([*new, current], key=lambda x: x.additions)  # equals are left for new ones
        yield kept
        if stop(calls):
            return
        sparse = walkers.follow(sparse, IDLE, prefer_sparse=True)


def _start(
    starts: list[Factorization], num_walkers: int, seed: int, is_binary: bool = False
) -> Walkers:
    """Puts walkers on the starts; mod 2 where entries are larger than 1, or it is wanted."""
    if is_binary or not all(bitmasks.is_ternary(f) for f in starts):
        starts = [reduce_mod(f, 2) for f in starts]
    return walkers.start(starts, num_walkers, walkers.slots_for(starts[0].rank, MARGIN), seed)


def _walk(state: Walkers, tries: int) -> Walkers:
    """Walks one call."""
    options = WalkOptions(tries=tries, margin=MARGIN, patience=PATIENCE, prefer_sparse=True)
    return walkers.run(state, options)


def _wander(state: Walkers, tries: int) -> Walkers:
    """Walks with plus transitions."""
    return walkers.run(state, WalkOptions(tries, MARGIN, patience=max(tries // TURNS, 1)))


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
