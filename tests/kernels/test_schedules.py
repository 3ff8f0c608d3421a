"""Every schedule multiplies exactly, alone, and lowers for accelerators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from alphatensor import factorization as fz
from alphatensor.kernels import compile_matmul
from alphatensor.kernels.arithmetic import arithmetic_for
from alphatensor.kernels.schedules import SCHEDULES, WORTH_TRYING

STRASSEN = fz.strassen()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("f", [STRASSEN, fz.extend(STRASSEN, "m")], ids=["2x2x2", "2x3x2"])
def test_schedules_multiply(name, f):
    n, m, p = f.sizes
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 10, (3 * n, 2 * m)).astype(np.int32)
    b = rng.integers(-9, 10, (2 * m, 5 * p)).astype(np.int32)
    arithmetic = arithmetic_for(jnp.dtype("int32"), None, None)
    c = SCHEDULES[name](jnp.asarray(a), jnp.asarray(b), f, arithmetic)
    np.testing.assert_array_equal(c, a @ b)
    assert c.dtype == arithmetic.result


def test_what_is_tried_are_schedules():
    assert set(WORTH_TRYING) < SCHEDULES.keys()


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_exports(platform, name):
    x = jax.ShapeDtypeStruct((256, 256), jnp.float32)
    c = compile_matmul(STRASSEN, schedule=name, precision="highest")
    lowered = export.export(jax.jit(c), platforms=[platform])(x, x)
    assert lowered.out_avals[0].shape == (256, 256)


def test_a_schedule_of_many_products_needs_less_memory_in_order():
    a = jax.ShapeDtypeStruct((1024, 1024), jnp.float32)

    def temporaries(schedule):
        kernel = compile_matmul([STRASSEN] * 2, schedule=schedule)
        return jax.jit(kernel).lower(a, a).compile().memory_analysis().temp_size_in_bytes

    assert temporaries("sequential") < 0.6 * temporaries("unrolled")
