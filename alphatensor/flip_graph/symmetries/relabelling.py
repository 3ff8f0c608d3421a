"""Relabellings of rows and columns whose fixed terms stay as they are, and the cycle of three."""

import dataclasses
from typing import ClassVar, Self

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, naive
from alphatensor.flip_graph import origins
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import Factors, Known, Origins, Symmetry


@dataclasses.dataclass(frozen=True)
class Relabelling(Symmetry):
    """A permutation of the indices of a format (n, m, p), perhaps with a transposition.

    The naive algorithm keeps it. The fixed terms are the products of the naive algorithm that are
    their own image.

    Attributes:
      sizes: n, m and p.
      largest_start: walks of formats with p up to this begin with the naive algorithm, those of
        larger ones with what was found for smaller ones.
    """

    sizes: Sizes
    largest_start: ClassVar[int]

    def __str__(self) -> str:
        return self.name

    @property
    def starts_from_generators(self) -> bool:
        return self.sizes[2] <= self.largest_start

    def generators(self, ring: rings.Ring) -> Factorization:
        """Returns those of the naive algorithm."""
        return self.split(naive(self.sizes, ring))

    def fixed_terms(self) -> Factors:
        factors = [np.array(x) for x in naive(self.sizes, rings.Integers()).factors]
        images = zip(factors, self.images(factors)[1], strict=True)
        is_fixed = np.all([np.all(x == y, axis=0) for x, y in images], axis=0)
        return tuple(x[:, is_fixed] for x in factors)

    def source(self) -> Symmetry:
        n, m, p = self.sizes
        return type(self)(tuple(sorted((n, m, p - 1))))

    def neighbours(self, known: Known) -> Origins:
        """Extends and projects the schemes that keep the same relabelling next to this format."""
        return origins.neighbours(self.sizes, lambda sizes: known(type(self)(sizes)), directions=0)


class Cycle(Relabelling):
    """The relabelling 0 -> 1 -> 2 -> 0 in all three sizes, of three or more; others stay."""

    name = "cycle"
    order = largest_start = 3

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        return [cls(sizes)] if min(sizes) >= 3 else []

    def permutations(self) -> list[np.ndarray]:
        return [np.array([1, 2, 0, *range(3, size)]) for size in self.sizes]
