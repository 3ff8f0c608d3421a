"""Swaps of pairs of rows and columns, for walks over Z2 in which fixed terms are flipped too."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, naive, permute_sizes, project
from alphatensor.factorization.transforms import ORIENTATIONS, orient
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import (
    Factors,
    Known,
    Origins,
    SchemesOf,
    with_own_target,
)
from alphatensor.flip_graph.symmetries.fours import Fours
from alphatensor.flip_graph.symmetries.generators import AllFlipped

STARTS = 16  # schemes of each origin
RELAXED = "relaxed"  # of the origins of schemes that keep a larger group
LARGEST_NAIVE = 100  # products of the naive algorithms that walks start from


@dataclasses.dataclass(frozen=True)
class Swap(AllFlipped):
    """The relabelling 0 <-> 1, 2 <-> 3, ... of some pairs of indices; those after them stay.

    Over Z2 every change of the three bases that is its own inverse has this form in suitable bases.
    The fixed terms may be any whose factors the swap leaves as they are.

    Attributes:
      sizes: n, m and p.
      pairs: the number of pairs in each of them.
    """

    sizes: Sizes
    pairs: tuple[int, int, int]
    name = "swap"
    order = 2

    def __str__(self) -> str:
        return f"{self.name} {self.pairs}"

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        if min(sizes) < 2:
            return []
        numbers = itertools.product(*(range(size // 2, -1, -1) for size in sizes))
        return [cls(sizes, x) for x in numbers if any(x) and _in_order(sizes, x) == (sizes, x)]

    def permutations(self) -> list[np.ndarray]:
        index = [np.arange(size) for size in self.sizes]
        return [np.where(x < 2 * k, x ^ 1, x) for x, k in zip(index, self.pairs, strict=True)]

    def origins(self, known: Known, schemes_of: SchemesOf) -> Origins:
        """Returns generators to start from, by where they come from.

        Schemes that keep two more involutions; two copies of an algorithm for half of the pairs in
        one size; two algorithms glued along one size, or one that is cut, which keep such swaps;
        for small formats the naive algorithm.
        """
        found: Origins = {}
        for fours in Fours.of_format(self.sizes):
            if fours.swapped == self.pairs:
                schemes = known(fours)[:STARTS]
                found[RELAXED, fours.pairs] = [g for f in schemes if (g := self.split(f))]
        for axis, (size, pairs) in enumerate(zip(self.sizes, self.pairs, strict=True)):
            rest = self._resized(axis, size - 2 * pairs, 0)
            half = dataclasses.replace(self._resized(axis, pairs, 0), pairs=(0, 0, 0))
            if pairs:
                places = [range(0, 2 * pairs, 2), range(2 * pairs, size)]
                parts = [x._generators(known, schemes_of) for x in (half, rest)]
                found["copies", axis] = self._glued(axis, places, parts)
            for first, k in _first_parts(size, pairs):
                ends = 2 * k, 2 * pairs, 2 * pairs + first - 2 * k
                places = [
                    [*range(ends[0]), *range(ends[1], ends[2])],
                    [*range(ends[0], ends[1]), *range(ends[2], size)],
                ]
                both = self._resized(axis, first, k), self._resized(axis, size - first, pairs - k)
                parts = [x._generators(known, schemes_of) for x in both]
                found["sum", axis, first, k] = self._glued(axis, places, parts)
            for k in (0, 1):
                larger = self._resized(axis, size + 1 + k, pairs + k)
                found["projection", axis, k] = list(self._cut(axis, larger, known))
        if math.prod(self.sizes) <= LARGEST_NAIVE or not any(found.values()):
            found[None] = [self.generators(rings.IntegersMod(2))]
        return {origin: schemes for origin, schemes in found.items() if schemes}

    def _resized(self, axis: int, size: int, pairs: int) -> "Swap":
        """Returns the swap for another size along one axis, with another number of pairs."""
        sizes, numbers = list(self.sizes), list(self.pairs)
        sizes[axis], numbers[axis] = size, pairs
        return Swap(tuple(sizes), tuple(numbers))

    def _whole(self, known: Known, schemes_of: SchemesOf) -> list[Factorization]:
        """Returns the schemes known to keep this swap, whatever the order of its sizes."""
        if not any(self.pairs):
            schemes = schemes_of(tuple(sorted(self.sizes)))[:STARTS]
            return [permute_sizes(f, self.sizes) for f in schemes]
        sizes, pairs = _in_order(self.sizes, self.pairs)
        orientation = next(
            x
            for x in ORIENTATIONS
            if x.of_sizes(sizes) == self.sizes and x.of_sizes(pairs) == self.pairs
        )
        return [orient(f, orientation) for f in known(Swap(sizes, pairs))[:STARTS]]

    def _generators(self, known: Known, schemes_of: SchemesOf) -> list[Factorization]:
        """Returns generators of what is known, else of the naive algorithm; none for no indices."""
        if not min(self.sizes):
            return []
        schemes = self._whole(known, schemes_of) or [naive(self.sizes, rings.IntegersMod(2))]
        return [g for f in schemes if (g := self.split(f)) is not None]

    def _glued(
        self, axis: int, places: list[Iterable[int]], parts: list[list[Factorization]]
    ) -> list[Factorization]:
        """Puts parts side by side: the rows or columns of each along one axis where they belong."""
        placed = [
            [self._placed(f, axis, at) for f in part]
            for part, at in zip(parts, places, strict=True)
            if part
        ]
        name, ring = f"generators of {targets.format_name(self.sizes)}", rings.IntegersMod(2)
        together = zip(*map(itertools.cycle, placed), strict=True)
        return [
            with_own_target(name, ring, [np.hstack(x) for x in zip(*factors, strict=True)])
            for factors in itertools.islice(together, max(map(len, placed)))
        ]

    def _placed(self, f: Factorization, axis: int, at: Iterable[int]) -> Factors:
        """Returns factors for this format, zero but at some rows or columns along one axis."""
        index = [np.arange(size) for size in self.sizes]
        index[axis] = np.array(at)
        placed = []
        for mode, factor in enumerate(f.factors):
            rows, columns, width = index[mode], index[(mode + 1) % 3], self.sizes[(mode + 1) % 3]
            out = np.zeros((self.sizes[mode] * width, f.rank), np.int64)
            out[(rows[:, None] * width + columns).reshape(-1)] = np.array(factor)
            placed.append(out)
        return tuple(placed)

    def _cut(self, axis: int, larger: "Swap", known: Known) -> Iterator[Factorization]:
        """Yields generators of larger schemes without their last pair, or last other index."""
        cut = larger.sizes[axis] - self.sizes[axis]
        last = 2 * larger.pairs[axis] - 1 if cut == 2 else larger.sizes[axis] - 1
        for f in larger._whole(known, lambda _: []):
            for k in range(cut):
                f = project(f, "nmp"[axis], last - k)
            if (g := self.split(f)) is not None:
                yield g


def _in_order(sizes: Sizes, pairs: tuple[int, int, int]) -> tuple[Sizes, tuple[int, int, int]]:
    """Sorts the sizes, and numbers of pairs with them."""
    return tuple(zip(*sorted(zip(sizes, pairs, strict=True)), strict=True))


def _first_parts(size: int, pairs: int) -> Iterator[tuple[int, int]]:
    """Yields the size and the number of pairs of the larger of two parts, or one of two equal."""
    for first in range(-(-size // 2), size):
        for k in range(pairs + 1):
            if 2 * k <= first and 2 * (pairs - k) <= size - first:
                yield first, k
