"""The choice of a kernel: measured gains decide, choices are remembered, jnp is the fallback."""

import functools
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alphatensor
from alphatensor import factorization as fz
from alphatensor.kernels import accuracy, candidates, cost_model, timing, tuning

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
    """Tunes without measuring speed: every candidate gains `ratio`, and is checked first."""

    def tune(ratio: float, **options):
        def paired(baseline, candidate, args, repeats):
            np.testing.assert_allclose(candidate(*args), baseline(*args), rtol=1e-3, atol=1e-2)
            return timing.Pairs(
                ratio=ratio, lower=ratio, upper=ratio, baseline_seconds=1.0, seconds=1.0 / ratio
            )

        with monkeypatch.context() as patch:
            patch.setattr(timing, "paired", paired)
            patch.setattr(cost_model, "measure_rates", lambda *_: cost_model.Rates(1e9, 1e9))
            return tuning.autotune(SHAPE, factorizations=[STRASSEN], tries=1, **options)

    return tune


def operands(dtype=jnp.float32):
    return timing.operands(SHAPE, dtype)


def dots(function, *args) -> list:
    """Shapes of the left operands of all products that a function lowers to."""
    text = jax.jit(lambda *x: function(*x)).lower(*args).as_text()  # traced anew
    found = re.findall(r"stablehlo.dot_general.*: \(tensor<(\d+)x(\d+)x", text)
    return [tuple(map(int, shape)) for shape in found]


def fast_dots(function, *args) -> int:
    """Counts the products of 256x256 blocks, of which Strassen's algorithm has seven."""
    return dots(function, *args).count((256, 256))


def test_a_clear_gain_is_used_and_remembered(tune):
    choice = tune(1.2)
    assert choice.name.startswith("2x2x2:7") and choice.ratio == 1.2
    read = tuning.chosen(SHAPE, jnp.float32)
    assert read._replace(levels=()) == choice._replace(levels=()) and len(read.levels) == 1
    a, b = operands()
    # The eighth product is of whole matrices, for results that are not finite.
    assert sorted(dots(alphatensor.matmul, a, b)) == [(256, 256)] * 7 + [(512, 512)]
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
    assert fast_dots(alphatensor.matmul, *operands()) == 7
    cache.write_text(cache.read_text()[:-5])
    tuning.kernel_for.cache_clear()
    with pytest.warns(UserWarning, match="kernels.json"):
        assert fast_dots(alphatensor.matmul, *operands()) == 0
    with pytest.warns(UserWarning, match="set aside"):
        tune(1.2)
    assert json.loads(cache.read_text()).keys() == stored.keys()


def test_derivatives_multiply_fast_too(tune):
    tune(1.2)
    a, b = operands()
    gradient = jax.grad(lambda a, b: jnp.sum(alphatensor.matmul(a, b)), argnums=(0, 1))
    assert fast_dots(gradient, a, b) == 2 * 7

    def tangent(*x):
        return jax.jvp(alphatensor.matmul, x, x)[1]

    assert fast_dots(tangent, a, b) >= 2 * 7


def test_dense_layers_are_flattened_to_what_was_tuned(tune):
    tune(1.2)
    a, b = operands()
    numbers = (((2,), (0,)), ((), ()))

    def layer(x, y):
        return alphatensor.dot_general(x, y, numbers)

    assert fast_dots(layer, a.reshape(2, 256, 512), b) == 7
    assert fast_dots(alphatensor.matmul, a.reshape(2, 256, 512), b) == 7


def test_precisions_are_compared_by_meaning(tune):
    tune(1.2, precision="highest")
    a, b = operands()
    for precision in ("highest", "float32", jax.lax.Precision.HIGHEST, ("highest", "highest")):
        product = functools.partial(alphatensor.matmul, precision=precision)
        assert fast_dots(product, a, b) == 7
    with jax.default_matmul_precision("highest"):
        assert fast_dots(alphatensor.matmul, a, b) == 7
        assert fast_dots(functools.partial(alphatensor.matmul, precision="default"), a, b) == 0
    assert fast_dots(alphatensor.matmul, a, b) == 0


def test_scaled_accuracy_has_choices_of_its_own(tune):
    tune(1.2, accuracy="scaled")
    a, b = operands()
    assert fast_dots(alphatensor.matmul, a, b) == 0
    scaled = functools.partial(alphatensor.matmul, accuracy="scaled")
    assert fast_dots(scaled, a, b) == 7
    halves = jnp.where(jnp.arange(512) < 256, 1e15, 1e-15)
    for x, y in ((a * halves[:, None], b * halves), (a * halves, b / halves[:, None])):
        assert accuracy.error(scaled(x, y), x, y).element < 1e-5
    large, small = jnp.full_like(a, 2e38), jnp.full_like(b, 1e-3)
    np.testing.assert_allclose(scaled(large, small), large @ small, rtol=1e-5)


def test_a_required_accuracy_leaves_candidates_out(tune):
    assert tune(1.2, largest_error=1.01) == tuning.DOT
    assert tune(1.2, largest_error=10.0) != tuning.DOT


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_other_numbers_are_tuned(tune, dtype):
    tune(1.2, dtype=dtype)
    assert fast_dots(alphatensor.matmul, *operands(dtype)) == 7


def test_a_choice_that_cannot_be_stored_is_used_in_this_process(tune, cache):
    cache.parent.write_text("in the way")
    with pytest.warns(UserWarning, match="this process only"):
        tune(1.2)
    assert fast_dots(alphatensor.matmul, *operands()) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (8, 8)}, r"shape: \(8, 8\), expected three"),
        ({"shape": (8, 0, 8)}, "shape"),
        ({"dtype": bool}, "dtype: bool, expected"),
        ({"accuracy": "best"}, "accuracy: 'best', expected one of fast, scaled"),
        ({"accuracy": "scaled", "dtype": "int32"}, "with int32"),
        ({"largest_error": float("nan")}, "largest_error: nan"),
        ({"trials": 5}, "trials: no such option, expected some of precision, accuracy"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        tuning.autotune(**{"shape": SHAPE} | options)
    if options == {"accuracy": "best"}:
        with pytest.raises(ValueError, match=message):
            alphatensor.matmul(jnp.ones((2, 2)), jnp.ones((2, 2)), accuracy="best")


def test_only_blocks_that_can_pay_are_candidates():
    names = [c.name for c in candidates.candidates([STRASSEN], (1024, 1024, 1024))]
    assert "2x2x2:7 unrolled" in names and "2x2x2:7 2x2x2:7 unrolled" in names
    assert candidates.candidates([STRASSEN], (1024, 100, 1024)) == []
