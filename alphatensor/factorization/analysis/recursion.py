"""Recursive calls: products of an algorithm for blocks that are smaller products of its own kind.

They cost less than products of general blocks, so of two algorithms of one rank the one with more
of them is faster on large matrices.
"""

import numpy as np

from alphatensor import structured, targets
from alphatensor.factorization.core import Factorization


def recursive_calls(f: Factorization) -> int | None:
    """Counts the products that are recursive calls where the entries are blocks.

    For A Aᵀ with a general A those are the products of a sum with its own transpose, for a
    triangular matrix times a general one those whose left sum has blocks of the diagonal alone. It
    is None for other targets: their blocks do not have the structure of the whole.
    """
    product = targets.structure_of(f.target.name)
    if product is None:
        return None
    if product[:2] == ("g", structured.TRANSPOSED):
        return int(np.count_nonzero(square_signs(f)))
    if product.left in "ul" and product.right == "g":
        outside = [i != j for i, j in product.positions()[0]]
        return int(np.count_nonzero(~(f.u[outside] != 0).any(axis=0)))
    return None


def square_signs(f: Factorization) -> np.ndarray:
    """Returns for each term 1 where v = u, -1 where v = -u, and 0 elsewhere: int64 (R,)."""
    is_equal, is_opposite = ((f.u == sign * f.v).all(axis=0) for sign in (1, -1))
    return is_equal.astype(np.int64) - is_opposite
