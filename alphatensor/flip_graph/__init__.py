"""Flip-graph search: random walks among exact algorithms that lower their rank or their cost.

A glossary, in the order in which terms build on each other:

* **term**: a rank-1 tensor a⊗b⊗c; a, b and c are its *factors*, one for each *mode*.
* **scheme**: a set of terms that sum to a target; elsewhere a factorization, or an algorithm.
* **flip**: a⊗b⊗c + a⊗b'⊗c' becomes a⊗(b+b')⊗c + a⊗b'⊗(c'-c): two terms that share a factor are
  replaced by two others. Where a new factor is zero, a term vanishes.
* **plus transition**: two terms are split into three, for walks that are stuck.
* **walker**: one random walk; many share a compiled program, and the last axis counts them (W).
* **try, sweep, round**: one attempt at a flip; three of them; many sweeps, after which walkers
  store their best scheme and make plus transitions where they are stuck.
* **plane, word**: the bits of a factor: its *support plane* (entries that are not zero) or, over
  the integers, its plane of signs; each in words of 32 bits.
* **slot**: room for one term; R slots, some of them zero.
* **partner hint**: a bit that says that a factor may have an equal one in another term.
* **symmetry, image, orbit**: a map that leaves the target alone, what it makes of a term, and all
  images of a term together.
* **generator**: the term that stands for its orbit. **Fixed terms** are their own only image.
* **layout**: how the factors of generators are stacked in lists for the walkers.
* **origin**: where the schemes come from that a walk starts from, such as a neighbouring format.
* **turn, descent**: a scheduler's step on one format; a walk that starts above the best rank.
* **pool, family**: schemes that are kept to go on from; the kind of turn that found a scheme.
* **lift**: a scheme over the integers that a scheme over Z2 is the reduction of.

Nothing here knows files or clocks: a library is passed in as `Memory`, a clock as `Clock`.
`flip_search`, `refine` and `external_games` in `alphatensor.training` provide both.
"""

from alphatensor.flip_graph.budgets import Clock, Stop, after_calls, after_seconds
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.refinement import Costed, refine
from alphatensor.flip_graph.scheduler import Turn, search
from alphatensor.flip_graph.search_state import Memory
from alphatensor.flip_graph.symmetries import KINDS, Symmetry, symmetries_of
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
