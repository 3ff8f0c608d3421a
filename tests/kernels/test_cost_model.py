"""Predicted run times against counts by hand."""

import jax.numpy as jnp
import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.kernels import cost_model

STRASSEN = fz.strassen()


def test_the_model_counts_operations_and_traffic():
    naive = fz.naive((2, 2, 2), rings.Integers())
    rates = cost_model.Rates(dot=1e9, add=1e9)
    only_dots = cost_model.Rates(dot=1e9, add=1e30)
    shape = (1000, 1000, 1000)
    one, fast = (cost_model.work_of((f,), shape, jnp.float32) for f in (naive, STRASSEN))
    np.testing.assert_allclose(cost_model.seconds(one, only_dots), 2.0)
    np.testing.assert_allclose(cost_model.seconds(fast, only_dots), 1.75)
    # Textbook Strassen: five sums of two blocks on each side; outputs of 4, 2, 2 and 4 products.
    blocks = 5 * 3 + 5 * 3 + 5 + 3 + 3 + 5
    traffic = cost_model.seconds(fast, rates) - 1.75
    np.testing.assert_allclose(traffic, blocks * 500 * 500 * 4 / 1e9)


def test_levels_are_counted_as_the_flat_algorithm():
    shape = (1000, 1200, 1600)
    two, flat = (
        cost_model.work_of(levels, shape, jnp.float32)
        for levels in ((STRASSEN, STRASSEN), (fz.kronecker(STRASSEN, STRASSEN),))
    )
    assert two == flat and two.products == 49


def test_borders_are_ordinary_products():
    shape, even = (1001, 1203, 1605), (1000, 1202, 1604)
    odd, whole = (cost_model.work_of((STRASSEN,), x, jnp.float32) for x in (shape, even))
    classical = 2 * (1001 * 1203 * 1605 - 1000 * 1202 * 1604)
    np.testing.assert_allclose(odd.operations - whole.operations, classical)
    assert odd.products - whole.products == 3 and odd.sums > whole.sums
