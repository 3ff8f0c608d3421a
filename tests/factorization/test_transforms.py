"""Transforms: every map gives an exact factorization, and undoing it gives the first one back."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from algorithms import MIXED, STRASSEN, Z, same
from hypothesis import given, settings
from hypothesis import strategies as st

from alphatensor import factorization as fz
from alphatensor import targets
from alphatensor.factorization import linear, transforms


def square(size, entries=None):
    entries = st.integers(-3, 3) if entries is None else entries
    row = st.lists(entries, min_size=size, max_size=size)
    return st.lists(row, min_size=size, max_size=size).map(lambda x: np.array(x, object))


def invertible(matrix, ring):
    try:
        return linear.inverse(fz.exact_array(matrix), ring)
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


def test_reduction_mod_p():
    f = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert f.domain == "Q"
    assert fz.reduce_mod(f, 5).verify().ok and fz.reduce_mod(f, 5).ring.name == "Z5"
    with pytest.raises(ValueError, match="has no residue mod 3"):
        fz.reduce_mod(f, 3)


@pytest.mark.parametrize("f", [STRASSEN, MIXED])
def test_orientations_give_the_sizes_that_they_promise(f):
    for orientation in transforms.ORIENTATIONS:
        g = transforms.orient(f, orientation)
        assert g.sizes == orientation.of_sizes(f.sizes) and g.verify().ok
    assert transforms.orient(f, (True, 2)).sizes == fz.rotate(fz.transpose(f), 2).sizes
    keeping = transforms.orientations_keeping(f.sizes)
    assert len(keeping) == (6 if f is STRASSEN else 1) and keeping[0] == (False, 0)
    assert transforms.orientations_keeping((2, 3, 2)) == [(False, 0), (True, 0)]


@pytest.mark.parametrize("modulus", [0, 3])
def test_elementary_sandwiches_are_sandwiches(modulus):
    f = fz.reduce_mod(MIXED, modulus) if modulus else MIXED
    stacks = transforms.matrices(f)
    for place in range(3):
        changes = [np.eye(size, dtype=int) for size in f.sizes]
        changes[place][1, 0] = 2
        moved = transforms.elementary_sandwich(stacks, place, 1, 0, 2, f.ring)
        expected = transforms.matrices(fz.sandwich(f, *changes))
        assert all(map(np.array_equal, moved, expected))


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_sparsified_ones_have_fewer_nonzeros_and_a_way_back(modulus):
    f = fz.sandwich(STRASSEN, [[1, 1], [0, 1]], [[1, 0], [1, 1]], [[1, -1], [0, 1]])
    f = fz.reduce_mod(f, modulus) if modulus else f
    sparse, back = fz.sparsify(f, kicks=2, rng=np.random.default_rng(0))
    count = [sum(np.count_nonzero(x) for x in g.factors) for g in (sparse, f)]
    assert sparse.verify().ok and count[0] < count[1]
    assert same(fz.sandwich(sparse, *back), f)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="an order of"):
        fz.permute_sizes(STRASSEN, (2, 2, 3))
    skew = fz.Factorization(
        targets.skew_matvec(2), Z, [[1, 1]], [[1, 0], [0, 1]], [[0, 1], [-1, 0]]
    )
    with pytest.raises(ValueError, match="target skew2: expected a matrix multiplication"):
        fz.rotate(skew)
    with pytest.raises(ValueError, match=r"expected \(2, 2\)"):
        fz.sandwich(STRASSEN, *[np.eye(3, dtype=int)] * 3)


def test_w_is_read_row_by_row():
    n, _, p = MIXED.sizes
    _, _, w = transforms.matrices(MIXED)
    rows = transforms.row_major_w(MIXED)
    np.testing.assert_array_equal(rows.T.reshape(-1, n, p), w.swapaxes(1, 2))
    np.testing.assert_array_equal(transforms.transposed_rows(rows, n, p), MIXED.w)
