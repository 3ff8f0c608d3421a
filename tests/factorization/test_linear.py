"""Exact linear algebra: systems over GF(p), inverses and null spaces."""

from fractions import Fraction

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import linear


@pytest.mark.parametrize("p", [2, 3, 7])
def test_systems_are_solved_or_refused(p):
    rng = np.random.default_rng(p)
    for _ in range(20):
        rows, columns = rng.integers(1, 90, 2)
        matrix = rng.integers(0, p, (rows, columns)) * (rng.random((rows, columns)) < 0.2)
        matrix[rng.integers(rows)] = matrix[0]
        system = linear.eliminate(matrix, p, rng.permutation(columns))
        right = matrix @ rng.integers(0, p, columns) % p
        solution = linear.solve(system, right)
        np.testing.assert_array_equal(matrix @ solution % p, right)
        other = rng.integers(0, p, rows)
        found = linear.solve(system, other)
        rank = len(system.pivot_rows)
        extended = linear.eliminate(np.c_[matrix, other], p, np.arange(columns + 1))
        assert (found is None) == (len(extended.pivot_rows) > rank)


@pytest.mark.parametrize("modulus", [0, 2, 7])
def test_inverses_are_exact(modulus):
    ring = rings.IntegersMod(modulus) if modulus else rings.Integers()
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = np.tril(rng.integers(-4, 5, (4, 4)), -1) + np.diag(rng.choice([1, 3, 5], 4))
        found = linear.inverse(ring.reduce(matrix), ring)
        np.testing.assert_array_equal(ring.reduce(found @ matrix), np.eye(4, dtype=int))
    assert linear.inverse(np.array([[2]]), rings.Integers())[0, 0] == Fraction(1, 2)
    with pytest.raises(ValueError, match="singular matrix"):
        linear.inverse(np.array([[modulus or 0]]), ring)


@pytest.mark.parametrize("modulus", [0, 2, 7])
def test_null_spaces_hold_all_solutions(modulus):
    ring = rings.IntegersMod(modulus) if modulus else rings.Integers()
    rng = np.random.default_rng(0)
    for _ in range(10):
        rows = rng.integers(-3, 4, (5, 3)) @ rng.integers(-3, 4, (3, 6))
        basis = linear.null_space(rows.tolist(), 6, ring)
        for vector in basis:
            assert not ring.reduce(rows.astype(object) @ vector).any()
        assert len(basis) >= 3 and len(np.unique(np.array(basis, str), axis=0)) == len(basis)
        if modulus:
            rank = len(linear.eliminate(rows % modulus, modulus, np.arange(6)).pivot_rows)
            assert len(basis) == 6 - rank
    assert linear.null_space(np.eye(3, dtype=int).tolist(), 3, ring) == []
