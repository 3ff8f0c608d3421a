"""A Aᵀ by structured algorithms: the values of NumPy, and errors in one line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import kernels, rings, targets
from alphatensor.factorization import entrywise, reduce_mod
from alphatensor.factorization.analysis import recursion
from alphatensor.kernels import compile_syrk

Z = rings.Integers()


def algorithm(name="gt2"):
    return entrywise(targets.parse(name), Z)


@pytest.mark.parametrize(
    "shape, levels", [((8, 8), 1), ((9, 14), 2), ((3, 2, 7, 5), 1), ((1, 6), 1)]
)
def test_integers_are_exact(shape, levels):
    a = np.random.default_rng(0).integers(-99, 99, shape).astype(np.int32)
    expected = a @ np.swapaxes(a, -1, -2)
    np.testing.assert_array_equal(compile_syrk(algorithm(), levels)(a), expected)


def test_the_librarys_algorithm_multiplies_floats():
    a = np.random.default_rng(0).normal(size=(33, 21)).astype(np.float32)
    c = kernels.syrk(a)
    np.testing.assert_allclose(c, a @ a.T, atol=1e-4)
    np.testing.assert_array_equal(c, c.T)
    assert c.dtype == jnp.float32 and kernels.syrk(a.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_derivatives_are_those_of_the_product():
    a = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    weight = np.arange(64, dtype=np.float32).reshape(8, 8) / 64
    found = jax.grad(lambda x: jnp.sum(weight * kernels.syrk(x)))(a)
    np.testing.assert_allclose(found, (weight + weight.T) @ a, atol=1e-4)


def test_sums_with_their_own_transposes_are_recursive_calls():
    f = algorithm("gt3")  # the squares of the nine entries are those of the naive algorithm
    assert recursion.recursive_calls(f) == 9
    negative = f.replace(v=-f.v, w=-f.w)
    assert recursion.recursive_calls(negative) == 9
    a = np.arange(81).reshape(9, 9)
    np.testing.assert_array_equal(compile_syrk(negative, 2)(a), a @ a.T)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: compile_syrk(algorithm("ug2")), "one of ug2, expected one of gt2, gt3"),
        (lambda: compile_syrk(algorithm("gq2")), "one of gq2, expected one of gt2, gt3"),
        (lambda: compile_syrk(reduce_mod(algorithm(), 2)), "coefficients of Z2"),
        (lambda: compile_syrk(algorithm(), 0), "levels: 0, expected at least 1"),
        (lambda: compile_syrk(algorithm())(np.ones(3)), r"shape \(3,\), expected"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="dtype bool, expected numbers"):
        compile_syrk(algorithm())(np.ones((4, 4), bool))
