"""Four-groups of relabellings, for walks over Z2 in which terms of every stabilizer are flipped."""

import dataclasses
import itertools
import math
from typing import Self

import numpy as np

from alphatensor import rings
from alphatensor.flip_graph.groups import Element, identity
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries import generators
from alphatensor.flip_graph.symmetries.base import Factors, Known, Origins, SchemesOf
from alphatensor.flip_graph.symmetries.generators import AllFlipped

LARGEST = 128  # products of the naive algorithms that walks start from


@dataclasses.dataclass(frozen=True)
class Fours(AllFlipped):
    """Three involutions that move the indices 0 to 3, 4 to 7, ... as x -> x ^ 1, x ^ 2 and x ^ 3.

    Of two or three indices that are left a pair may move, too, under two of the involutions.
    Walks start from the naive algorithm, with a quarter of its products as generators.

    Attributes:
      sizes: n, m and p.
      pairs: for each of n, m and p the involution, 1, 2 or 3, under which the pair after the fours
        stays while the two others exchange it; 0 where it never moves or there is none.
    """

    sizes: Sizes
    pairs: tuple[int, int, int]
    name = "fours"
    order = 4

    def __str__(self) -> str:
        return f"{self.name} {self.pairs}"

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        """Returns all up to the order of the involutions, for formats of few enough products."""
        if max(sizes) < 4 or math.prod(sizes) > LARGEST:
            return []
        kinds = itertools.product(*(range(4) if size % 4 >= 2 else (0,) for size in sizes))
        return [cls(sizes, x) for x in kinds if _in_order(x)]

    @property
    def swapped(self) -> tuple[int, int, int]:
        """Returns the numbers of pairs that the first involution exchanges, as in `Swap.pairs`."""
        fours = (size // 4 for size in self.sizes)
        return tuple(2 * k + (pair > 1) for k, pair in zip(fours, self.pairs, strict=True))

    def permutations(self, involution: int = 1) -> list[np.ndarray]:
        """Returns the image of each index under an involution, 1, 2 or 3, for n, m and p."""
        found = []
        for size, pair in zip(self.sizes, self.pairs, strict=True):
            index = np.arange(size)
            ends = size - size % 4
            image = np.where(index < ends, index ^ involution, index)
            if pair not in (0, involution):
                image[[ends, ends + 1]] = ends + 1, ends
            found.append(image)
        return found

    def origins(self, known: Known, schemes_of: SchemesOf) -> Origins:
        """Returns those of the naive algorithm alone."""
        del known, schemes_of
        return {None: [self.generators(rings.IntegersMod(2))]}

    def group(self) -> list[Element]:
        n, m, p = self.sizes
        return [identity(n * m, m * p, p * n), *map(self._element, (1, 2, 3))]

    def images(self, factors: Factors) -> list[Factors]:
        return generators.images(factors, self.group())

    def _element(self, involution: int) -> Element:
        moved = self.permutations(involution)
        pairs = ((moved[mode], moved[(mode + 1) % 3]) for mode in range(3))
        entries = ((row[:, None] * len(column) + column).reshape(-1) for row, column in pairs)
        return Element((0, 1, 2), tuple(entries))


def _in_order(pairs: tuple[int, ...]) -> bool:
    """Says whether 1, 2 and 3 come in this order where they come first."""
    first = list(dict.fromkeys(x for x in pairs if x))
    return first == list(range(1, len(first) + 1))
