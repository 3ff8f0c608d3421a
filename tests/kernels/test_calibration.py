"""One calibration for all shapes: the fit, what it chooses, and what becomes of bad ones."""

import concurrent.futures
import json
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tuned

import alphatensor
from alphatensor import factorization as fz
from alphatensor.kernels import calibration, choice_cache, cost_model, timing, tuning

STRASSEN = fz.strassen()
# Sums and products cost much: gains begin at sizes of 1,500 or so.
WEIGHTS = cost_model.Weights(1.0, 0.0, 0.0, 0.5, 6.0, 1.0, 1e6)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The file of choices, which every test begins without."""
    path = tmp_path / "kernels.json"
    monkeypatch.setenv("ALPHATENSOR_CACHE", str(path))
    monkeypatch.setattr(choice_cache, "_named", set())
    tuning.kernel_for.cache_clear()
    yield path
    tuning.kernel_for.cache_clear()


@pytest.fixture
def device(monkeypatch):
    """A device on which kernels gain what `WEIGHTS` say, and which takes no time."""

    def against_dot(kernel, args, precision, repeats):
        (a, b), levels = args, device.levels
        gain = calibration.gain_of(WEIGHTS, levels, (*a.shape, b.shape[1]), "float32")
        return timing.Pairs(gain, gain, gain, 1.0, 1.0 / gain)

    def compile_(candidate, *_):
        device.levels = candidate.factorizations
        return lambda a, b: a

    class device:
        levels = ()

    def operands(shape, dtype):
        n, m, p = shape
        return jax.ShapeDtypeStruct((n, m), dtype), jax.ShapeDtypeStruct((m, p), dtype)

    monkeypatch.setattr(timing, "against_dot", against_dot)
    monkeypatch.setattr(timing, "operands", operands)
    monkeypatch.setattr(calibration.Candidate, "compile", compile_)
    monkeypatch.setattr(cost_model, "measure_rates", lambda *_: cost_model.Rates(1e14, 1e12))


def calibrated(margin: float = 1.03) -> choice_cache.Calibration:
    return choice_cache.Calibration(WEIGHTS, margin, (STRASSEN,), 9)


def is_fast(*args) -> bool:
    return tuned.is_fast(alphatensor.matmul, *args)


def matrices(*shapes):
    return [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]


def test_measured_gains_give_the_costs_back(device):
    found = tuning.autotune(seconds=1000)
    assert found.measurements > 20 and found.margin == choice_cache.CLEAR_GAIN
    for shape in ((3000, 5000, 700), (4099, 4097, 4093), (800, 800, 800)):
        for levels in ((STRASSEN,), (STRASSEN, STRASSEN)):
            gains = (
                calibration.gain_of(w, levels, shape, "float32") for w in (found.weights, WEIGHTS)
            )
            np.testing.assert_allclose(*gains, rtol=0.02)


def test_the_margin_is_what_was_predicted_for_a_kernel_without_gain(device, monkeypatch):
    odd = (2560, 2560, 2560)  # there kernels are slower than at all other sizes
    right = timing.against_dot

    def against_dot(kernel, args, *rest):
        pairs = right(kernel, args, *rest)
        return pairs._replace(ratio=0.9 * pairs.ratio) if args[0].shape == odd[:2] else pairs

    monkeypatch.setattr(timing, "against_dot", against_dot)
    found = tuning.autotune(seconds=1000)
    expected = max(calibration.gain_of(WEIGHTS, x, odd, "float32") for x in ((STRASSEN,),))
    assert expected > choice_cache.CLEAR_GAIN
    assert found.margin == pytest.approx(expected, rel=0.01)


def test_it_chooses_for_every_shape_by_the_predicted_gain(cache):
    choice_cache.store(cache, choice_cache.key(None, "float32"), calibrated())
    assert is_fast(*matrices((4096, 4096), (4096, 4096)))
    assert is_fast(*matrices((4099, 4097), (4097, 5001)))
    assert is_fast(*matrices((2, 4096, 4096), (2, 4096, 4096)))
    assert is_fast(*matrices((4096, 4096), (3, 4096, 4096)))
    assert is_fast(*matrices((2, 2048, 4096), (4096, 4096)))
    for small in (((64, 64), (64, 64)), ((4096, 300), (300, 4096)), ((700, 700), (700, 700))):
        assert not is_fast(*matrices(*small))
    choice_cache.store(cache, choice_cache.key(None, "float32"), calibrated(margin=1.2))
    tuning.kernel_for.cache_clear()
    assert not is_fast(*matrices((4096, 4096), (4096, 4096)))


def test_a_tuned_shape_goes_before_the_model(cache):
    choice_cache.store(cache, choice_cache.key(None, "float32"), calibrated())
    choice_cache.store(cache, choice_cache.key((4096,) * 3, "float32"), tuning.DOT)
    assert not is_fast(*matrices((4096, 4096), (4096, 4096)))
    assert is_fast(*matrices((4096, 4096), (4096, 4098)))


def test_odd_shapes_and_batches_are_right(cache, monkeypatch):
    free = calibrated()._replace(weights=cost_model.Weights(1.0, *[0] * 6))
    choice_cache.store(cache, choice_cache.key(None, "float32"), free)
    a, b = timing.operands((513, 1031, 515), jnp.float32)
    assert is_fast(a, b)
    np.testing.assert_allclose(alphatensor.matmul(a, b), a @ b, rtol=1e-3, atol=2e-3)
    x, y = jnp.stack([a, -a])[:, None], jnp.stack([b, 2 * b, b])
    assert is_fast(x, y)
    np.testing.assert_allclose(alphatensor.matmul(x, y), x @ y, rtol=1e-3, atol=4e-3)


def test_a_budget_that_is_too_short_stores_nothing(device, cache):
    with pytest.raises(ValueError, match=r"^seconds: 2, too short to calibrate here.*stored\.$"):
        tuning.autotune(seconds=2)
    assert not cache.exists()


@pytest.mark.parametrize("place", [0, 2], ids=["device", "version"])
def test_a_calibration_from_elsewhere_is_ignored_with_one_line(cache, place):
    parts = choice_cache.key(None, "float32").split(" | ")
    parts[place] = "another"
    choice_cache.store(cache, " | ".join(parts), calibrated())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for size in (4096, 4098):
            assert not is_fast(*matrices((size, size), (size, size)))
    (warning,) = caught
    assert "of another device or version of JAX" in str(warning.message)
    assert len(str(warning.message).splitlines()) == 1


SPOILED = {
    "costs": {"weights": [-1.0] * 7},
    "no operations": {"weights": [0.0] * 7},
    "not finite": {"weights": [1.0, float("inf"), 0, 0, 0, 0, 0]},
    "a margin": {"margin": 0.5},
    "algorithms": {"algorithms": {}},
    "no numbers": {"algorithms": [{"sizes": [2, 2, 2], "u": [], "v": [], "w": []}]},
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_calibrations_are_ignored_with_one_line(cache, name):
    key = choice_cache.key(None, "float32")
    choice_cache.store(cache, key, calibrated())
    content = json.loads(cache.read_text())
    content[key] |= SPOILED[name]
    cache.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="ignored, since it cannot be used") as caught:
        assert not is_fast(*matrices((4096, 4096), (4096, 4096)))
    assert len(caught) == 1


def test_shapes_that_are_tuned_at_the_same_time_are_kept(cache):
    keys = [choice_cache.key(shape and (shape,) * 3, "float32") for shape in (None, *range(1, 20))]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # locks part threads as processes
        list(pool.map(lambda k: choice_cache.store(cache, k, found_for(k)), keys))
    assert json.loads(cache.read_text()).keys() == set(keys)


def found_for(key: str) -> choice_cache.Choice | choice_cache.Calibration:
    return calibrated() if choice_cache.ANY in key.split(" | ") else tuning.DOT
