"""Kernels against jnp.matmul and exact integers; addition counts; derivatives; exports."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization.analysis import straight_line
from alphatensor.kernels import KernelConfig, blocks, compile_matmul
from alphatensor.kernels.borders import BORDERS
from alphatensor.kernels.schedules import SCHEDULES

STRASSEN = fz.strassen()


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.int32)


def mixed_format():
    """<2,3,2:11> = <2,2,2:7> + <2,1,2:4>: an algorithm with three different parts."""
    return fz.extend(STRASSEN, "m")


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("sizes", [(8, 12, 8), (9, 7, 11), (5, 13, 6)])
def test_integers_are_exact(name, border, sizes):
    n, m, p = sizes
    a, b = integers((n, m)), integers((m, p), 1)
    f = mixed_format()
    c = compile_matmul([STRASSEN, f], schedule=name, border=border)
    if m < 6 or min(n, p) < 4:
        pytest.fail("sizes too small for the test")
    np.testing.assert_array_equal(jax.jit(c)(a, b), a @ b)


@pytest.mark.parametrize("border", BORDERS)
def test_tiles(border):
    a, b = integers((13, 9)), integers((9, 22), 1)
    c = compile_matmul(STRASSEN, tile=5, border=border)
    np.testing.assert_array_equal(jax.jit(c)(a, b), a @ b)
    np.testing.assert_array_equal(c(a[None], b)[0], a @ b)


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


def test_addition_counts():
    assert sum(straight_line.additions(STRASSEN)) == 18
    unshared = straight_line.straight_line(STRASSEN.u.T, trials=0)
    assert len(unshared.steps) == 5
    matrix = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [-2, -2, 0, 0]])
    program = straight_line.straight_line(matrix)
    assert len(program.steps) == 3
    x = list(np.eye(4, dtype=int))
    for i, j, c in program.steps:
        x.append(x[i] + int(c) * x[j])
    np.testing.assert_array_equal([int(c) * x[s] for s, c in program.outputs], matrix)


def test_blocks_are_split_and_joined_and_must_divide():
    x = jnp.arange(24).reshape(4, 6)
    parts = blocks.split(x, 2, 3)
    assert [int(part[0, 0]) for part in parts] == [0, 2, 4, 12, 14, 16]
    np.testing.assert_array_equal(blocks.join(parts, 2, 3), x)
    with pytest.raises(AssertionError):
        blocks.split(x, 3, 3)


def test_options_are_those_of_the_configuration():
    config = KernelConfig(schedule="loop", border="pad")
    assert (config.tile, config.diagonal) == (None, "none")
    a, b = integers((5, 6)), integers((6, 4), 1)
    c = compile_matmul(STRASSEN, **config.to_dict())
    np.testing.assert_array_equal(c(a, b), a @ b)
    with pytest.raises(TypeError, match="speed"):
        compile_matmul(STRASSEN, speed=2)


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_exports(platform, name):
    x = jax.ShapeDtypeStruct((256, 256), jnp.float32)
    c = compile_matmul(STRASSEN, schedule=name, precision="highest")
    lowered = export.export(jax.jit(c), platforms=[platform])(x, x)
    assert lowered.out_avals[0].shape == (256, 256)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: compile_matmul(fz.reduce_mod(STRASSEN, 2)), "lift"),
        (lambda: compile_matmul(fz.strassen(rings.Integers()), levels=0), "levels: 0"),
        (lambda: compile_matmul(STRASSEN, schedule="fast"), "schedule: 'fast'"),
        (lambda: compile_matmul(STRASSEN, border="cut"), "border: 'cut'"),
        (lambda: compile_matmul(STRASSEN, tile=0), "tile: 0, expected a positive size"),
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
