"""Gaussian rationals: arithmetic, exact verification, and refusal where reals are needed."""

from fractions import Fraction

import numpy as np
import pytest
from algorithms import MIXED, STRASSEN, gaussian

from alphatensor import factorization as fz
from alphatensor.factorization import analysis, library
from alphatensor.factorization import gaussian as numbers
from alphatensor.kernels import compile_matmul

G = gaussian(MIXED)


def test_numbers_are_those_of_python():
    rng = np.random.default_rng(0)
    for a, b, c, d in rng.integers(-3, 4, (50, 4)).tolist():
        x, y = numbers.make(a, b), numbers.make(c, d)
        z = complex(a, b) * complex(c, d) - (complex(a, b) + complex(c, d))
        assert x * y - (x + y) == numbers.make(int(z.real), int(z.imag))
        assert isinstance(x, int) == (b == 0)
    assert str(numbers.make(Fraction(1, 2), -3)) == "(1/2-3*I)" and str(numbers.make(0, 1)) == "(I)"
    assert len({numbers.make(1, 2), numbers.make(1, 2), numbers.make(2, 1)}) == 2
    with pytest.raises(AttributeError):
        numbers.make(1, 2).real = 3


def test_verification_is_exact():
    assert G.verify().message.endswith(f"in rank {MIXED.rank} over Qi: exact.")
    assert G.domain == "Qi" and not G.is_real and not G.is_integral
    wrong = G.replace(u=G.u * numbers.make(0, 1))
    check = wrong.verify()
    assert not check.ok and check.found == numbers.make(0, 1) and check.expected == 1
    # Off by one imaginary unit in one entry: the first entry of the tensor that it reaches is said.
    u = G.u.copy()
    u[0, 0] += numbers.make(0, 1)
    assert not G.replace(u=u).verify().ok
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-5, 6, s) for s in ((3, *G.sizes[:2]), (3, *G.sizes[1:])))
    for x, y in zip(a, b, strict=True):  # and it multiplies
        products = (x.reshape(-1) @ G.u) * (y.reshape(-1) @ G.v)
        assert np.array_equal((G.w @ products).reshape(G.sizes[2], G.sizes[0]).T, x @ y)


def test_orientations_stay_exact_and_libraries_keep_them(tmp_path):
    assert fz.rotate(fz.transpose(G)).verify().ok
    assert library.add(tmp_path, gaussian(STRASSEN)).kept
    f = library.best(tmp_path, (2, 2, 2), "Qi")
    assert f.domain == "Qi" and f.verify().ok and library.best(tmp_path, (2, 2, 2)) is None
    assert library.index(tmp_path)["2x2x2_Qi"]["rank"] == 7


def test_what_needs_reals_says_so(tmp_path):
    for use, message in [
        (lambda: compile_matmul(G), "Gaussian coefficients; kernels multiply by real ones"),
        (lambda: fz.canonical(G), "expected real coefficients"),
        (lambda: fz.reduce_mod(G, 3), "ring Qi: cannot be reduced mod 3"),
        (lambda: analysis.equivalent(G, G), "expected real coefficients"),
        (lambda: analysis.invariant(G), "Gaussian coefficients have no invariants"),
        (lambda: analysis.growth(G), "over the reals"),
        (lambda: fz.draw(G, "nowhere.png"), "cannot be drawn"),
        (lambda: fz.exact_array([1j * float("nan")]), "finite"),
    ]:
        with pytest.raises(ValueError, match=message) as error:
            use()
        assert "\n" not in str(error.value)
    fz.save(tmp_path / "g.npz", G)
    config = library.RecombinationConfig(base_files=(str(tmp_path / "g.npz"),))
    with pytest.raises(fz.FileError, match="g.npz: Gaussian coefficients: recombination"):
        library.planned(tmp_path, G.ring, (2, 2, 3), config)
    costs = analysis.measure(G)
    assert (
        costs.multiplications == G.rank and costs.gamma is None and costs.additions_shared is None
    )
