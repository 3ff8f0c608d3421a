"""Symmetries that schemes can keep: each kind is one class, listed in `KINDS`.

Such a scheme consists of fixed terms and of orbits of two, three or six terms, of which one, the
generator, stands for all (Ballard, Ikenmeyer, Landsberg and Ryder 2019, arXiv 1801.00843;
Moosbauer and Poole 2025, arXiv 2502.04514).

A new kind is a subclass of `Symmetry` that says which formats have it (`of_format`), how it
permutes indices (`permutations`), which terms it fixes (`fixed_terms`) and where walks begin
(`generators`). All else has defaults.
"""

import re
from collections.abc import Collection

from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import Symmetry
from alphatensor.flip_graph.symmetries.fours import Fours
from alphatensor.flip_graph.symmetries.reflection import Reflection
from alphatensor.flip_graph.symmetries.relabelling import Cycle, Relabelling
from alphatensor.flip_graph.symmetries.rotation import Reversal, Rotation
from alphatensor.flip_graph.symmetries.swap import Swap
from alphatensor.flip_graph.symmetries.transposition import Transposition

__all__ = [
    "KINDS",
    "Cycle",
    "Fours",
    "Reflection",
    "Relabelling",
    "Reversal",
    "Rotation",
    "Swap",
    "Symmetry",
    "Transposition",
    "is_name",
    "symmetries_of",
]

KINDS: dict[str, type[Symmetry]] = {
    kind.name: kind for kind in (Reversal, Rotation, Reflection, Cycle, Transposition, Swap, Fours)
}


def symmetries_of(sizes: Sizes, kinds: Collection[str] = tuple(KINDS)) -> list[Symmetry]:
    """Returns the symmetries, of some kinds, that walks of a format may keep.

    Args:
      sizes: n ≤ m ≤ p.
      kinds: names from `KINDS`, or single symmetries as they print, such as "rotation (2, 2, 1)".
    """
    every = [x for kind in KINDS.values() for x in kind.of_format(sizes)]
    return [x for x in every if x.name in kinds or str(x) in kinds]


def is_name(name: object) -> bool:
    """Says whether this is a kind of symmetry or one symmetry as it prints."""
    kinds = "|".join(KINDS)
    return isinstance(name, str) and bool(re.fullmatch(rf"({kinds})( \((\d+, )*\d+,?\))?", name))
