"""Equivalent factorizations are recognised with their matrices, others are told apart."""

import numpy as np
import pytest
from algorithms import STRASSEN, Z, glued, scrambled, scrambled_pair

from alphatensor import factorization as fz
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import costs, equivalence


@pytest.mark.parametrize("f", [STRASSEN, glued(1), fz.naive((2, 3, 2), Z)])
@pytest.mark.parametrize("modulus", [0, 2])
def test_equivalent_ones_are_recognised_with_their_matrices(f, modulus):
    f, g = scrambled_pair(f, modulus)
    found = equivalence.equivalent(f, g)
    assert found.verdict is True
    moved = transforms.orient(f, found.orientation)
    moved = fz.canonical(fz.sandwich(moved, *found.matrices))
    assert all(map(np.array_equal, moved.factors, fz.canonical(g).factors))


def test_inequivalent_ones_are_told_apart():
    """Ranks alone cannot tell the first two apart; the relative basis of the two halves can."""
    assert equivalence.equivalent(glued(0), glued(2)).verdict is False
    assert equivalence.equivalent(STRASSEN, fz.naive((2, 2, 2), Z)).verdict is False
    assert equivalence.equivalent(STRASSEN, fz.reduce_mod(STRASSEN, 2)).verdict is False


def test_winograds_variant_is_strassens():
    """De Groote: all rank-7 algorithms for 2×2 are equivalent; Winograd's 15 additions as well."""
    s = [[0, 0, 1, 1], [-1, 0, 1, 1], [1, 0, -1, 0], [1, 1, -1, -1], [1, 0, 0, 0], [0, 1, 0, 0]]
    t = [[-1, 1, 0, 0], [1, -1, 0, 1], [0, -1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]]
    u = np.array([*s, [0, 0, 0, 1]]).T
    v = np.array([*t, [1, -1, -1, 1]]).T
    c11, c12 = [0, 0, 0, 0, 1, 1, 0], [1, 1, 0, 1, 1, 0, 0]
    c21, c22 = [0, 1, 1, 0, 1, 0, -1], [1, 1, 1, 0, 1, 0, 0]
    winograd = fz.from_arrays((2, 2, 2), Z, u, v, np.array([c11, c21, c12, c22]))
    assert winograd.verify().ok
    assert costs.additions_naive(winograd) == 24
    assert costs.measure(winograd).additions_shared == 15
    assert equivalence.equivalent(winograd, STRASSEN).verdict is True


def test_matchings_are_given_up_at_the_limit():
    f = fz.naive((2, 2, 2), Z)
    assert equivalence.equivalent(f, scrambled(f, 1), limit=0).verdict is None
