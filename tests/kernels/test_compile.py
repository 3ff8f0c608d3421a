"""Kernels against jnp.matmul and exact integers; derivatives; mistakes."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization.analysis.straight_line import straight_line
from alphatensor.kernels import KernelConfig, compile_matmul
from alphatensor.kernels.borders import BORDERS
from alphatensor.kernels.schedules import SCHEDULES

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


# Strassen's algorithm in bases that give it coefficients up to 6, and fractional shared sums.
SHEARED = fz.sandwich(STRASSEN, [[1, 2], [0, 1]], [[1, 0], [-3, 1]], [[1, 3], [0, 1]])
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


def test_the_sheared_algorithm_is_a_hard_case():
    steps = [step for x in (SHEARED.u.T, SHEARED.v.T) for step in straight_line(x).steps]
    assert any(Fraction(c).denominator > 1 for _, _, c in steps)
    assert {2, 3} <= set(np.abs(np.concatenate(SHEARED.factors)).flat)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_integers_of_every_dtype_wrap_around_as_in_numpy(schedule):
    rng = np.random.default_rng(0)
    namespace = jax if hasattr(jax, "enable_x64") else jax.experimental  # before jax 0.8
    with namespace.enable_x64(True):
        cases = {}
        for dtype in INTEGERS:
            limits = np.iinfo(dtype)
            draw = [
                rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
                for shape in ((6, 5), (5, 4))
            ]
            cases[dtype] = draw
        c = compile_matmul(SHEARED, schedule=schedule)
        found = jax.jit(lambda cases: {k: c(a, b) for k, (a, b) in cases.items()})(cases)
        for dtype, (a, b) in cases.items():
            assert found[dtype].dtype == dtype
            np.testing.assert_array_equal(found[dtype], a @ b, err_msg=dtype)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_floats_that_are_integers_stay_integers(schedule):
    a, b = integers((6, 6)).astype(np.float32) * 1001, integers((6, 6), 1).astype(np.float32)
    np.testing.assert_array_equal(compile_matmul(SHEARED, schedule=schedule)(a, b), a @ b)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_large_inputs_stay_finite(schedule):
    cases = {
        "float16": (np.full((4, 4), 40000), np.eye(4)),
        "bfloat16": (np.full((4, 4), 2e38), np.eye(4)),
        "float32": (np.full((64, 64), 2e38), np.full((64, 64), 1e-2)),
    }
    cases = {dtype: [jnp.asarray(x, dtype) for x in case] for dtype, case in cases.items()}
    c = compile_matmul(STRASSEN, schedule=schedule)
    fast, slow = (
        jax.jit(lambda cases, f=f: {k: f(*x).astype(jnp.float32) for k, x in cases.items()})(cases)
        for f in (c, jnp.matmul)
    )
    for dtype in cases:
        assert np.isfinite(slow[dtype]).all(), "the test's own mistake"
        np.testing.assert_allclose(fast[dtype], slow[dtype], rtol=1e-2, err_msg=dtype)


@pytest.mark.parametrize("border", BORDERS)
def test_borders_are_added_before_c_is_rounded(border):
    a, b = jnp.full((5, 5), 40000, jnp.float16), jnp.ones((5, 4), jnp.float16)
    b = b.at[2:].set(0).at[4].set(-1)  # 80000, which is too large, minus 40000
    np.testing.assert_array_equal(compile_matmul(STRASSEN, border=border)(a, b), a @ b)
    assert float((a @ b)[0, 0]) == 40000


def test_complex_matrices():
    a, b = integers((5, 6)) + 1j * integers((5, 6), 2), integers((6, 4), 1) * 1j
    a, b = jnp.asarray(a, jnp.complex64), jnp.asarray(b, jnp.complex64)
    np.testing.assert_array_equal(compile_matmul(STRASSEN)(a, b), a @ b)


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
            "preferred_element_type, diagonal, guard.$",
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
