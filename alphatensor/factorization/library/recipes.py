"""Recipes: how a factorization is made from smaller ones of the library, in a few words.

The operations::

  sum       two products side by side along an axis, n, m or p
  product   the Kronecker product of two
  drop      one row or column fewer along an axis than the part has
  mod       the part over the integers, reduced
  blocks    a base algorithm on blocks of unequal sizes (`recombination`)
  pairs     Strassen's algorithm on pairs of indices (`factorization.pairs`), for a format n×2×p
  polygons  trilinear aggregation (`factorization.aggregation`) from the cube and the edges named

Parts are formats in the order in which they are used, over the ring of the recipe. No recipe says
what its rank is: that follows from its parts, and what is made is verified.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from alphatensor import rings
from alphatensor.factorization import aggregation, composition, pairs, transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.library import exact_files, recombination
from alphatensor.targets import Sizes

# The number of parts of each operation.
PARTS = {"sum": 2, "product": 2, "drop": 1, "mod": 1, "blocks": 0, "pairs": 1, "polygons": 0}
INTEGERS = rings.Integers()


class Recipe(NamedTuple):
    """How a factorization is made; the module says what each operation means.

    Attributes:
      operation: a key of `PARTS`.
      parts: formats of the parts, in the order in which they are used; of pairs the format itself.
      axis: `'n'`, `'m'` or `'p'`, for sums and drops.
      base: base algorithm of blocks, in the orientation in which it is used.
      split: sizes of the blocks of rows of A, of columns of A, of columns of B.
      construction: of polygons.
    """

    operation: str
    parts: tuple[Sizes, ...] = ()
    axis: str | None = None
    base: Factorization | None = None
    split: tuple[tuple[int, ...], ...] | None = None
    construction: aggregation.Construction | None = None

    @property
    def sizes(self) -> Sizes:
        """Returns (n, m, p) of what is made; raises `ValueError` for parts that do not fit."""
        if self.operation == "blocks":
            return tuple(map(sum, self.split))
        if self.operation == "polygons":
            return self.construction.sizes
        if self.operation in ("mod", "pairs"):
            return self.parts[0]
        if self.operation == "product":
            return tuple(a * b for a, b in zip(*self.parts, strict=True))
        k = composition.AXES.index(self.axis)
        if self.operation == "drop":
            return tuple(s - (i == k) for i, s in enumerate(self.parts[0]))
        pairs = list(enumerate(zip(*self.parts, strict=True)))
        if any(a != b for i, (a, b) in pairs if i != k):
            raise ValueError(f"parts: expected equal sizes except {self.axis}.")
        return tuple(a + b if i == k else a for i, (a, b) in pairs)

    @property
    def needs(self) -> tuple[Sizes, ...]:
        """Returns the formats of all parts, one for each use; zeros where nothing is needed."""
        if self.operation in ("pairs", "polygons"):
            return ()
        return self.parts if self.base is None else _blocks(self.base, self.split)

    def part_ring(self, ring: rings.Ring) -> rings.Ring:
        """Returns the ring of the parts of this recipe over `ring`."""
        return INTEGERS if self.operation == "mod" else ring

    def rank(self, ranks: Sequence[int]) -> int:
        """Returns how many multiplications the recipe takes at most, from those of its `needs`."""
        if self.operation == "pairs":
            return pairs.rank(self.sizes[0], self.sizes[2])
        if self.operation == "polygons":
            return aggregation.build(self.construction).rank
        return math.prod(ranks) if self.operation == "product" else sum(ranks)


def of_plan(plan: recombination.Plan) -> Recipe:
    """Returns the recipe of a recombination."""
    return Recipe("blocks", base=plan.base, split=plan.allocation)


def key_of(sizes: Sizes, ring: rings.Ring | str) -> str:
    """Returns what a library calls its factorization of a format, such as `'3x4x5_Z'`."""
    return f"{exact_files.stem(sizes)}_{ring}"


def assemble(
    recipe: Recipe, ring: rings.Ring, part: Callable[[Sizes, rings.Ring], Factorization]
) -> Factorization:
    """Makes the factorization that a recipe describes, with its provenance; it is not verified.

    Args:
      recipe: the recipe.
      ring: its ring.
      part: a function from (n, m, p), in any order, and a ring to a factorization.
    """
    if recipe.base is not None:
        plan = recombination.Plan(0, recipe.base, recipe.split)
        return recombination.assemble(plan, lambda sizes: part(sizes, ring))
    if recipe.operation == "pairs":
        n, _, p = recipe.sizes
        return pairs.strassen_pairs(n, p, ring)
    if recipe.operation == "polygons":
        f = aggregation.build(recipe.construction)
        return transforms.reduce_mod(f, ring.modulus) if ring.is_modular else f
    parts = [part(s, recipe.part_ring(ring)) for s in recipe.parts]
    if recipe.operation == "mod":
        origin = {**parts[0].provenance, "reduced_from": INTEGERS.name}
        return transforms.reduce_mod(parts[0], ring.modulus).replace(provenance=origin)
    if recipe.operation == "sum":
        f = composition.direct_sum(*parts, recipe.axis)
    elif recipe.operation == "product":
        f = composition.kronecker(*parts)
    else:
        f = composition.project(parts[0], recipe.axis)
    used = [f"{g.target.name}:{g.rank}" for g in parts]
    axis = {"axis": recipe.axis} if recipe.axis else {}
    origin = {"method": "closure", "operation": recipe.operation, "parts": used, **axis}
    return f.replace(provenance=origin)


@functools.lru_cache(maxsize=4096)
def _blocks(base: Factorization, split: tuple[tuple[int, ...], ...]) -> tuple[Sizes, ...]:
    return tuple(recombination.needed_formats(recombination.Plan(0, base, split)))
