"""Diagonal scaling: products and derivatives stay, errors shrink, NaN and Inf stay visible."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.kernels import accuracy, compile_matmul, diagonal_scaling, timing

STRASSEN = fz.strassen()
SCALED = diagonal_scaling.SCALINGS[1:]


@pytest.mark.parametrize("name", SCALED)
def test_scaling_keeps_the_product_and_its_derivatives(name):
    rng = np.random.default_rng(0)
    a = rng.integers(-3, 4, (6, 8)).astype(np.float32) * 2.0 ** np.arange(-3, 3)[:, None]
    b = rng.integers(-3, 4, (2, 8, 4)).astype(np.float32) * 2.0 ** np.arange(-4, 4)[:, None]
    a[1], a[:, 2] = 0, 0
    a, b = jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32)
    c = jax.jit(compile_matmul(STRASSEN, diagonal=name))
    np.testing.assert_array_equal(c(a, b), a @ b)
    slow, fast = (jax.grad(lambda a, f=f: (f(a, b) ** 2).sum())(a) for f in (jnp.matmul, c))
    np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-3)


def test_outer_scaling_repairs_rows_of_different_size():
    a, b = timing.operands((64, 64, 64), jnp.float32)
    a = a * jnp.where(jnp.arange(64) < 32, 2.0**20, 2.0**-20)[:, None]
    plain, outer = (
        accuracy.error(compile_matmul(STRASSEN, diagonal=x)(a, b), a, b).element
        for x in ("none", "outer")
    )
    assert outer < 1e-5 < 1 < plain


def test_scaling_mistakes():
    with pytest.raises(ValueError, match="diagonal: 'both'"):
        compile_matmul(STRASSEN, diagonal="both")
    with pytest.raises(TypeError, match="int32"):
        compile_matmul(STRASSEN, diagonal="outer")(np.ones((2, 2), np.int32), np.eye(2, dtype=int))


@pytest.mark.parametrize("name", ("none", *SCALED))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_never_disappears(name, value):
    a, b = timing.operands((4, 4, 4), jnp.float32)
    a = a.at[1, 2].set(value)
    c = np.asarray(compile_matmul(STRASSEN, diagonal=name)(a, b))
    assert not np.isfinite(c[1]).any()  # the row that jnp.matmul spoils is spoilt here too
