"""Errors and their prediction; diagonal scaling; memory; NaN and Inf; sharded operands."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import costs
from alphatensor.kernels import accuracy, compile_matmul, diagonal_scaling, memory, timing

STRASSEN = fz.strassen()
SCALED = diagonal_scaling.SCALINGS[1:]


def test_growth_of_strassen_and_its_square():
    one, two = costs.growth(STRASSEN), costs.growth(STRASSEN, 2)
    assert (one.e_max, one.phi, one.predicted) == (12, 32, 2)
    flat = costs.growth(fz.kronecker(STRASSEN, STRASSEN))
    np.testing.assert_allclose(two[2:], flat[2:])
    assert two.e_max == flat.e_max == 144
    assert costs.growth(fz.naive((2, 3, 2), STRASSEN.ring)).predicted == 1
    with pytest.raises(ValueError, match="reals"):
        costs.growth(fz.reduce_mod(STRASSEN, 2))


def test_error_measures_what_was_added():
    a, b = (np.asarray(x) for x in timing.operands((8, 8, 8), jnp.float32))
    exact = a.astype(np.float64) @ b.astype(np.float64)
    wrong = exact.copy()
    wrong[2, 3] += 1
    found = accuracy.error(wrong.astype(np.float32), a, b)
    assert found.norm == pytest.approx(1 / np.linalg.norm(exact), rel=1e-4)
    bound = np.abs(a[2]) @ np.abs(b[:, 3])
    assert found.element == pytest.approx(1 / bound, rel=1e-4)
    with pytest.raises(AssertionError):
        accuracy.error(wrong[:5], a, b)


def test_prediction_holds_in_bfloat16():
    x, y = timing.operands((256, 256, 256), jnp.float32)
    a, b = x.astype(jnp.bfloat16), y.astype(jnp.bfloat16)
    wide = {"precision": "highest", "preferred_element_type": jnp.float32}
    # Classical: what rounding the operands once costs. Fast: what rounding their sums adds.
    classical = accuracy.error(jnp.dot(a, b, **wide), x, y).norm
    for levels in (1, 2):
        fast = accuracy.error(compile_matmul(STRASSEN, levels, **wide)(a, b), a, b).norm
        assert 0.5 < fast / classical / costs.growth(STRASSEN, levels).predicted < 1.2


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


def test_memory_is_checked_before_allocating():
    # A, B, C of 4 blocks each and 7 sums, sums, products of one block: 12 + 21 blocks of 16.
    assert memory.needed(STRASSEN, (8, 8, 8), np.float32) == (12 + 21) * 16 * 4
    memory.check(STRASSEN, (64, 64, 64), np.float32)
    with pytest.raises(ValueError, match="GiB are free"):
        memory.check(STRASSEN, (10**7,) * 3, np.float32)


@pytest.mark.parametrize("name", ("none", *SCALED))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_never_disappears(name, value):
    a, b = timing.operands((4, 4, 4), jnp.float32)
    a = a.at[1, 2].set(value)
    c = np.asarray(compile_matmul(STRASSEN, diagonal=name)(a, b))
    assert not np.isfinite(c[1]).any()  # the row that jnp.matmul spoils is spoilt here too


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


def test_command_writes_its_table_and_names_mistakes(tmp_path):
    def run(*flags):
        command = [sys.executable, "-m", "benchmarking.accuracy", f"--output={tmp_path}/x", *flags]
        return subprocess.run(command, capture_output=True, text=True)

    good = run("--formats=2x2x2", "--levels=1", "--size=64", "--scalings=outer")
    assert good.returncode == 0, good.stderr
    assert "outer" in (tmp_path / "x.csv").read_text()
    bad = run("--formats=2x2x2", "--levels=0")
    assert bad.returncode == 2 and bad.stderr == "--levels: '0', expected positive numbers.\n"
