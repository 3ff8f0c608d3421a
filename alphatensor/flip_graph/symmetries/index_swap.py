"""Swaps of pairs of indices of structured matrices, for walks over Z2 on their products."""

import dataclasses
import itertools
from typing import Self

import numpy as np

from alphatensor import structured, targets
from alphatensor.factorization import Factorization
from alphatensor.flip_graph.groups import Element, identity
from alphatensor.flip_graph.symmetries import generators
from alphatensor.flip_graph.symmetries.base import Factors
from alphatensor.structured import Positions
from alphatensor.targets import Target


@dataclasses.dataclass(frozen=True, eq=False)
class IndexSwap:
    """The relabelling 0 <-> 1, 2 <-> 3, ... of some pairs of indices of A, B and C = A B.

    A symmetric A, for example, has the same pairs of rows and of columns.

    Attributes:
      target: the product of structured matrices.
      pairs: their numbers among the rows of A, its columns, which are the rows of B, and the
        columns of B.
      element: what the swap does to the entries of each mode.
    """

    target: Target
    pairs: tuple[int, int, int]
    element: Element

    name = "swap"
    cancels_pairs = flips_fixed_terms = True

    def __str__(self) -> str:
        return f"{self.name} {self.pairs}"

    @classmethod
    def of_target(cls, target: Target) -> list[Self]:
        """Returns all that leave a target's tensor over Z2 as it is; of other targets none."""
        product = targets.structure_of(target.name)
        if product is None or product.is_square:
            return []
        found = []
        for pairs in itertools.product(range(product.n // 2, -1, -1), repeat=3):
            entries = _entries(product, pairs) if any(pairs) else None
            if entries is not None and _keeps(target.tensor, entries):
                found.append(cls(target, pairs, Element((0, 1, 2), entries)))
        return found

    def group(self) -> list[Element]:
        """Returns what the identity and the swap do to the factors of a term."""
        return [identity(*self.target.shape), self.element]

    def expand(self, f: Factorization) -> Factorization:
        """Returns the whole scheme of generators: the different images of each."""
        whole = generators.whole(self._images(f))
        return Factorization(self.target, f.ring, *whole, f.provenance)

    def split(self, f: Factorization) -> Factorization | None:
        """Returns generators of a scheme, fixed terms among them; None without the symmetry."""
        return generators.split(f, self._images(f))

    def _images(self, f: Factorization) -> list[Factors]:
        factors = tuple(np.array(x) for x in f.factors)
        images = tuple(np.zeros_like(x) for x in factors)
        for image, factor, entries in zip(images, factors, self.element.entries, strict=True):
            image[entries] = factor
        return [factors, images]


def _entries(product: structured.Product, pairs: tuple[int, int, int]) -> Factors | None:
    """Returns where the entries of each mode move; None where one leaves the structure."""
    index = np.arange(product.n)
    rows, inner, columns = (np.where(index < 2 * k, index ^ 1, index).tolist() for k in pairs)
    left, right, result = product.positions()
    moved = [
        _moved(left, rows, inner, product.left),
        _moved(right, inner, columns, product.right),
        _moved(result, rows, columns, "g"),
    ]
    return None if any(x is None for x in moved) else tuple(moved)


def _moved(
    positions: Positions, rows: list[int], columns: list[int], structure: str
) -> np.ndarray | None:
    """Returns the number of the entry that each entry moves to."""
    numbers = {position: number for number, position in enumerate(positions)}
    if structure in "skw":  # the entries below the diagonal are those above, up to sign
        numbers |= {(j, i): number for (i, j), number in numbers.items()}
    images = [numbers.get((rows[i], columns[j])) for i, j in positions]
    return None if None in images else np.array(images)


def _keeps(tensor: np.ndarray, entries: Factors) -> bool:
    is_permutation = all(len(set(x.tolist())) == len(x) for x in entries)
    return is_permutation and not np.any((tensor[np.ix_(*entries)] - tensor) % 2)
