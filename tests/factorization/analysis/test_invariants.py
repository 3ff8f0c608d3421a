"""Invariants: equivalent factorizations share them, and inequivalent ones are counted."""

import pytest
from algorithms import STRASSEN, Z, glued, scrambled, scrambled_pair

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import invariants


@pytest.mark.parametrize("f", [STRASSEN, glued(1), fz.naive((2, 3, 2), Z)])
@pytest.mark.parametrize("modulus", [0, 2])
def test_equivalent_ones_share_their_invariant(f, modulus):
    f, g = scrambled_pair(f, modulus)
    assert invariants.invariant(f) == invariants.invariant(g)
    distributions = [invariants.rank_distribution(x).values() for x in (f, g)]
    assert sorted(distributions[0]) == sorted(distributions[1])


def test_fractions_share_the_invariant_of_integers():
    """Terms are scaled to integers, and a change of basis with a determinant 3 keeps all ranks."""
    rational = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], [[1, 1], [0, 1]], [[1, 0], [0, 1]])
    assert not rational.is_integral
    assert invariants.invariant(rational) == invariants.invariant(STRASSEN)


def test_inequivalent_ones_are_counted():
    """Ranks alone cannot tell these apart; the relative basis of the two halves can."""
    a, b = glued(0), glued(2)
    assert invariants.rank_distribution(a) == invariants.rank_distribution(b)
    fs = [scrambled(x, seed) for seed in (3, 4) for x in (a, b)]
    count = invariants.count_inequivalent(fs)
    assert count.certified == 2 and count.representatives == [0, 1]


def test_unusable_input_is_named():
    with pytest.raises(ValueError, match="too large"):
        invariants.invariant(STRASSEN.replace(u=STRASSEN.u * 10**9))
    big = fz.naive((10, 10, 10), Z)
    with pytest.raises(ValueError, match="small matrix product"):
        invariants.invariant(big)
