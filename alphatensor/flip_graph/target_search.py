"""Walks for any bilinear or quadratic map, which knows no neighbouring formats.

Targets take turns. A turn walks from the naive algorithm, with walkers that go on from turn to turn
as long as their rank falls, or from the best schemes known, or, for products of structured
matrices over Z2, from the naive algorithm among schemes that keep a symmetry of indices. Of the
best schemes the ones with the most recursive calls are kept. What lifts is stored over the integers
or the rationals, too.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Protocol

from alphatensor import rings
from alphatensor.factorization import Factorization, entrywise
from alphatensor.factorization.analysis import recursion
from alphatensor.flip_graph import bitmasks, budgets, pools, walks
from alphatensor.flip_graph.budgets import Clock
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.exchange import Exchange
from alphatensor.flip_graph.lifts import LiftCache
from alphatensor.flip_graph.search_state import Descent
from alphatensor.flip_graph.symmetries.index_symmetry import IndexSymmetry
from alphatensor.flip_graph.turns import Turn, provenance, said
from alphatensor.targets import Target

LIFTING = 0.25  # of the time of a turn goes into finding schemes that lift


class TargetMemory(Protocol):
    """Keeps the best algorithm of each target and ring, as a library does."""

    def best(self, target: Target, ring: rings.Ring) -> Factorization | None:
        """Returns the best algorithm of a target, None if there is none."""

    def add(self, f: Factorization) -> str | None:
        """Keeps an algorithm if it beats what is held; returns one line that says so, or None."""


@dataclasses.dataclass
class _Known:
    """What a search knows of one target.

    Attributes:
      pool: schemes of the least rank known over the walks' ring.
      symmetries: those that walks may keep.
      descents: the walks from above that go on, by the symmetry that they keep, or None.
      turns: the number of its turns.
      seconds: time spent on it.
    """

    pool: list[Factorization] = dataclasses.field(default_factory=list)
    symmetries: list[IndexSymmetry] = dataclasses.field(default_factory=list)
    descents: dict[IndexSymmetry | None, Descent] = dataclasses.field(default_factory=dict)
    turns: int = 0
    seconds: float = 0.0


@dataclasses.dataclass
class _Search:
    """All that changes during a search, beside what does not: as the arguments of the search."""

    memory: TargetMemory
    config: FlipSearchConfig
    clock: Clock
    lifts: LiftCache
    known: dict[str, _Known] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(_Known)
    )

    @property
    def ring(self) -> rings.Ring:
        """The ring of the walks."""
        return rings.parse(self.config.ring)


def search_targets(
    targets: list[Target],
    memory: TargetMemory,
    config: FlipSearchConfig,
    clock: Clock,
    seconds: float,
) -> Iterator[Turn]:
    """Takes the targets in turn until the seconds are over, yielding after each turn.

    Args:
      targets: with at most `bitmasks.MAX_ENTRIES` entries in each mode.
      memory: where results go, and where a search that was stopped goes on from.
      config: constants of the search; of its kinds of turns "descent", "best" and "symmetric"
        count here, and of its symmetries swaps and fours.
      clock: for example `time.monotonic`.
      seconds: time of the whole search.
    """
    search = _Search(memory, config, clock, LiftCache(clock))
    begin = clock()
    for number, target in enumerate(itertools.cycle(targets)):
        left = seconds - (clock() - begin)
        if left <= 0:
            return
        yield _take_turn(search, target, number, min(config.slice_seconds, left))


def _take_turn(search: _Search, target: Target, number: int, seconds: float) -> Turn:
    """Walks for some seconds, and keeps what was found."""
    config, here, begin = search.config, search.known[target.name], search.clock()
    if not here.pool:
        held = search.memory.best(target, search.ring)
        fits = held is not None and bitmasks.is_ternary(held)
        known = [held] * fits + [entrywise(target, search.ring)]
        here.pool = pools.least_rank(known, config.pool)
        here.symmetries = _symmetries(search, target)
    kind, symmetry = _kind_of_turn(config.turns, here)
    start = Descent(starts=here.pool)
    if kind != "best":
        naive = entrywise(target, search.ring)
        start = here.descents.pop(symmetry, None) or Descent(
            starts=[symmetry.split(naive) if symmetry else naive]
        )
    walked = walks.walk(
        start.starts,
        config,
        budgets.after_seconds(search.clock, seconds),
        config.seed + number,
        held=start.walkers,
        symmetry=symmetry or (Exchange() if target.is_quadratic else None),
    )
    rank = walked.schemes[0].rank
    if kind != "best":
        is_lower = start.rank is None or rank < start.rank
        idle = 0 if is_lower else start.idle + 1
        if idle < config.idle_turns:
            here.descents[symmetry] = Descent(start.starts, walked.walkers, rank, idle)
    here.turns, here.seconds = here.turns + 1, here.seconds + search.clock() - begin
    stored = _store(search, target, walked.schemes, number)
    return Turn(
        target=target.name,
        kind=f"{kind} {symmetry}" if symmetry else kind,
        reached=rank,
        rank=here.pool[0].rank,
        flips=walked.flips,
        seconds=search.clock() - begin,
        stored=stored,
    )


def _symmetries(search: _Search, target: Target) -> list[IndexSymmetry]:
    """Returns the swaps and fours that a search's symmetric turns keep."""
    names = search.config.symmetries
    has_turns = search.ring.modulus == 2 and "symmetric" in search.config.turns
    every = IndexSymmetry.of_target(target) if has_turns else []
    return [x for x in every if x.name in names or str(x) in names]


def _kind_of_turn(turns: tuple[str, ...], here: _Known) -> tuple[str, IndexSymmetry | None]:
    """Returns what the next turn does, and the symmetry that it keeps."""
    kinds = [x for x in turns if x in ("descent", "best") or (x == "symmetric" and here.symmetries)]
    cycle, place = divmod(here.turns, len(kinds) or 1)
    if not kinds or kinds[place] != "symmetric":
        return (kinds or ["descent"])[place], None
    earlier = cycle * kinds.count("symmetric") + kinds[:place].count("symmetric")
    return "symmetric", here.symmetries[earlier % len(here.symmetries)]


def _store(search: _Search, target: Target, found: list[Factorization], number: int) -> list[str]:
    """Adds what walks found to the pool and to the memory, over Z2 and Z3 with its lifts.

    Returns:
      Lines that say what was kept.
    """
    here, memory, lifts = search.known[target.name], search.memory, search.lifts
    origin = provenance(search.config, number, here.seconds)
    found = sorted(found, key=_recursive_calls, reverse=True)
    both = sorted(found + here.pool, key=_recursive_calls, reverse=True)
    here.pool = pools.least_rank(both, search.config.pool)
    lines = [memory.add(here.pool[0].replace(provenance=origin))]
    if search.ring.is_modular:
        lifting = lifts.lifting(found, LIFTING * search.config.slice_seconds)
        of_lifts = origin | {"lifted_from": search.ring.name}
        lifted = sorted(
            map(lifts.lift_of, lifting), key=lambda f: (-_recursive_calls(f), f.largest_coefficient)
        )
        best = {f.domain: f for f in reversed(lifted)}  # the first of each
        lines += [memory.add(f.replace(provenance=of_lifts)) for f in best.values()]
    return said(lines)


def _recursive_calls(f: Factorization) -> int:
    return recursion.recursive_calls(f) or 0
