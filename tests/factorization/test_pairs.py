"""Strassen's algorithm on pairs of indices: exact, ternary, and of the rank that is said."""

import itertools

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import pairs, strassen_pairs

FORMATS = [(n, p) for n, p in itertools.combinations_with_replacement(range(1, 10), 2) if p < 3 * n]

SHAPES = (4, 2), (2, 4), (4, 4)


@pytest.mark.parametrize("ring", [rings.Integers(), rings.IntegersMod(2)], ids=str)
@pytest.mark.parametrize("n, p", FORMATS, ids=str)
def test_pairs_share_their_products(n, p, ring):
    f = strassen_pairs(n, p, ring)
    assert f.sizes == (n, 2, p) and f.verify().ok and f.largest_coefficient == 1
    assert f.rank == pairs.rank(n, p)


def test_ranks_are_those_of_the_formula():
    """That of Hopcroft and Kerr 1971; at most half a product more for each column beyond n."""
    for n in range(1, 40):
        for p in range(n, 2 * n + 1):
            formula = -(-(3 * n + 1) * p // 2)
            assert formula <= pairs.rank(n, p) <= formula + (p - n) / 2
            if p in (n, n + 1) or p % 2 == 0:
                assert pairs.rank(n, p) == formula
    assert [pairs.rank(n, p) for n, p in ((8, 8), (7, 8), (3, 9), (1, 5))] == [100, 88, 45, 10]


def test_products_of_one_index_sum_to_the_diagonal():
    f = strassen_pairs(4)
    u, v, w = (np.array(x).reshape(*s, -1) for x, s in zip(f.factors, SHAPES, strict=True))
    rows, columns = u.any(axis=1), v.any(axis=0)
    for i in range(4):
        own = (rows[i] & (rows.sum(axis=0) == 1)) & (columns[i] & (columns.sum(axis=0) == 1))
        assert own.sum() == 2
        products = u[i][:, own], v[:, i][:, own], w[i, i, own]
        assert np.array_equal(np.einsum("kr,lr,r->kl", *products), np.eye(2))


@pytest.mark.parametrize("n, p", [(0, 3), (4, 3)])
def test_sizes_are_checked(n, p):
    with pytest.raises(ValueError, match=f"{n}x2x{p}: expected sizes from 1 on"):
        strassen_pairs(n, p)
