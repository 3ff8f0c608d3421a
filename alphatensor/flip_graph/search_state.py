"""What a search over formats knows, and the memory that it fills."""

import collections
import dataclasses
import math
from typing import NamedTuple, Protocol

from alphatensor import rings
from alphatensor.factorization import Factorization, reduce_mod
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.budgets import Clock
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.lifts import LiftCache
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries import Symmetry, symmetries_of
from alphatensor.flip_graph.walkers import Walkers


class Memory(Protocol):
    """Keeps the best algorithm of each format and ring, as a library does."""

    def best(self, sizes: Sizes, ring: rings.Ring) -> Factorization | None:
        """Returns the best algorithm of a format in the order given, None if there is none."""

    def add(self, f: Factorization) -> str | None:
        """Keeps an algorithm if it beats what is held; returns one line that says so, or None."""

    def known_rank(self, sizes: Sizes, ring: rings.Ring) -> int | None:
        """Returns the best known rank of a format, None where none is known."""

    def pool(self, sizes: Sizes, name: str) -> list[Factorization]:
        """Returns the verified schemes of a format that an earlier search kept under a name."""

    def keep_pool(self, sizes: Sizes, name: str, schemes: list[Factorization]) -> None:
        """Keeps schemes for the next search in place of those that the name had."""


class Descent(NamedTuple):
    """A walk from schemes above the best rank, which goes on turn after turn.

    Attributes:
      starts: the schemes from which it starts, or goes on where it has no walkers.
      walkers: those of its last turn; None before the first, or where it goes on from `starts`.
      rank: the least rank of its last turn; None before the first.
      idle: turns in a row in which its rank has not fallen.
    """

    starts: list[Factorization]
    walkers: Walkers | None = None
    rank: int | None = None
    idle: int = 0


@dataclasses.dataclass
class FormatState:
    """What a search knows of one format.

    Attributes:
      pool: schemes of the least rank known.
      symmetric: for each symmetry, schemes that keep it, of the least rank among these.
      descents: the descents under way, by symmetry; None is for walks without.
      descended: for each symmetry and None, the number of descents from each origin.
      integers: in a search over Z2 or Z3, schemes of the least rank over the integers.
      seconds: time spent on the format.
      turns: how many turns of the search were the format's own.
      last: number of the last of them.
      idle: how many there were since its rank last fell.
    """

    pool: list[Factorization] = dataclasses.field(default_factory=list)
    symmetric: dict[Symmetry, list[Factorization]] = dataclasses.field(default_factory=dict)
    descents: dict[Symmetry | None, Descent] = dataclasses.field(default_factory=dict)
    descended: dict[Symmetry | None, collections.Counter] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    integers: list[Factorization] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    turns: int = 0
    last: int = 0
    idle: int = 0


class Formats(dict[Sizes, FormatState]):
    """What is known of each format; of a new one, what an earlier search has left in the memory."""

    def __init__(self, memory: Memory, ring: rings.Ring):
        super().__init__()
        self._memory, self._ring = memory, ring

    def __missing__(self, sizes: Sizes) -> FormatState:
        def pool(*words: object) -> list[Factorization]:
            return self._memory.pool(sizes, pool_name(self._ring, *words))

        here = FormatState(pool=pool())
        if self._ring.is_modular:
            here.integers = self._memory.pool(sizes, pool_name(rings.Integers()))
        if earlier := pool(DESCENT):
            here.descents[None] = Descent(starts=earlier, rank=earlier[0].rank)
        for symmetry in symmetries_of(sizes):
            if keeping := [f for f in pool(symmetry) if symmetry.split(f) is not None]:
                here.symmetric[symmetry] = keeping
            earlier = pool(DESCENT, symmetry)
            if starts := [g for f in earlier if (g := symmetry.split(f)) is not None]:
                here.descents[symmetry] = Descent(starts=starts, rank=earlier[0].rank)
        self[sizes] = here
        return here


DESCENT = "descent"


def pool_name(ring: rings.Ring, *words: object) -> str:
    """Returns the name under which a memory keeps schemes of a format."""
    return " ".join(map(str, (ring, *words)))


@dataclasses.dataclass
class SearchState:
    """All that changes during a search; only the scheduler changes it.

    Attributes:
      config: constants of the search.
      memory: where results go, and where a search goes on from.
      clock: measures turns.
      lifts: the lifts of schemes tried so far.
      formats: what is known of each format, by its sizes in increasing order; by default what the
        memory holds.
    """

    config: FlipSearchConfig
    memory: Memory
    clock: Clock
    lifts: LiftCache
    formats: dict[Sizes, FormatState] | None = None

    def __post_init__(self) -> None:
        if self.formats is None:
            self.formats = Formats(self.memory, self.ring)

    @property
    def ring(self) -> rings.Ring:
        """The ring of the walks."""
        return rings.parse(self.config.ring)

    def held(self, sizes: Sizes, ring: rings.Ring | None = None) -> list[Factorization]:
        """Returns the memory's scheme of a format, where walkers can start from it."""
        f = self.memory.best(sizes, ring or self.ring)
        return [f] if f is not None and bitmasks.is_ternary(f) else []

    def schemes_of(self, sizes: Sizes) -> list[Factorization]:
        """Returns the best schemes known for a format: its pool, else the memory's."""
        return self.formats[sizes].pool or self.held(sizes)

    def residues_of(self, sizes: Sizes) -> list[Factorization]:
        """Returns the schemes known over the integers, mod 2 or 3 as the walks are: they lift."""
        return [reduce_mod(f, self.ring.modulus) for f in self.integers_of(sizes)]

    def integers_of(self, sizes: Sizes) -> list[Factorization]:
        """Returns the best schemes known over the integers with entries -1, 0 and 1."""
        return self.formats[sizes].integers or self.held(sizes, rings.Integers())

    def rank(self, sizes: Sizes) -> int:
        """Returns the least rank known for a format over the search's ring."""
        return min([math.prod(sizes), *(f.rank for f in self.schemes_of(sizes))])

    def lags_over_integers(self, sizes: Sizes) -> bool:
        """Says whether a search over Z2 or Z3 knows a lower rank there than over the integers."""
        if not self.ring.is_modular:
            return False
        f = self.memory.best(sizes, rings.Integers())
        return f is None or f.rank > self.rank(sizes)

    def keeping(self, symmetry: Symmetry) -> list[Factorization]:
        """Returns the schemes known to keep a symmetry."""
        return self.formats[tuple(sorted(symmetry.sizes))].symmetric.get(symmetry, [])
