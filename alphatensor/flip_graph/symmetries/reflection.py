"""The reflection: what the reversal of n×n×n leaves in formats with fewer rows or columns."""

import dataclasses
from typing import Self

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, project
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import Factors, Known, Origins, Symmetry
from alphatensor.flip_graph.symmetries.rotation import (
    Reversal,
    block_units,
    partitions,
    reversed_blocks,
)


@dataclasses.dataclass(frozen=True)
class Reflection(Symmetry):
    """The order of the indices of each block reversed, with one block of odd size.

    The reversal of n×n×n, n odd, fixes one index. Deleting it in one size or two leaves the
    formats (n-1)×n×n and (n-1)×(n-1)×n with this symmetry. They have no rotation, and their fixed
    terms lack the deleted rows and columns.

    Attributes:
      sizes: n, m and p; p is the sum of the blocks, n is one less, m is either.
      blocks: sizes of the blocks.
    """

    sizes: Sizes
    blocks: tuple[int, ...]
    name = "reflection"
    order = 2

    def __str__(self) -> str:
        return f"{self.name} {self.blocks}"

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        n, _, p = sizes
        if not n < p == n + 1 or p % 2 == 0:
            return []
        odd = [b for b in partitions(p) if sum(size % 2 for size in b) == 1]
        return [cls(sizes=sizes, blocks=blocks) for blocks in odd]

    @property
    def middle(self) -> int:
        """The index that the reversal fixes."""
        return int(np.flatnonzero(reversed_blocks(self.blocks) == np.arange(sum(self.blocks)))[0])

    @property
    def starts_from_generators(self) -> bool:
        return False

    def permutations(self) -> list[np.ndarray]:
        image = reversed_blocks(self.blocks)
        without = np.delete(image, self.middle)
        without = without - (without > self.middle)
        return [image if size == len(image) else without for size in self.sizes]

    def fixed_terms(self) -> Factors:
        n = sum(self.blocks)
        factors = []
        for mode in range(3):
            matrices = block_units(self.blocks).reshape(n, n, -1)
            for axis, size in enumerate((self.sizes[mode], self.sizes[(mode + 1) % 3])):
                if size < n:
                    matrices = np.delete(matrices, self.middle, axis)
            factors.append(matrices.reshape(-1, len(self.blocks)))
        is_left = np.all([x.any(0) for x in factors], axis=0)
        return tuple(x[:, is_left] for x in factors)

    def generators(self, ring: rings.Ring) -> Factorization:
        """Returns those of the source's simplest scheme, projected."""
        source = self.source()
        return self.split(self.projected(source.expand(source.generators(ring))))

    def source(self) -> Symmetry:
        n, _, whole = self.sizes
        if self._has_one_short_size:
            return Reversal(self.blocks)
        return Reflection(sizes=(n, whole, whole), blocks=self.blocks)

    def neighbours(self, known: Known) -> Origins:
        """Projects the schemes that keep the source's symmetry."""
        source = self.source()
        return {source: [self.projected(f) for f in known(source)]}

    def projected(self, f: Factorization) -> Factorization:
        """Deletes the index that the reversal fixes from one size more of the source's scheme.

        The result is a scheme of this format with the reflection.
        """
        return project(f, "n" if self._has_one_short_size else "m", self.middle)

    @property
    def _has_one_short_size(self) -> bool:
        return self.sizes[1] == sum(self.blocks)
