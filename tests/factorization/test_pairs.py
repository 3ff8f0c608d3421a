"""Strassen's algorithm on pairs of indices: exact, ternary, and as short as its rule says."""

import math

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import strassen_pairs


@pytest.mark.parametrize("ring", [rings.Integers(), rings.IntegersMod(2)], ids=str)
@pytest.mark.parametrize("n", range(1, 9))
def test_pairs_share_their_products(n, ring):
    """2n products, three for each pair, and one more for two indices of the same type."""
    f = strassen_pairs(n, ring)
    sizes = [len(range(kind, n, 3)) for kind in range(3)]
    assert f.sizes == (n, 2, n) and f.verify().ok and f.largest_coefficient == 1
    assert f.rank == n * (3 * n + 1) // 2 + sum(math.comb(x, 2) for x in sizes)


def test_products_of_one_index_sum_to_the_diagonal():
    f = strassen_pairs(3)
    u, v = np.array(f.u).reshape(3, 2, -1), np.array(f.v).reshape(2, 3, -1)
    rows, columns = u.any(axis=1), v.any(axis=0)
    for i in range(3):
        own = (rows[i] & (rows.sum(axis=0) == 1)) & (columns[i] & (columns.sum(axis=0) == 1))
        assert own.sum() == 2
        assert np.array_equal(np.einsum("kr,lr->kl", u[i][:, own], v[:, i][:, own]), np.eye(2))
