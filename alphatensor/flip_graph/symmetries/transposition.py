"""The transposition of all matrices, of formats (n, m, m)."""

import functools
from typing import Self

import numpy as np

from alphatensor.factorization import extend
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.symmetries.base import Known, Origins
from alphatensor.flip_graph.symmetries.relabelling import Relabelling


class Transposition(Relabelling):
    """The map a⊗b⊗c -> cᵀ⊗bᵀ⊗aᵀ of formats (n, m, m), with 0 <-> 1, 2 <-> 3, ... in n.

    (AB)ᵀ = BᵀAᵀ, so with the target's third mode read transposed, as here, its tensor is the same
    after the map. Pairs of rows of the first matrices are swapped on the way, which leaves
    fewer terms fixed: those of the naive product of an index of n that stays, and of the same index
    of m twice.
    """

    name = "transposition"
    order, largest_start = 2, 3
    modes = (2, 1, 0)

    @classmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        n, m, p = sizes
        pairs = [(p, n, n)] if n == m else [(n, p, p)] if m == p else []
        return [cls(pair) for pair in pairs if min(n, p) >= 2]

    def permutations(self) -> list[np.ndarray]:
        n, m, p = self.sizes
        return [_swapped_pairs(n), np.arange(m), np.arange(p)]

    def source(self) -> Self:
        n, m, _ = self.sizes
        return Transposition((n, m - 1, m - 1))

    def neighbours(self, known: Known) -> Origins:
        """Extends the schemes of two smaller formats, in both sizes m or in the rows of n.

        Rows are added one or two at a time, such that the swaps of the others stay the same.
        """
        n, m, _ = self.sizes
        rows = 2 - n % 2
        axes_of = {self.source(): "mp", Transposition((n - rows, m, m)): "n" * rows}
        return {
            smaller: [functools.reduce(extend, axes, f) for f in known(smaller)]
            for smaller, axes in axes_of.items()
        }


def _swapped_pairs(size: int) -> np.ndarray:
    """Returns the image of each index under 0 <-> 1, 2 <-> 3, ..., int64 [size]."""
    index = np.arange(size)
    return np.where(index ^ 1 < size, index ^ 1, index)
