"""Transforms: every map gives an exact factorisation, and undoing it gives the first one back."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import transforms

Z = rings.Integers()
STRASSEN = fz.strassen()
MIXED = fz.direct_sum(fz.kronecker(STRASSEN, fz.naive((1, 2, 1), Z)), fz.naive((2, 4, 1), Z))


def same(f, g):
    """Whether two factorisations are equal up to order and scales of the terms."""
    f, g = fz.canonical(f), fz.canonical(g)
    return f.sizes == g.sizes and all(map(np.array_equal, f.factors, g.factors))


def square(size, entries=None):
    entries = st.integers(-3, 3) if entries is None else entries
    row = st.lists(entries, min_size=size, max_size=size)
    return st.lists(row, min_size=size, max_size=size).map(lambda x: np.array(x, object))


def invertible(matrix, ring):
    try:
        return transforms.inverse(fz.exact_array(matrix), ring)
    except ValueError:
        return None


def test_the_mixed_example_is_rectangular():
    assert MIXED.sizes == (2, 4, 3) and MIXED.rank == 22 and MIXED.verify().ok


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_rotations_and_transpositions_reach_every_order(modulus):
    f = fz.reduce_mod(MIXED, modulus) if modulus else MIXED
    for order in itertools.permutations(f.sizes):
        g = fz.permute_sizes(f, order)
        assert g.sizes == order and g.verify().ok
        assert same(fz.permute_sizes(g, f.sizes), f)
    assert same(fz.rotate(f, 3), f) and same(fz.transpose(fz.transpose(f)), f)
    assert not same(fz.transpose(STRASSEN), STRASSEN)


@settings(deadline=None, max_examples=30)
@given(data=st.data(), modulus=st.sampled_from([0, 2, 5]))
def test_sandwich_keeps_exactness_and_is_undone_by_the_inverses(data, modulus):
    f = fz.reduce_mod(MIXED, modulus) if modulus else MIXED
    changes = [data.draw(square(s)) for s in f.sizes]
    inverses = [invertible(x, f.ring) for x in changes]
    if any(x is None for x in inverses):
        with pytest.raises(ValueError, match="singular"):
            fz.sandwich(f, *changes)
        return
    g = fz.sandwich(f, *changes)
    assert g.verify().ok
    assert same(fz.sandwich(g, *inverses), f)


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_change_of_basis_and_back(data):
    changes = [data.draw(square(4, st.integers(-2, 2))) for _ in range(3)]
    inverses = [invertible(x, Z) for x in changes]
    if any(x is None for x in inverses):
        return
    g = fz.change_basis(STRASSEN, *changes)
    tensor = np.einsum("ijk,ai,bj,ck->abc", STRASSEN.target.tensor.astype(object), *changes)
    np.testing.assert_array_equal(g.target.tensor, tensor)
    assert g.verify().ok
    back = fz.change_basis(g, *inverses, target=STRASSEN.target)
    assert back.verify().ok
    assert all(map(np.array_equal, back.factors, STRASSEN.factors))


@settings(deadline=None, max_examples=40)
@given(data=st.data(), modulus=st.sampled_from([0, 2, 7]))
def test_canonical_form_forgets_order_and_scales(data, modulus):
    f = fz.reduce_mod(STRASSEN, modulus) if modulus else STRASSEN
    scales = st.integers(1, modulus - 1) if modulus else st.sampled_from([-1, 2, Fraction(-1, 3)])
    order = data.draw(st.permutations(range(7)))
    a, b = (np.array([data.draw(scales) for _ in range(7)], object) for _ in range(2))
    rest = [pow(int(x), -1, modulus) if modulus else 1 / Fraction(x) for x in a * b]
    g = f.replace(
        u=(f.u * a)[:, order], v=(f.v * b)[:, order], w=(f.w * np.array(rest, object))[:, order]
    )
    assert g.verify().ok and same(f, g)
    assert all(map(np.array_equal, fz.canonical(g).factors, fz.canonical(f).factors))
    u, v = fz.canonical(g).u, fz.canonical(g).v
    for x in (*u.T, *v.T):
        assert next(e for e in x if e) > 0


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


def test_reduction_mod_p():
    f = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert f.domain == "Q"
    assert fz.reduce_mod(f, 5).verify().ok and fz.reduce_mod(f, 5).ring.name == "Z5"
    with pytest.raises(ValueError, match="has no residue mod 3"):
        fz.reduce_mod(f, 3)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="one ring"):
        fz.kronecker(STRASSEN, fz.reduce_mod(STRASSEN, 2))
    with pytest.raises(ValueError, match="equal sizes except n"):
        fz.direct_sum(STRASSEN, fz.naive((2, 3, 3), Z), "n")
    with pytest.raises(ValueError, match="axis 'q'"):
        fz.extend(STRASSEN, "q")
    with pytest.raises(ValueError, match="an order of"):
        fz.permute_sizes(STRASSEN, (2, 2, 3))
