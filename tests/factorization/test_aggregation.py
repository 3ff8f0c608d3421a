"""Trilinear aggregation for any format: exact, ternary, at or near the formula's number."""

import pytest

from alphatensor.factorization import aggregated, aggregation
from alphatensor.factorization.aggregation import Construction, Contraction

MET = [(3, 3, 3), (3, 3, 4), (4, 4, 5), (4, 5, 5), (5, 5, 7), (6, 6, 7), (7, 7, 8), (6, 7, 7)]


@pytest.mark.parametrize("sizes", MET)
def test_the_formula_is_met(sizes):
    f = aggregated(sizes)
    assert f.sizes == sizes and f.rank == aggregation.formula(sizes)
    assert f.verify().ok and f.largest_coefficient == 1


@pytest.mark.parametrize("sizes, over", [((5, 6, 7), 1), ((7, 8, 8), 2), ((5, 7, 7), 2)])
def test_the_formula_is_nearly_met(sizes, over):
    f = aggregated(sizes)
    assert f.verify().ok and f.rank <= aggregation.formula(sizes) + over


def test_every_order_of_the_sizes_is_served():
    f = aggregated((6, 4, 5))
    assert f.sizes == (6, 4, 5) and f.verify().ok and f.rank == 90


def test_formulas_are_rounded_down():
    assert [aggregation.formula((n, n, n)) for n in range(2, 8)] == [7, 23, 50, 93, 153, 235]
    assert aggregation.formula((6, 7, 7)) == 204 and aggregation.formula((1, 4, 5)) == 20


def test_constructions_are_built_again():
    made = Construction(7, 0, 0, (Contraction("n", 1, 2), Contraction("m", 6, 7)))
    f = aggregation.build(made)
    assert made.sizes == f.sizes == (6, 6, 7) and f.rank == 177


@pytest.mark.parametrize("sizes", [(1, 3, 3), (3, 0, 4)])
def test_sizes_are_checked(sizes):
    with pytest.raises(ValueError, match="expected sizes from 2 on"):
        aggregated(sizes)
