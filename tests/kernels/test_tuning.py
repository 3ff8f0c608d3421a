"""The choice of a kernel: measured gains decide, choices are remembered, jnp is the fallback."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alphatensor
from alphatensor import factorization as fz
from alphatensor.kernels import choice_cache, timing, tuning

STRASSEN = fz.strassen()
SHAPE = (512, 512, 512)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The file of choices, which every test begins without."""
    path = tmp_path / "choices" / "kernels.json"
    monkeypatch.setenv("ALPHATENSOR_CACHE", str(path))
    tuning.kernel_for.cache_clear()
    yield path
    tuning.kernel_for.cache_clear()


@pytest.fixture
def tune(monkeypatch):
    """Tunes with a clock for tests: every candidate gains `ratio`, and is checked first."""

    def tune(ratio: float, **options):
        def paired(baseline, candidate, args, repeats):
            np.testing.assert_allclose(candidate(*args), baseline(*args), rtol=1e-3, atol=1e-2)
            return timing.Pairs(
                ratio=ratio, lower=ratio, upper=ratio, baseline_seconds=1.0, seconds=1.0 / ratio
            )

        with monkeypatch.context() as patch:
            patch.setattr(timing, "paired", paired)
            return tuning.autotune(SHAPE, factorizations=[STRASSEN], tries=1, **options)

    return tune


def operands(dtype=jnp.float32):
    return timing.operands(SHAPE, dtype)


def dots(function, *args) -> list:
    """Shapes of the left operands of all dots of a traced function."""
    found = []

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                found.append(equation.invars[0].aval.shape)
            for value in equation.params.values():
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    walk(inner)

    walk(jax.make_jaxpr(lambda *x: function(*x))(*args).jaxpr)  # traced anew
    return found


def test_a_clear_gain_is_used_and_remembered(tune):
    choice = tune(1.2)
    assert choice.name.startswith("2x2x2:7") and choice.ratio == 1.2
    assert tuning.chosen(SHAPE, jnp.float32) == choice_cache.Choice(
        *json.loads(json.dumps(choice))
    ), "what is read is what was written"
    a, b = operands()
    assert dots(alphatensor.matmul, a, b) == [(256, 256)] * 7
    np.testing.assert_allclose(alphatensor.matmul(a, b), a @ b, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.02])
def test_without_a_clear_gain_it_is_jnp(tune, ratio):
    assert tune(ratio) == tuning.DOT
    assert dots(alphatensor.matmul, *operands()) == [(512, 512)]


def test_shapes_and_dtypes_that_were_not_tuned_are_jnp(tune):
    tune(1.2)
    a, b = operands()
    assert dots(alphatensor.matmul, a[:500], b) == [(500, 512)]
    half = operands(jnp.bfloat16)
    assert dots(alphatensor.matmul, *half) == [(512, 512)]
    assert alphatensor.matmul(a[0], b).shape == (512,)
    assert alphatensor.matmul(a[None], b).shape == (1, 512, 512)


def test_choices_survive_the_process_and_a_damaged_file(tune, cache):
    tune(1.2)
    stored = json.loads(cache.read_text())
    tuning.kernel_for.cache_clear()
    assert len(dots(alphatensor.matmul, *operands())) == 7
    cache.write_text(cache.read_text()[:-5])
    tuning.kernel_for.cache_clear()
    with pytest.warns(UserWarning, match="kernels.json"):
        assert len(dots(alphatensor.matmul, *operands())) == 1
    with pytest.warns(UserWarning):
        tune(1.2)
    assert json.loads(cache.read_text()).keys() == stored.keys()


def test_transformations(tune):
    tune(1.2)
    a, b = operands()
    np.testing.assert_allclose(jax.jit(alphatensor.matmul)(a, b), a @ b, rtol=1e-3, atol=1e-2)
    stack = jnp.stack([a, 2 * a])
    batched = jax.vmap(alphatensor.matmul, in_axes=(0, None))(stack, b)
    np.testing.assert_allclose(batched, stack @ b, rtol=1e-3, atol=1e-2)
    gradient = jax.grad(lambda a: jnp.sum(alphatensor.matmul(a, b)))(a)
    np.testing.assert_allclose(gradient, jnp.ones_like(a) @ b.T, rtol=1e-3, atol=1e-2)


def test_dot_general_is_that_of_lax(tune):
    tune(1.2)
    a, b = operands()
    cases = [
        (a.reshape(2, 256, 512), b, (((2,), (0,)), ((), ()))),  # a dense layer
        (a, b, (((0,), (1,)), ((), ()))),
        (a.reshape(4, 128, 512), b.reshape(4, 128, 512), (((1,), (1,)), ((0,), (0,)))),
        (a.reshape(512, 2, 256), b.reshape(2, 256, 512), (((1, 2), (0, 1)), ((), ()))),
    ]
    for left, right, numbers in cases:
        expected = jax.lax.dot_general(left, right, numbers)
        found = alphatensor.dot_general(left, right, numbers)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)
    dense = cases[0]
    assert len(dots(lambda x, y: alphatensor.dot_general(x, y, dense[2]), *dense[:2])) == 7


def test_shapes_that_do_not_match_get_one_line():
    with pytest.raises(ValueError, match=r"\(512, 512\) and \(500, 512\), expected"):
        alphatensor.matmul(operands()[0], jnp.ones((500, 512)))


def test_only_blocks_that_can_pay_are_candidates():
    names = [c.name for c in tuning.candidates([STRASSEN], (1024, 1024, 1024))]
    assert "2x2x2:7 unrolled" in names and "2x2x2:7 2x2x2:7 unrolled" in names
    assert tuning.candidates([STRASSEN], (1024, 100, 1024)) == []
