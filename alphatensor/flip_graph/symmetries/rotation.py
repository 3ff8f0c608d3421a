"""The rotation of the modes of square formats, and the reversal of indices beside it."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Self

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization
from alphatensor.flip_graph.groups import Element
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import (
    Factors,
    Known,
    Origins,
    Symmetry,
    with_own_target,
)


@dataclasses.dataclass(frozen=True)
class Rotation(Symmetry):
    """The rotation a⊗b⊗c -> b⊗c⊗a of n×n×n: an orbit has three terms.

    With the target's third mode read transposed, as here, its tensor is the same after the
    rotation. The fixed terms are a⊗a⊗a with block-diagonal unit matrices a that sum to the
    identity. Over Z2 the vectors of all fixed terms of any such scheme must sum to it.

    Attributes:
      blocks: sizes of the blocks of the fixed terms, which sum to n.
    """

    blocks: tuple[int, ...]
    name = "rotation"
    order = 1

    def __str__(self) -> str:
        return f"{self.name} {self.blocks}"

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        is_square = len(set(sizes)) == 1 and sizes[0] > 1
        return [cls(blocks) for blocks in partitions(sizes[0])] if is_square else []

    @property
    def sizes(self) -> Sizes:
        return (sum(self.blocks),) * 3

    def permutations(self) -> list[np.ndarray]:
        return [np.arange(sum(self.blocks))] * 3

    def fixed_terms(self) -> Factors:
        return (block_units(self.blocks),) * 3

    def images(self, factors: Factors) -> list[Factors]:
        still = super().images(factors)
        return [x for u, v, w in still for x in ((u, v, w), (v, w, u), (w, u, v))]

    def group(self) -> list[Element]:
        turn = Element((1, 2, 0), super().group()[0].entries)
        turns = [Element((0, 1, 2), turn.entries), turn, turn.after(turn)]
        return [x.after(y) for y in super().group() for x in turns]

    def neighbours(self, known: Known) -> Origins:
        """Takes the schemes that keep the reversal too."""
        reversal = Reversal(self.blocks)
        return {reversal: known(reversal)}

    def generators(self, ring: rings.Ring) -> Factorization:
        """Returns the entries of the target less those of the fixed terms.

        Outside of the blocks they are the products of the naive algorithm, in a block those of its
        diagonal, with the other sign.
        """
        (n, _, _), blocks = self.sizes, self.blocks
        units = np.eye(n * n, dtype=np.int64)
        owner = np.repeat(np.arange(len(blocks)), blocks)
        diagonal = np.arange(n) * (n + 1)
        products = {term: 1 for term in map(tuple, np.argwhere(targets.matmul(n, n, n).tensor))}
        for i, j, k in itertools.product(range(n), repeat=3):
            if owner[i] == owner[j] == owner[k]:
                term = diagonal[i], diagonal[j], diagonal[k]
                products[term] = products.get(term, 0) - 1
        image = self.entry_images(0, self.order - 1)
        terms = []
        for (i, j, k), sign in products.items():
            rotated = [(i, j, k), (j, k, i), (k, i, j)]
            if sign and (i, j, k) == min(rotated + [tuple(image[list(x)]) for x in rotated]):
                terms.append((sign * units[i], units[j], units[k]))
        factors = [ring.reduce(np.array(factor).T) for factor in zip(*terms, strict=True)]
        return with_own_target(f"generators of {n}x{n}x{n}", ring, factors)


class Reversal(Rotation):
    """The rotation and, beside it, the order of the indices in each block reversed.

    Orbits have six terms, since at most one index stays in its place: at most one block has an odd
    size.
    """

    name = "reversal"
    order = 2

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        return [x for x in super().of_format(sizes) if sum(size % 2 for size in x.blocks) <= 1]

    def permutations(self) -> list[np.ndarray]:
        return [reversed_blocks(self.blocks)] * 3

    def neighbours(self, known: Known) -> Origins:
        """Takes none: walks start from the generators."""
        del known
        return {}


def reversed_blocks(blocks: tuple[int, ...]) -> np.ndarray:
    """Returns the image of each index where the order in each block is reversed, int64 [n]."""
    ends = np.cumsum(blocks)
    reverse = [np.arange(end)[::-1][:size] for end, size in zip(ends, blocks, strict=True)]
    return np.concatenate(reverse)


def partitions(n: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """Yields the ways to write n as a sum of positive integers that do not increase."""
    if n == 0:
        yield ()
    for first in range(min(n, largest or n), 0, -1):
        for rest in partitions(n - first, first):
            yield (first, *rest)


def block_units(blocks: tuple[int, ...]) -> np.ndarray:
    """Returns the unit matrices of the diagonal blocks as vectors, int64 [n², blocks]."""
    n = sum(blocks)
    owner = np.repeat(np.arange(len(blocks)), blocks)
    vectors = np.zeros((n, n, len(blocks)), np.int64)
    vectors[np.arange(n), np.arange(n), owner] = 1
    return vectors.reshape(n * n, -1)
