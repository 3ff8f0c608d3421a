"""Kernels against jnp.matmul and exact integers; derivatives; mistakes; sharded operands."""

import os
import subprocess
import sys
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.kernels import KernelConfig, compile_matmul

STRASSEN = fz.strassen()


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.int32)


def mixed_format():
    """<2,3,2:11> = <2,2,2:7> + <2,1,2:4>: an algorithm with three different parts."""
    return fz.extend(STRASSEN, "m")


def test_batches_broadcast_and_vmap():
    a, b = integers((3, 1, 6, 5)), integers((2, 5, 7), 1)
    c = compile_matmul(STRASSEN)
    np.testing.assert_array_equal(c(a, b), a @ b)
    np.testing.assert_array_equal(jax.vmap(c, in_axes=(0, None))(a[:, 0], b[0]), a[:, 0] @ b[0])


def test_fractions_and_their_refusal_on_integers():
    half = Fraction(1, 2)
    u = np.asarray(STRASSEN.u, object) * half
    f = fz.from_arrays((2, 2, 2), STRASSEN.ring, u, STRASSEN.v * 2, STRASSEN.w)
    a, b = integers((6, 6)), integers((6, 6), 1)
    c = compile_matmul(f)
    np.testing.assert_array_equal(c(a.astype(np.float32), b.astype(np.float32)), a @ b)
    with pytest.raises(TypeError, match="fractional"):
        c(a, b)


def test_derivatives():
    f = mixed_format()
    c = compile_matmul(f)
    a, b = integers((5, 8)).astype(np.float32), integers((8, 6), 1).astype(np.float32)
    g = integers((5, 6), 2).astype(np.float32)
    da, db = jax.jit(jax.grad(lambda a, b: (c(a, b) * g).sum(), argnums=(0, 1)))(a, b)
    np.testing.assert_array_equal(da, g @ b.T)
    np.testing.assert_array_equal(db, a.T @ g)


def test_half_precision_accumulates_in_float32():
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.normal(size=(64, 64)), jnp.bfloat16) for _ in range(2))
    exact = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    c = compile_matmul(STRASSEN)(a, b)
    wide = compile_matmul(STRASSEN, preferred_element_type=jnp.float32)(a, b)
    assert c.dtype == jnp.bfloat16 and wide.dtype == jnp.float32
    error = [
        np.linalg.norm(np.asarray(x, np.float64) - exact) / np.linalg.norm(exact) for x in (c, wide)
    ]
    assert error[1] < error[0] < 0.02


def test_options_are_those_of_the_configuration():
    config = KernelConfig(schedule="loop", border="pad")
    assert config.diagonal == "none"
    a, b = integers((5, 6)), integers((6, 4), 1)
    c = compile_matmul(STRASSEN, **config.to_dict())
    np.testing.assert_array_equal(c(a, b), a @ b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: compile_matmul(fz.reduce_mod(STRASSEN, 2)), "lift"),
        (lambda: compile_matmul(fz.strassen(rings.Integers()), levels=0), "levels: 0"),
        (lambda: compile_matmul(STRASSEN, schedule="fast"), "schedule: 'fast'"),
        (lambda: compile_matmul(STRASSEN, border="cut"), "border: 'cut'"),
        (
            lambda: compile_matmul(STRASSEN, tile=512),
            "^tile: no such option, expected some of schedule, border, precision, "
            "preferred_element_type, diagonal.$",
        ),
        (lambda: compile_matmul(STRASSEN)(np.ones((4, 3)), np.ones((4, 4))), r"shapes \(4, 3\)"),
        (lambda: compile_matmul(STRASSEN, 2)(np.ones((3, 9)), np.ones((9, 9))), "at least"),
        (
            lambda: compile_matmul(
                fz.from_arrays((2, 2, 2), STRASSEN.ring, STRASSEN.u, STRASSEN.v, 2 * STRASSEN.w)
            ),
            "factorization",
        ),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from alphatensor import factorization as fz
from alphatensor.kernels import compile_matmul
mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("x", "y"))
rng = np.random.default_rng(0)
a, b = (rng.integers(-9, 10, (16, 16)).astype(np.int32) for _ in range(2))
c = jax.jit(compile_matmul(fz.strassen(), 2))
for left, right in ((P("x", "y"), P("y", None)), (P("x"), P(None, "y")), (P(("x", "y")), P())):
    args = (jax.device_put(v, NamedSharding(mesh, s)) for v, s in ((a, left), (b, right)))
    np.testing.assert_array_equal(c(*args), a @ b)
print("right on", len(jax.devices()))
"""


def test_sharded_operands():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], env=os.environ | flags, capture_output=True, text=True
    )
    assert done.stdout == "right on 4\n", done.stderr
