"""Chooses the fastest kernel for a shape: by timing on that shape, or by the device's calibration.

Candidates come from a library of algorithms. For one shape a cost model keeps the most promising,
and each of those is timed against `jnp.dot` in interleaved pairs. A kernel is chosen only where it
is clearly faster, so that the choice is never a loss. `choice_cache` remembers it, and calibrations
(`calibration`), which choose for all other shapes.
"""

import functools
import math
import os
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.kernels import accuracy as errors
from alphatensor.kernels import calibration, choice_cache, cost_model, precisions, timing
from alphatensor.kernels.candidates import (
    Candidate,
    Matmul,
    candidates,
    default_factorizations,
)
from alphatensor.kernels.config import TuningConfig, from_options

DOT = choice_cache.Choice(name="dot", ratio=1.0, levels=(), schedule="")


def autotune(
    shape: tuple[int, int, int] | None = None,
    dtype=jnp.float32,
    *,
    factorizations: Sequence[Factorization] | None = None,
    cache: str | os.PathLike | None = None,
    **options,
) -> choice_cache.Choice | choice_cache.Calibration:
    """Tunes a shape or, without one, calibrates this device for all shapes; stores what it finds.

    Example::

        autotune()                           # some minutes: matmul then chooses for any shape
        choice = autotune((8192, 8192, 8192))
        print(choice.name, choice.ratio)     # for example 2x2x2:7 sequential 1.14
        c = alphatensor.matmul(a, b)         # uses it for 8192 x 8192 matrices

    With a shape the `tries` most promising candidates are timed, and the best one is stored.
    Without one, kernels are timed on shapes of many kinds for up to `seconds`, and a cost model is
    fitted (`kernels.calibration`). What a tuned shape has found goes before what the model says.

    Args:
      shape: (N, M, P), where a is (N, M) and b is (M, P); None for all shapes.
      dtype: dtype of both matrices: floats, complex numbers or integers.
      factorizations: algorithms to choose from; default: those of the project's library up to
        4x4x4, and Strassen's where there is no library beside the package.
      cache: file of choices; default: `choice_cache.default_path`, which `matmul` reads.
      **options: fields of `TuningConfig`: precision, accuracy ('fast' or 'scaled', as in `matmul`),
        largest_error, tries, repeats, seconds.

    Returns:
      The choice, which `alphatensor.matmul` uses from now on; `dot` where nothing clearly wins. Or
      the calibration. A warning says where the file cannot be written; then this process alone
      uses it.

    Raises:
      ValueError: a shape, a dtype or an option that is none, or too few seconds to calibrate; in
        one line, and nothing is stored.
    """
    config = from_options(TuningConfig, options)
    dtype = _check(shape, dtype, config.accuracy)
    name = precisions.name(config.precision)  # which refuses what is none
    known = default_factorizations() if factorizations is None else list(factorizations)
    if jnp.issubdtype(dtype, jnp.integer):
        known = [f for f in known if f.is_integral]
    find = calibration.calibrate if shape is None else functools.partial(_best, shape)
    found = find(known, dtype, config)
    key = choice_cache.key(shape, dtype, name, config.accuracy)
    choice_cache.store(_path(cache), key, found)
    kernel_for.cache_clear()  # programs that are compiled already stay as they are
    return found


def _best(shape, factorizations, dtype, config: TuningConfig) -> choice_cache.Choice:
    """Times the most promising candidates for a shape."""
    precision = config.precision
    rates = cost_model.measure_rates(dtype, precision)
    ranked = sorted(
        candidates(factorizations, shape),
        key=lambda c: cost_model.seconds(cost_model.work_of(c.factorizations, shape, dtype), rates),
    )
    args = timing.operands(shape, dtype)
    best = DOT
    for candidate in ranked[: config.tries]:
        kernel = jax.jit(candidate.compile(precision, config.accuracy))
        limit = config.largest_error
        if limit is not None and _error(kernel, args, precision) > limit:
            continue
        pairs = timing.against_dot(kernel, args, precision, config.repeats)
        if pairs.lower >= choice_cache.CLEAR_GAIN and pairs.ratio > best.ratio:
            best = choice_cache.Choice(
                candidate.name, pairs.ratio, candidate.factorizations, candidate.schedule
            )
    return best


