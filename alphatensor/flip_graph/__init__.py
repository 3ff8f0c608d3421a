"""Flip-graph search: random walks among exact algorithms that lower their rank or their cost.

The words of the walkers' inner loop; those of the whole project are in `docs/glossary.md`:

* **walker**: one random walk; W of them share the cores, and the first axis counts them.
* **try**: one attempt at a flip.
* **plane, word**: the bits of a factor: its *support plane* (entries that are not zero) or, over
  the integers, its plane of signs; each in words of 64 bits.
* **slot**: room for one term; R slots, some of them zero.
* **row**: a factor of one term. **Ring**: rows whose factors are equal, up to sign and symmetry.
* **generator**: the term that stands for its orbit. **Fixed terms** are their own only image.
* **element**: of the group of a symmetry, and what it does to the factors of a term.

Nothing here knows files or clocks: a library is passed in as `Memory`, a clock as `Clock`.
`flip_search`, `refine` and `external_games` in `alphatensor.training` provide both.
"""

from alphatensor.flip_graph.additions import fewer_additions
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
    "fewer_additions",
    "refine",
    "search",
    "symmetries_of",
    "walk",
]
