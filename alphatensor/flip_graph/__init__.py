"""Flip-graph search: random walks among exact algorithms that lower their rank or their cost.

The words of the walkers' inner loop; those of the whole project are in `docs/glossary.md`:

* **walker**: one random walk; many share a compiled program, and the last axis counts them (W).
* **try, sweep, round**: one attempt at a flip; three of them; many sweeps, after which walkers
  store their best scheme and make plus transitions where they are stuck.
* **plane, word**: the bits of a factor: its *support plane* (entries that are not zero) or, over
  the integers, its plane of signs; each in words of 32 bits.
* **slot**: room for one term; R slots, some of them zero.
* **partner hint**: a bit that says that a factor may have an equal one in another term.
* **generator**: the term that stands for its orbit. **Fixed terms** are their own only image.
* **layout**: how the factors of generators are stacked in lists for the walkers.

Nothing here knows files or clocks: a library is passed in as `Memory`, a clock as `Clock`.
`flip_search`, `refine` and `external_games` in `alphatensor.training` provide both.
"""

from alphatensor.flip_graph.budgets import Clock, Stop, after_calls, after_seconds
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.refinement import Costed, refine
from alphatensor.flip_graph.scheduler import search
from alphatensor.flip_graph.search_state import Memory
from alphatensor.flip_graph.symmetries import KINDS, Symmetry, symmetries_of
from alphatensor.flip_graph.turns import Turn
from alphatensor.flip_graph.walkers import Walkers, WalkOptions
from alphatensor.flip_graph.walks import Walked, walk

__all__ = [
    "KINDS",
    "Clock",
    "Costed",
    "FlipSearchConfig",
    "Memory",
    "Stop",
    "Symmetry",
    "Turn",
    "WalkOptions",
    "Walked",
    "Walkers",
    "after_calls",
    "after_seconds",
    "refine",
    "search",
    "symmetries_of",
    "walk",
]
