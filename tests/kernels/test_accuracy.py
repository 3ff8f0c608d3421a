"""Errors that are measured, their prediction, and the command that compares both."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import costs
from alphatensor.kernels import accuracy, compile_matmul, timing

STRASSEN = fz.strassen()


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
    with pytest.raises((TypeError, ValueError)):
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


def test_command_writes_its_table_and_names_mistakes(tmp_path):
    def run(*flags):
        command = [sys.executable, "-m", "benchmarking.accuracy", f"--output={tmp_path}/x", *flags]
        return subprocess.run(command, capture_output=True, text=True)

    good = run("--formats=2x2x2", "--levels=1", "--size=64", "--scalings=outer")
    assert good.returncode == 0, good.stderr
    assert "outer" in (tmp_path / "x.csv").read_text()
    bad = run("--formats=2x2x2", "--levels=0")
    assert bad.returncode == 2 and bad.stderr == "--levels=0: expected an integer from 1 to 8.\n"
