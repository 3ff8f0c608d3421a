"""Costs agree with their definitions."""

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization.analysis import costs

Z = rings.Integers()
STRASSEN = fz.strassen()
RATIONAL = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], [[1, 1], [0, 1]], np.eye(2, dtype=int))


def test_costs_of_the_textbook_algorithms():
    """Known figures: Strassen 18 additions, e_max 12, gamma 12 + 2√2, phi 32; naive nmp each."""
    c = costs.measure(STRASSEN)
    assert (c.multiplications, c.additions_naive, c.additions_shared) == (7, 18, 18)
    assert c.nonzeros == (12, 12, 12) and c.distinct_sums == (5, 5) and c.scalings == 0
    assert (c.e_max, c.q, c.phi, c.largest_coefficient) == (12, 8, 32, 1)
    assert c.gamma == pytest.approx(12 + 2 * 2**0.5) and c.omega == pytest.approx(np.log2(7))
    square = costs.measure(fz.kronecker(STRASSEN, STRASSEN), trials=30)
    assert square.phi == 32**2 and square.gamma == pytest.approx(c.gamma**2)
    assert square.e_max == 144 and square.q == 24 and square.additions_shared <= 198
    naive = costs.measure(fz.naive((2, 3, 4), Z))
    assert naive.additions_naive == naive.additions_shared == 2 * 4 * 2
    assert naive.phi == naive.gamma == 24 and naive.e_max == 3 and naive.omega == 3
    assert costs.measure(fz.reduce_mod(STRASSEN, 2)).e_max is None
    assert costs.measure(RATIONAL).largest_coefficient >= 2


def test_growth_is_that_of_the_kronecker_power():
    two, square = costs.growth(STRASSEN, 2), costs.growth(fz.kronecker(STRASSEN, STRASSEN))
    for name in ("e_max", "gamma", "phi", "predicted"):
        assert getattr(two, name) == pytest.approx(getattr(square, name))
    assert costs.growth(STRASSEN).predicted == 2
    with pytest.raises(ValueError, match="levels: 0"):
        costs.growth(STRASSEN, 0)
    with pytest.raises(ValueError, match="over the reals"):
        costs.growth(fz.reduce_mod(STRASSEN, 2))
