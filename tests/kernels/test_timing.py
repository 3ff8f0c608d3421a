"""Times of kernels: pairs are consistent, and jnp.dot is compiled once for each precision."""

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import factorization as fz
from alphatensor.kernels import compile_matmul, timing


def test_a_kernel_is_timed_against_dot():
    args = timing.operands((32, 16, 8), jnp.float32)
    assert [x.shape for x in args] == [(32, 16), (16, 8)]
    pairs = timing.against_dot(jax.jit(compile_matmul(fz.strassen())), args, "highest", repeats=3)
    assert 0 < pairs.lower <= pairs.ratio <= pairs.upper
    assert pairs.baseline_seconds > 0 and pairs.seconds > 0


def test_dot_is_that_of_a_precision():
    a, b = timing.operands((32, 16, 8), jnp.float32)
    np.testing.assert_array_equal(timing.dot("highest")(a, b), jnp.dot(a, b, precision="highest"))
    assert timing.dot("highest") is timing.dot("highest") is not timing.dot(None)
