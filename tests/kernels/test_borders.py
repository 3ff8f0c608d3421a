"""Sizes that do not divide evenly: every border gives the whole product."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.kernels import compile_matmul
from alphatensor.kernels.arithmetic import arithmetic_for
from alphatensor.kernels.borders import BORDERS
from alphatensor.kernels.schedules import SCHEDULES

STRASSEN = fz.strassen()


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.int32)


@pytest.mark.parametrize("name", BORDERS)
@pytest.mark.parametrize("sizes", [(7, 5, 9), (6, 5, 8), (7, 4, 8), (6, 4, 9)])
def test_what_is_multiplied_divides_evenly(name, sizes):
    n, m, p = sizes
    unit = (2, 4, 8)
    seen = []

    def multiply(a, b):
        seen.append((*a.shape, b.shape[1]))
        return a @ b

    a, b = integers((n, m)), integers((m, p), 1)
    arithmetic = arithmetic_for(jnp.dtype("int32"), None, None)
    c = BORDERS[name](multiply, jnp.asarray(a), jnp.asarray(b), unit, arithmetic)
    np.testing.assert_array_equal(c, a @ b)
    (shape,) = seen
    assert all(size % step == 0 for size, step in zip(shape, unit, strict=True))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sizes", [(8, 12, 8), (9, 7, 11), (5, 13, 6)])
def test_integers_are_exact(name, border, sizes):
    n, m, p = sizes
    a, b = integers((n, m)), integers((m, p), 1)
    # <2,3,2:11> = <2,2,2:7> + <2,1,2:4>: an algorithm with three different parts.
    c = compile_matmul([STRASSEN, fz.extend(STRASSEN, "m")], schedule=name, border=border)
    assert m >= 6 and min(n, p) >= 4, "sizes too small for the test"
    np.testing.assert_array_equal(jax.jit(c)(a, b), a @ b)
