"""What a search over formats knows, and the memory that it fills."""

import collections
import dataclasses
from typing import NamedTuple, Protocol

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.budgets import Clock
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.lifts import LiftCache
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries import Symmetry
from alphatensor.flip_graph.walkers import Walkers


class Memory(Protocol):
    """Keeps the best algorithm of each format and ring, as a library does."""

    def best(self, sizes: Sizes, ring: rings.Ring) -> Factorization | None:
        """Returns the best algorithm of a format in the order given, None if there is none."""

    def add(self, f: Factorization) -> str | None:
        """Keeps an algorithm if it beats what is held; returns one line that says so, or None."""


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
      seconds: time spent on the format.
    """

    pool: list[Factorization] = dataclasses.field(default_factory=list)
    symmetric: dict[Symmetry, list[Factorization]] = dataclasses.field(default_factory=dict)
    descents: dict[Symmetry | None, Descent] = dataclasses.field(default_factory=dict)
    descended: dict[Symmetry | None, collections.Counter] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    seconds: float = 0.0


@dataclasses.dataclass
class SearchState:
    """All that changes during a search; only the scheduler changes it.

    Attributes:
      config: constants of the search.
      memory: where results go, and where a search goes on from.
      clock: measures turns.
      lifts: the lifts of schemes tried so far.
      formats: what is known of each format, by its sizes in increasing order.
    """

    config: FlipSearchConfig
    memory: Memory
    clock: Clock
    lifts: LiftCache
    formats: dict[Sizes, FormatState] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(FormatState)
    )

    @property
    def ring(self) -> rings.Ring:
        """The ring of the walks."""
        return rings.parse(self.config.ring)

    def held(self, sizes: Sizes) -> list[Factorization]:
        """Returns the memory's scheme of a format, where walkers can start from it."""
        f = self.memory.best(sizes, self.ring)
        return [f] if f is not None and bitmasks.is_ternary(f) else []

    def schemes_of(self, sizes: Sizes) -> list[Factorization]:
        """Returns the best schemes known for a format: its pool, else the memory's."""
        return self.formats[sizes].pool or self.held(sizes)

    def keeping(self, symmetry: Symmetry) -> list[Factorization]:
        """Returns the schemes known to keep a symmetry."""
        return self.formats[tuple(sorted(symmetry.sizes))].symmetric.get(symmetry, [])