def _check(shape: tuple[int, int, int] | None, dtype, accuracy: str) -> np.dtype:
    """Returns the dtype; raises `ValueError` for what `autotune` cannot take."""
    if shape is not None and not (
        len(shape) == 3 and all(isinstance(x, int | np.integer) and x > 0 for x in shape)
    ):
        raise ValueError(f"shape: {shape}, expected three positive integers (N, M, P).")
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    if not (jnp.issubdtype(dtype, jnp.inexact) or jnp.issubdtype(dtype, jnp.integer)):
        raise ValueError(f"dtype: {dtype}, expected floats, complex numbers or integers.")
    if accuracy == "scaled" and not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"accuracy: 'scaled' with {dtype}, expected it with floats.")
    return dtype


def _error(kernel: Matmul, args, precision) -> float:
    """Returns a kernel's error on 64 rows of the operands, over that of `jnp.dot`."""
    a, b = args
    fast, slow = (
        errors.error(f(a, b)[:64], a[:64], b).norm for f in (kernel, timing.dot(precision))
    )
    return fast / slow if slow else float(fast > 0)


def chosen(
    shape: tuple[int, int, int],
    dtype,
    precision=None,
    accuracy: str = "fast",
    cache: str | os.PathLike | None = None,
) -> choice_cache.Choice | None:
    """Returns the choice for a shape on this device and version of JAX, or None.

    It is the one that was stored for the shape, else what the device's calibration says.
    """
    name, path = precisions.name(precision), _path(cache)
    of_shape, of_all = (choice_cache.key(x, dtype, name, accuracy) for x in (shape, None))
    if found := choice_cache.read(path, of_shape):
        return found
    found = _calibration(path, of_all, _changed(path))
    return found and calibration.choose(found, shape, jnp.dtype(dtype))


@functools.lru_cache(maxsize=16)
def _calibration(path: pathlib.Path, key: str, changed: int) -> choice_cache.Calibration | None:
    """Reads a calibration, whose algorithms take a moment to verify, once for each version."""
    return choice_cache.read(path, key)


def _changed(path: pathlib.Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@functools.cache
def kernel_for(
    shape: tuple[int, int, int], dtype: str, precision=None, accuracy: str = "fast"
) -> Matmul | None:
    """Returns matmul(a, b) of the choice for a shape; None for `jnp`'s. Looked up once a process.

    Args:
      shape: (N, M, P).
      dtype: name of the dtype.
      precision: as `precisions.canonical` returns it.
      accuracy: as in `matmul`.
    """
    choice = chosen(shape, dtype, precision, accuracy)
    if choice is None or choice.name == DOT.name or not _fits(choice, shape):
        return None
    return kernel_of(choice, precision, accuracy)


def _fits(choice: choice_cache.Choice, shape: tuple[int, int, int]) -> bool:
    """Says whether a shape is as large as the format of all levels; a file may say otherwise."""
    formats = (math.prod(f.sizes[mode] for f in choice.levels) for mode in range(3))
    return all(size >= least for size, least in zip(shape, formats, strict=True))


def kernel_of(choice: choice_cache.Choice, precision=None, accuracy: str = "fast") -> Matmul:
    """Returns matmul(a, b) of a choice."""
    if choice.name == DOT.name:
        return lambda a, b: jnp.matmul(a, b, precision=precision)
    return _compiled(Candidate(choice.levels, choice.schedule), precision, accuracy)


@functools.cache
def _compiled(candidate: Candidate, precision, accuracy: str) -> Matmul:
    return candidate.compile(precision, accuracy)


def _path(cache: str | os.PathLike | None) -> pathlib.Path:
    return choice_cache.default_path() if cache is None else pathlib.Path(cache)
