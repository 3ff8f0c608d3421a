"""Chooses a kernel for any shape by a cost model that was fitted to gains measured on this device.

A gain is the time of `jnp.dot` over that of a kernel. The fit knows gains alone, never seconds:
both sides of a gain are timed by turns, so that other work on the machine changes it little. With w
the costs of the fields of `Work`, a kernel k and a measured gain g,

    w · (work of dot - g · work of k) = 0

is linear in w; the costs are those of least squares that are not negative, up to a common factor.

A kernel is chosen where the predicted gain is above `margin`: that of a clear gain or, if that is
more, the largest gain that was predicted for a kernel that gained nothing, by a fit that did not
know its shape.
"""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from scipy import optimize

from alphatensor.factorization import Factorization
from alphatensor.kernels import cost_model, memory, timing
from alphatensor.kernels.candidates import Candidate, candidates
from alphatensor.kernels.choice_cache import CLEAR_GAIN, Calibration, Choice
from alphatensor.kernels.config import TuningConfig

SCHEDULE = "sequential"
MOST_PRODUCTS = 150  # of all levels together; more take minutes to compile
LEAST_MEASUREMENTS = 6
ENOUGH = 1.0  # seconds of `jnp.dot` in one measurement
COMPILATION = 4.0  # seconds of one kernel, as the budget expects them
# In the order in which a budget is spent; rectangles and odd sizes among them.
SHAPES = (
    *((2048, 2048, 2048), (4096, 4096, 4096), (1024, 1024, 1024), (4096, 1024, 4096)),
    *((3001, 2999, 3003), (8192, 8192, 8192), (1536, 6144, 1536), (6144, 2048, 2048)),
    *((1024, 4096, 8192), (2560, 2560, 2560), (5120, 5120, 5120), (4097, 2051, 4099)),
    *((8192, 1536, 8192), (12288, 12288, 12288), (16384, 16384, 16384)),
)


class Measurement(NamedTuple):
    """A measured gain.

    Attributes:
      levels: the kernel's algorithms, outermost first.
      shape: (N, M, P).
      gain: seconds of `jnp.dot` over seconds of the kernel.
    """

    levels: tuple[Factorization, ...]
    shape: cost_model.Shape
    gain: float


def calibrate(factorizations: Sequence[Factorization], dtype, config: TuningConfig) -> Calibration:
    """Measures kernels on this device until the budget ends, and fits the cost model.

    Raises:
      ValueError: in one line, where `config.seconds` are too few for that.
    """
    begin = time.monotonic()
    rates = cost_model.measure_rates(dtype, config.precision)
    found: list[Measurement] = []
    for shape in SHAPES:
        free = memory.available()
        if free is not None and 12 * max(shape) ** 2 * np.dtype(dtype).itemsize > free:
            continue
        args, of_dot = None, 2 * math.prod(shape) / rates.dot
        repeats = int(np.clip(ENOUGH / of_dot, config.repeats, 30))  # small products vary more
        for candidate in _worth_measuring(factorizations, shape, dtype, rates):
            expected = 2 * (repeats + 1) * of_dot
            left = config.seconds - (time.monotonic() - begin)
            if expected + COMPILATION > left:
                continue
            args = args or timing.operands(shape, dtype)
            kernel = jax.jit(candidate.compile(config.precision, config.accuracy))
            pairs = timing.against_dot(kernel, args, config.precision, repeats)
            found.append(Measurement(candidate.factorizations, shape, pairs.ratio))
    if len(found) < LEAST_MEASUREMENTS:
        raise ValueError(
            f"seconds: {config.seconds:g}, too short to calibrate here: {len(found)} of at least "
            f"{LEAST_MEASUREMENTS} kernels were measured; nothing is stored."
        )
    return fit(found, factorizations, dtype)


def fit(
    measurements: Sequence[Measurement], factorizations: Sequence[Factorization], dtype
) -> Calibration:
    """Fits the costs of the fields of `Work` to measured gains, and the margin to what is left."""
    margin = CLEAR_GAIN
    for shape in dict.fromkeys(x.shape for x in measurements):
        others = _weights([x for x in measurements if x.shape != shape], dtype)
        for levels, _, _ in (x for x in measurements if x.shape == shape and x.gain < 1):
            margin = max(margin, gain_of(others, levels, shape, dtype))
    weights = _weights(measurements, dtype)
    return Calibration(weights, margin, tuple(factorizations), len(measurements))


def _weights(measurements: Sequence[Measurement], dtype) -> cost_model.Weights:
    """Returns the costs of least squares; those of `jnp.dot` alone where nothing was measured."""
    rows = [np.zeros(len(cost_model.Work._fields))]
    for levels, shape, gain in measurements:
        dot = np.array(cost_model.work_of_dot(shape, dtype))
        kernel = np.array(cost_model.work_of(levels, shape, dtype))
        rows.append((dot - gain * kernel) / dot[0])
    rows = np.array(rows)
    # An operation costs 1. Columns are scaled to comparable sizes, since fields count other things.
    scale = np.maximum(np.abs(rows[:, 1:]).max(axis=0), 1e-300)
    others, _ = optimize.nnls(rows[:, 1:] / scale, -rows[:, 0])
    return cost_model.Weights(1.0, *(float(x) for x in others / scale))


def gain_of(
    weights: cost_model.Weights, levels: Sequence[Factorization], shape: cost_model.Shape, dtype
) -> float:
    """Predicts the seconds of `jnp.dot` over those of an algorithm."""
    dot, kernel = cost_model.work_of_dot(shape, dtype), cost_model.work_of(levels, shape, dtype)
    return float(np.dot(weights, dot) / np.dot(weights, kernel))


def choose(calibration: Calibration, shape: cost_model.Shape, dtype) -> Choice | None:
    """Returns the kernel of the largest predicted gain; None where none is above the margin."""
    best = None
    for candidate in _usable(calibration.algorithms, shape, dtype):
        gain = gain_of(calibration.weights, candidate.factorizations, shape, dtype)
        if gain > (best.ratio if best else calibration.margin):
            best = Choice(candidate.name, gain, candidate.factorizations, candidate.schedule)
    return best


def _usable(factorizations, shape, dtype) -> list[Candidate]:
    """Returns the candidates of few products, of which integers have the integral ones."""
    if np.issubdtype(dtype, np.integer):
        factorizations = [f for f in factorizations if f.is_integral]
    found = candidates(factorizations, shape, (SCHEDULE,))
    return [c for c in found if np.prod([f.rank for f in c.factorizations]) <= MOST_PRODUCTS]


def _worth_measuring(factorizations, shape, dtype, rates: cost_model.Rates) -> list[Candidate]:
    """Returns the most promising candidate of one level and of two, and that of fewest products."""
    usable = _usable(factorizations, shape, dtype)
    if not usable:
        return []

    def seconds(candidate: Candidate) -> float:
        work = cost_model.work_of(candidate.factorizations, shape, dtype)
        return cost_model.seconds(work, rates)

    simplest = min(usable, key=lambda c: (len(c.factorizations), c.factorizations[0].rank))
    of_levels = [[c for c in usable if len(c.factorizations) == levels] for levels in (1, 2)]
    best = [min(some, key=seconds) for some in of_levels if some]
    return list({c.name: c for c in (simplest, *best)}.values())
