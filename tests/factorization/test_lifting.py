"""Hensel lifting: what it finds, and what it proves impossible."""

from fractions import Fraction

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import hensel, lifting

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()
SQUARE = fz.kronecker(STRASSEN, STRASSEN)
SUM = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), Z))


def random_invertible(rng, size, p):
    """A product of an upper and a lower unitriangular matrix mod p."""
    upper, lower = (rng.integers(0, p, (size, size)) for _ in range(2))
    eye = np.eye(size, dtype=int)
    return (np.triu(upper, 1) + eye) @ (np.tril(lower, -1) + eye) % p


@pytest.mark.parametrize("f, p", [(STRASSEN, 2), (STRASSEN, 3), (SUM, 2), (SUM, 3), (SQUARE, 2)])
def test_reductions_in_random_bases_lift_again(f, p):
    """The scheme mod p has lost its signs and moved to another basis; the lift must find them."""
    rng = np.random.default_rng(0)
    reduced = fz.reduce_mod(f, p)
    moved = fz.sandwich(reduced, *(random_invertible(rng, s, p) for s in f.sizes))
    lifted = fz.lift(moved)
    assert lifted is not None and not lifted.ring.is_modular
    assert lifted.rank == f.rank and lifted.verify().ok
    again = fz.reduce_mod(lifted, p)
    assert all(map(np.array_equal, again.factors, moved.factors))


def test_sparse_schemes_lift_to_small_coefficients():
    lifted = fz.lift(fz.reduce_mod(SQUARE, 2))
    assert max(np.abs(x).max() for x in lifted.factors) == 1


def test_a_lift_that_needs_fractions():
    """c = 3ab has rank 1; from u = v = 1 mod 2 the lift with u, v = 1 must find w = 3, not 1."""
    target = targets.Target("triple", np.full((1, 1, 1), 3, np.int32))
    f = fz.Factorization(target, Z2, [[1]], [[1]], [[1]])
    lifted = fz.lift(f)
    assert lifted.verify().ok and (lifted.u * lifted.v * lifted.w).item() == 3


@pytest.mark.parametrize("p", [5])
def test_even_denominators_are_found_mod_odd_primes(p):
    half = np.array([[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 2), Fraction(-1, 2)]], object)
    f = fz.sandwich(STRASSEN, half, np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert f.domain == "Q"
    lifted = fz.lift(fz.reduce_mod(f, p))
    assert lifted.domain == "Q" and lifted.verify().ok and lifted.rank == 7
    entries = [Fraction(x) for factor in lifted.factors for x in factor.flat]
    assert any(x.denominator % 2 == 0 for x in entries)


def test_the_shortest_coefficients_mod_3():
    """Symmetric 2x2 matrices in five products: mod 3 a half has the residue of -1."""
    u = [[2, 2, 1, 0, 0], [2, 1, 0, 2, 2], [0, 0, 2, 2, 0]]
    v = [[2, 2, 0, 0, 2], [2, 1, 1, 2, 0], [0, 0, 0, 2, 1]]
    w = [[2, 2, 0, 0, 0], [2, 1, 2, 0, 0], [2, 1, 0, 0, 2], [1, 2, 1, 1, 1]]
    f = fz.Factorization(targets.parse("ss2"), rings.IntegersMod(3), u, v, w)
    lifted = fz.lift(f)
    entries = {abs(Fraction(x)) for factor in lifted.factors for x in factor.flat}
    assert lifted.verify().ok and entries == {0, 1, Fraction(1, 2)}


def test_scales_of_terms_do_not_make_fractions():
    """A term with 3 in one factor and 1/3 in another is integral."""
    target = targets.Target("one", np.ones((2, 1, 1), np.int32))
    f = fz.Factorization(target, Z2, [[1], [1]], [[1]], [[1]])
    third = [[Fraction(1, 3)], [Fraction(1, 3)]]
    lifted = lifting._accepted(f, [np.array(third, object), np.array([[3]]), np.array([[1]])])
    assert lifted.is_integral and lifted.u.tolist() == [[1], [1]]


def test_zeros_stay_where_they_may_and_the_whole_system_says_the_same(monkeypatch):
    """The columns of the entries that are not zero are solved for alone, else all of them."""
    corrected = hensel.Corrections(fz.reduce_mod(SUM, 2))
    rng, equations = np.random.default_rng(0), SUM.target.tensor.size
    columns = np.arange(corrected.support.size)
    whole = hensel._jacobian(corrected.f.factors, 2, columns).astype(int)
    assert np.array_equal(whole, brute_force_jacobian(corrected.f.factors))
    for unknowns in (np.where(corrected.support, rng.integers(0, 2, columns.size), 0), whole[0]):
        right = whole @ unknowns % 2
        found = corrected.solve(right)
        assert np.array_equal(whole @ found % 2, right)
        assert np.array_equal(found, hensel.linear.solve(corrected.whole, right))
    unit = np.eye(equations, dtype=int)
    assert any(corrected.solve(right) is None for right in unit)
    monkeypatch.setattr(hensel, "MAX_CELLS", 1)
    target = targets.Target("two", np.diag([1, 2]).astype(np.int32)[:, :, None])
    f = fz.Factorization(target, Z2, [[1], [0]], [[1], [0]], [[1]])
    found = lifting.lift_with_reason(f)
    assert not found.impossible and "with zeros in the same places" in found.message


def brute_force_jacobian(factors):
    """The change of the sum mod 2 where one entry changes, entry by entry."""

    def total(x):
        return np.einsum("ir,jr,kr->ijk", *x).ravel()

    factors = [np.array(x, int) for x in factors]
    columns = []
    for factor in factors:
        for place in np.ndindex(factor.shape):
            factor[place] += 1
            columns.append(total(factors))
            factor[place] -= 1
    return (np.array(columns).T - total(factors)[:, None]) % 2


def test_rational_reconstruction():
    modulus = 2**30
    for x in (Fraction(5, 3), Fraction(-7, 9), Fraction(0), Fraction(-1), Fraction(1001, 1003)):
        residue = x.numerator * pow(x.denominator, -1, modulus) % modulus
        assert hensel.reconstruct(residue, modulus) == x
    assert hensel.reconstruct(5, 16) is None


def test_what_exists_mod_2_alone_does_not_lift():
    """e₁ ⊗ e₁ ⊗ e₁ + 2 e₂ ⊗ e₂ ⊗ e₂ has rank 1 mod 2 and rank 2 mod 4."""
    tensor = np.zeros((2, 2, 2), np.int32)
    tensor[0, 0, 0], tensor[1, 1, 1] = 1, 2
    f = fz.Factorization(targets.Target("two", tensor), Z2, *([[1], [0]] for _ in range(3)))
    found = fz.lift_with_reason(f)
    assert found.factorization is None and "does not lift" in found.message


def test_a_wrong_factorization_is_not_lifted():
    with pytest.raises(ValueError, match="not a factorisation"):
        fz.lift(fz.reduce_mod(STRASSEN, 2).replace(u=np.ones((4, 7), int)))
