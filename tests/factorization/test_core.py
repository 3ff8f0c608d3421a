"""Factorizations: construction, exact verification, and what wrong ones get."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import sums

Z = rings.Integers()
STRASSEN = fz.strassen()
STRASSEN_SQUARED = fz.kronecker(STRASSEN, STRASSEN)


def reconstruct(f):
    """Σ u ⊗ v ⊗ w by plain Python loops over the non-zeros."""
    tensor = np.zeros(f.target.shape, object)
    for u, v, w in zip(f.u.T.tolist(), f.v.T.tolist(), f.w.T.tolist(), strict=True):
        for i in np.flatnonzero(u):
            for j in np.flatnonzero(v):
                for k in np.flatnonzero(w):
                    tensor[i, j, k] += u[i] * v[j] * w[k]
    return f.ring.reduce(tensor)


@pytest.mark.parametrize("f", [STRASSEN, STRASSEN_SQUARED, fz.naive((2, 3, 4), Z)])
def test_exact_factorizations_verify(f):
    check = f.verify()
    assert check.ok and check.index is None
    np.testing.assert_array_equal(reconstruct(f), f.target.tensor)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_verify_finds_the_first_wrong_entry(data):
    """Random changes of one coefficient, small, huge or fractional, in Z and mod 2 and 5."""
    modulus = data.draw(st.sampled_from([0, 2, 5]))
    f = fz.reduce_mod(STRASSEN, modulus) if modulus else STRASSEN
    name = data.draw(st.sampled_from("uvw"))
    factor = getattr(f, name).astype(object)
    i, r = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 6))
    huge = st.integers(-(10**40), 10**40)
    fraction = st.fractions(max_denominator=50)
    factor[i, r] += data.draw(huge if modulus else st.one_of(huge, fraction))
    g = f.replace(**{name: factor})
    found = reconstruct(g)
    wrong = np.argwhere(found != f.ring.reduce(f.target.tensor))
    check = g.verify()
    assert check.ok == (len(wrong) == 0)
    if not check.ok:
        assert check.index == tuple(wrong[0])
        assert check.found == found[check.index]
        assert check.expected == f.target.tensor[check.index]


def test_no_overflow_hides_an_error():
    """2^22 in each factor gives 2^66, which is 0 in int64; 2^40 · 2^-40 needs fractions."""
    f = fz.naive((2, 2, 2), Z)
    wrong = [x.astype(np.int64) for x in f.factors]
    wrong = [np.concatenate([x, 2**22 * np.ones((4, 1), np.int64)], axis=1) for x in wrong]
    assert not fz.from_arrays((2, 2, 2), Z, *wrong).verify().ok
    scaled = f.replace(u=f.u * 2**60, v=f.v * Fraction(1, 2**60))
    assert scaled.domain == "Q" and scaled.verify().ok


def test_large_format_verifies_and_one_wrong_entry_is_seen():
    f = fz.kronecker(STRASSEN_SQUARED, fz.naive((3, 3, 3), Z))
    assert f.sizes == (12, 12, 12) and f.rank == 49 * 27
    assert f.verify().ok
    w = f.w.copy()
    w[143, 1000] += 1
    assert not f.replace(w=w).verify().ok


def test_other_bilinear_maps():
    """Cyclic convolution by definition has rank 4 for two points, over any ring."""
    target = targets.cyclic_convolution(2)
    i, j = (x.ravel() for x in np.indices((2, 2)))
    u, v, w = (np.eye(2, dtype=int)[:, k] for k in (i, j, (i + j) % 2))
    assert fz.Factorization(target, Z, u, v, w).verify().ok
    half = Fraction(1, 2)
    fourier = np.array([[1, 1], [1, -1]])
    g = fz.Factorization(target, Z, fourier, fourier, fourier * half)
    assert g.rank == 2 and g.verify().ok


@pytest.mark.parametrize(
    "change, message",
    [
        ({"u": np.ones((4, 6), int)}, "ranks"),
        ({"u": np.ones((5, 7), int)}, "shape"),
        ({"v": np.full((4, 7), np.nan)}, "finite"),
        ({"v": np.full((4, 7), 0.1234567)}, "simple fraction"),
        ({"w": np.full((4, 7), "x")}, "dtype"),
        ({k: np.zeros((4, 0), int) for k in "uvw"}, "rank 0"),
    ],
)
def test_unusable_arrays_are_named(change, message):
    with pytest.raises(ValueError, match=message) as error:
        STRASSEN.replace(**change)
    assert "\n" not in str(error.value)


def test_fractions_are_refused_in_modular_rings():
    with pytest.raises(ValueError, match="Z3 has integers only"):
        STRASSEN.replace(u=STRASSEN.u * Fraction(1, 2), ring=rings.IntegersMod(3))


def test_simple_fractions_are_read_from_floats():
    f = STRASSEN.replace(u=STRASSEN.u / 3, v=(STRASSEN.v * 3.0).astype(np.float32))
    assert f.u[0, 0] == Fraction(1, 3) and f.verify().ok


def test_nonzeros_and_the_largest_coefficient():
    assert STRASSEN.nonzeros == (12, 12, 12) and STRASSEN.largest_coefficient == 1
    scaled = STRASSEN.replace(u=STRASSEN.u * 3, v=STRASSEN.v * Fraction(-7, 2))
    assert scaled.nonzeros == (12, 12, 12) and scaled.largest_coefficient == Fraction(7, 2)
    whole = STRASSEN.replace(u=STRASSEN.u * 4, v=STRASSEN.v * Fraction(1, 4))
    assert isinstance(whole.largest_coefficient, int) and whole.largest_coefficient == 4


def test_columns_are_scaled_to_integers():
    columns = np.array([[Fraction(1, 2), 3], [Fraction(-2, 3), 0]], object)
    scaled, scales = sums.integer_columns(columns)
    assert scaled.tolist() == [[3, 3], [-4, 0]] and scales == [6, 1]
    assert all(type(x) is int for x in scaled.flat)
