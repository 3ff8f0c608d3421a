"""Composition: sums, products, extensions and projections are exact and count what they say."""

from fractions import Fraction

import numpy as np
import pytest
from algorithms import MIXED, STRASSEN, Z, same

from alphatensor import factorization as fz
from alphatensor import rings


@pytest.mark.parametrize("axis", ["n", "m", "p"])
def test_sums_extensions_and_projections(axis):
    f = fz.direct_sum(STRASSEN, STRASSEN, axis)
    assert f.rank == 14 and f.verify().ok and sorted(f.sizes) == [2, 2, 4]
    g = fz.extend(f, axis)
    assert g.rank == 18 and g.verify().ok
    back = fz.project(g, axis)
    assert back.sizes == f.sizes and back.rank == 14 and same(back, f)
    for index in range(4):
        smaller = fz.project(f, axis, index)
        assert smaller.verify().ok and sum(smaller.sizes) == 7
    with pytest.raises(ValueError, match="cannot be removed"):
        fz.project(f, axis, 4)


@pytest.mark.parametrize("ring", [rings.Integers(), rings.IntegersMod(2), rings.IntegersMod(3)])
@pytest.mark.parametrize("axis", ["n", "m", "p"])
def test_projections_along_all_directions_come_with_fewest_terms_first(axis, ring):
    f = fz.kronecker(fz.strassen(ring), fz.naive((1, 2, 1), ring))
    a = [[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 1, 1]]
    bases = [np.array(a)[:size, :size] for size in f.sizes]
    hidden = fz.sandwich(f, *bases)  # what vanishes with a row of f hides in other directions
    plain = min(fz.project(f, axis, index).rank for index in range(f.sizes["nmp".index(axis)]))
    found = fz.projections(hidden, axis, 50)
    assert all(g.verify().ok and sum(g.sizes) == sum(f.sizes) - 1 for g in found)
    ranks = [g.rank for g in found]
    assert ranks == sorted(ranks) and ranks[0] <= plain < f.rank and len(ranks) > 1
    assert [g.rank for g in fz.projections(hidden, axis, 2)] == ranks[:2]


def test_projections_where_no_direction_fits():
    half = STRASSEN.replace(u=STRASSEN.u * Fraction(1, 2), w=STRASSEN.w * 2)
    (found,) = fz.projections(half, "n")
    assert found.verify().ok and same(found, fz.project(half, "n"))
    u = np.insert(STRASSEN.u, 0, 0, axis=1)
    v, w = (np.insert(x, 0, 1, axis=1) for x in (STRASSEN.v, STRASSEN.w))
    padded = STRASSEN.replace(u=u, v=v, w=w)
    assert fz.projections(padded, "n")[0].rank == fz.projections(STRASSEN, "n")[0].rank
    with pytest.raises(ValueError, match="cannot be removed"):
        fz.projections(fz.naive((1, 2, 2), Z), "n")


def test_kronecker_products_multiply_sizes_and_ranks():
    f = fz.kronecker(MIXED, STRASSEN)
    assert f.sizes == (4, 8, 6) and f.rank == 22 * 7 and f.verify().ok
    a, b = fz.reduce_mod(f, 2), fz.kronecker(fz.reduce_mod(MIXED, 2), fz.reduce_mod(STRASSEN, 2))
    assert same(a, b) and a.verify().ok


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="one ring"):
        fz.kronecker(STRASSEN, fz.reduce_mod(STRASSEN, 2))
    with pytest.raises(ValueError, match="equal sizes except n"):
        fz.direct_sum(STRASSEN, fz.naive((2, 3, 3), Z), "n")
    with pytest.raises(ValueError, match="axis 'q'"):
        fz.extend(STRASSEN, "q")
