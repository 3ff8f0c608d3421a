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
    one = cost_model.seconds(naive, shape, jnp.float32, only_dots)
    np.testing.assert_allclose(one, 2.0)
    np.testing.assert_allclose(cost_model.seconds(STRASSEN, shape, jnp.float32, only_dots), 1.75)
    # Textbook Strassen: five sums of two blocks on each side; outputs of 4, 2, 2 and 4 products.
    blocks = 5 * 3 + 5 * 3 + 5 + 3 + 3 + 5
    traffic = cost_model.seconds(STRASSEN, shape, jnp.float32, rates) - 1.75
    np.testing.assert_allclose(traffic, blocks * 500 * 500 * 4 / 1e9)
