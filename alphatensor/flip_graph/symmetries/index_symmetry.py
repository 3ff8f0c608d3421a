"""Involutions of the indices of structured matrices, for walks over Z2 on their products."""

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
class IndexSymmetry:
    """One or three involutions of the rows of A, its columns, which are B's rows, and B's columns.

    A "swap" relabels 0 <-> 1, 2 <-> 3, ... for some pairs of indices; "fours" are the involutions
    x -> x ^ 1, x ^ 2 and x ^ 3 of the indices 0 to 3. A symmetric A, for example, has the same
    pairs of rows and of columns.

    Attributes:
      target: the product of structured matrices, C = A B.
      name: "swap" or "fours".
      numbers: of pairs, or of fours, that move in each of the three sizes.
      elements: what the involutions do to the entries of each mode.
    """

    target: Target
    name: str
    numbers: tuple[int, int, int]
    elements: tuple[Element, ...]

    cancels_pairs = flips_fixed_terms = True

    def __str__(self) -> str:
        return f"{self.name} {self.numbers}"

    @classmethod
    def of_target(cls, target: Target) -> list[Self]:
        """Returns all that leave a target's tensor over Z2 as it is; of other targets none."""
        product = targets.structure_of(target.name)
        if product is None or product.is_square:
            return []
        found, index = [], np.arange(product.n)
        swaps = [np.where(index < 2 * k, index ^ 1, index) for k in range(product.n // 2 + 1)]
        ends = product.n - product.n % 4
        fours = [np.where(index < ends, index ^ k, index) for k in (1, 2, 3)]
        makes = {
            "swap": [[swaps[k]] for k in range(len(swaps))],
            "fours": [[index] * 3, fours] if ends else [],
        }
        for name, choices in makes.items():
            for numbers in itertools.product(reversed(range(len(choices))), repeat=3):
                moved = zip(*(choices[k] for k in numbers), strict=True)
                entries = [_entries(product, images) for images in moved] if any(numbers) else []
                if entries and all(x and _keeps(target.tensor, x) for x in entries):
                    elements = tuple(Element((0, 1, 2), x) for x in entries)
                    found.append(cls(target, name, numbers, elements))
        return found

    def group(self) -> list[Element]:
        """Returns what the identity and the involutions do to the factors of a term."""
        return [identity(*self.target.shape), *self.elements]

    def expand(self, f: Factorization) -> Factorization:
        """Returns the whole scheme of generators: the different images of each."""
        whole = generators.whole(self._images(f))
        return Factorization(self.target, f.ring, *whole, f.provenance)

    def split(self, f: Factorization) -> Factorization | None:
        """Returns generators of a scheme, fixed terms among them; None without the symmetry."""
        return generators.split(f, self._images(f))

    def _images(self, f: Factorization) -> list[Factors]:
        return generators.images(tuple(np.array(x) for x in f.factors), self.group())


def _entries(product: structured.Product, images: Factors) -> Factors | None:
    """Returns where the entries of each mode move; None where one leaves the structure."""
    rows, inner, columns = (x.tolist() for x in images)
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
