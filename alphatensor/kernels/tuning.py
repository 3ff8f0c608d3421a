"""Chooses the fastest kernel for a shape by timing it on this device.

Candidates come from a library of algorithms. A cost model keeps the most promising, and each of
those is timed against `jnp.dot` in interleaved pairs. A kernel is chosen only where it is clearly
faster, so that the choice is never a loss. `choice_cache` remembers it.
"""

import functools
import itertools
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, strassen
from alphatensor.factorization.library import store
from alphatensor.kernels import accuracy as errors
from alphatensor.kernels import choice_cache, cost_model, precisions, schedules, timing
from alphatensor.kernels.compile import compile_matmul, flatten
from alphatensor.kernels.config import ACCURACIES, TuningConfig, from_options

CLEAR_GAIN = 1.03  # a kernel must be this much faster than jnp.dot, at the lower quartile
LEAST_BLOCK = 256  # rows and columns; smaller blocks never pay
DOT = choice_cache.Choice(name="dot", ratio=1.0, levels=(), schedule="")

Matmul = Callable[[jax.Array, jax.Array], jax.Array]


class Candidate(NamedTuple):
    """One way to multiply.

    Attributes:
      factorizations: one for each level, outermost first.
      schedule: name of the schedule, as in `KernelConfig`.
    """

    factorizations: tuple[Factorization, ...]
    schedule: str

    @property
    def name(self) -> str:
        """For example `2x2x2:7 2x2x2:7 unrolled`."""
        parts = [f"{'x'.join(map(str, f.sizes))}:{f.rank}" for f in self.factorizations]
        return " ".join([*parts, self.schedule])

    def compile(self, precision=None, accuracy: str = "fast") -> Matmul:
        """Returns the candidate's matmul(a, b), which is finite wherever `jnp.matmul` is."""
        return compile_matmul(
            self.factorizations,
            schedule=self.schedule,
            precision=precision,
            diagonal=ACCURACIES[accuracy],
            guard=True,
        )


def candidates(
    factorizations: Sequence[Factorization], shape: tuple[int, int, int]
) -> list[Candidate]:
    """Returns every factorization alone and with itself once more, in each schedule worth a try.

    Args:
      factorizations: algorithms over Z or Q, in any order of sizes.
      shape: (N, M, P) of the product.
    """
    return [
        Candidate((f,) * levels, schedule)
        for f in factorizations
        for levels in (1, 2)
        if f.rank**levels <= choice_cache.MAX_RANK
        if all(x // s**levels >= LEAST_BLOCK for x, s in zip(shape, f.sizes, strict=True))
        for schedule in schedules.WORTH_TRYING
    ]


def autotune(
    shape: tuple[int, int, int],
    dtype=jnp.float32,
    *,
    factorizations: Sequence[Factorization] | None = None,
    cache: str | os.PathLike | None = None,
    **options,
) -> choice_cache.Choice:
    """Times the `tries` most promising candidates for (N, M, P) and stores the best one.

        choice = autotune((8192, 8192, 8192))
        print(choice.name, choice.ratio)     # for example 2x2x2:7 sequential 1.14
        c = alphatensor.matmul(a, b)         # uses it for 8192 x 8192 matrices

    Args:
      shape: (N, M, P), where a is (N, M) and b is (M, P).
      dtype: dtype of both matrices: floats, complex numbers or integers.
      factorizations: algorithms to choose from; default: those of the project's library up to
        4x4x4, and Strassen's where there is no library beside the package.
      cache: file of choices; default: `choice_cache.default_path`, which `matmul` reads.
      **options: fields of `TuningConfig`: precision, accuracy ('fast' or 'scaled', as in `matmul`),
        largest_error, tries, repeats.

    Returns:
      The choice, which `alphatensor.matmul` uses from now on; `dot` where nothing clearly wins. A
      warning says where the file cannot be written; then this process alone uses the choice.

    Raises:
      ValueError: a shape, a dtype or an option that is none; in one line.
    """
    config = from_options(TuningConfig, options)
    dtype = _check(shape, dtype, config.accuracy)
    precision = config.precision
    name = precisions.name(precision)  # which refuses what is none
    rates = cost_model.measure_rates(dtype, precision)
    known = default_factorizations() if factorizations is None else factorizations
    if jnp.issubdtype(dtype, jnp.integer):
        known = [f for f in known if f.is_integral]
    ranked = sorted(
        candidates(known, shape),
        key=lambda c: cost_model.seconds(flatten(c.factorizations, 1), shape, dtype, rates),
    )
    args = timing.operands(shape, dtype)
    best = DOT
    for candidate in ranked[: config.tries]:
        kernel = jax.jit(candidate.compile(precision, config.accuracy))
        limit = config.largest_error
        if limit is not None and _error(kernel, args, precision) > limit:
            continue
        pairs = timing.against_dot(kernel, args, precision, config.repeats)
        if pairs.lower >= CLEAR_GAIN and pairs.ratio > best.ratio:
            best = choice_cache.Choice(
                candidate.name, pairs.ratio, candidate.factorizations, candidate.schedule
            )
    key = choice_cache.key(shape, dtype, name, config.accuracy)
    choice_cache.store(_path(cache), key, best)
    kernel_for.cache_clear()  # programs that are compiled already stay as they are
    return best


def _check(shape: tuple[int, int, int], dtype, accuracy: str) -> np.dtype:
    """Returns the dtype; raises `ValueError` for what `autotune` cannot take."""
    is_shape = len(shape) == 3 and all(isinstance(x, int | np.integer) and x > 0 for x in shape)
    if not is_shape:
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


def default_factorizations() -> list[Factorization]:
    """Returns the library's algorithms over Z for formats up to 4x4x4, or Strassen's alone."""
    folder = store.default_folder()
    if folder is None:
        return [strassen()]
    formats = itertools.product((2, 3, 4), repeat=3)
    found = [store.best(folder, sizes, rings.Integers()) for sizes in formats]
    return [f for f in found if f is not None] or [strassen()]


def chosen(
    shape: tuple[int, int, int],
    dtype,
    precision=None,
    accuracy: str = "fast",
    cache: str | os.PathLike | None = None,
) -> choice_cache.Choice | None:
    """Returns the stored choice for a shape on this device and version of JAX, or None."""
    name = precisions.name(precision)
    return choice_cache.read(_path(cache), choice_cache.key(shape, dtype, name, accuracy))


@functools.cache
def kernel_for(
    shape: tuple[int, int, int], dtype: str, precision=None, accuracy: str = "fast"
) -> Matmul | None:
    """Returns matmul(a, b) of the stored choice for a shape; None for `jnp`'s. Read once a process.

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
    return Candidate(choice.levels, choice.schedule).compile(precision, accuracy)


def _path(cache: str | os.PathLike | None) -> pathlib.Path:
    return choice_cache.default_path() if cache is None else pathlib.Path(cache)
