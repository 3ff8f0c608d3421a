"""Chooses the fastest kernel for a shape by timing it on this device.

Candidates come from a library of algorithms. A cost model keeps the most promising, and each of
those is timed against `jnp.dot` in interleaved pairs. A kernel is chosen only where it is clearly
faster, so that the choice is never a loss. `choice_cache` remembers it.
"""

import functools
import itertools
import os
import pathlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, from_arrays, strassen
from alphatensor.factorization.library import store
from alphatensor.kernels import choice_cache, cost_model, schedules, timing
from alphatensor.kernels.compile import compile_matmul, flatten

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

    def compile(self, precision=None) -> Matmul:
        """Returns the candidate's matmul(a, b)."""
        return compile_matmul(self.factorizations, schedule=self.schedule, precision=precision)


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
        if all(x // s**levels >= LEAST_BLOCK for x, s in zip(shape, f.sizes, strict=True))
        for schedule in schedules.WORTH_TRYING
    ]


def autotune(
    shape: tuple[int, int, int],
    dtype=jnp.float32,
    *,
    factorizations: Sequence[Factorization] | None = None,
    precision=None,
    tries: int = 4,
    repeats: int = 5,
    cache: str | os.PathLike | None = None,
) -> choice_cache.Choice:
    """Times the `tries` most promising candidates for (N, M, P) and stores the best one.

        choice = autotune((8192, 8192, 8192))
        print(choice.name, choice.ratio)     # for example 2x2x2:7 sequential 1.14
        c = alphatensor.matmul(a, b)         # uses it for 8192 x 8192 matrices

    Args:
      shape: (N, M, P), where a is (N, M) and b is (M, P).
      dtype: dtype of both matrices.
      factorizations: algorithms to choose from; default: those of the project's library up to
        4x4x4, and Strassen's where there is no library beside the package.
      precision: precision of the products, as in `jnp.dot`.
      tries: number of candidates that are timed, those with the least predicted time.
      repeats: pairs of timings of each candidate.
      cache: file of choices; default: `choice_cache.default_path`, which `matmul` reads.

    Returns:
      The choice, which `alphatensor.matmul` uses from now on; `dot` where nothing clearly wins.
    """
    rates = cost_model.measure_rates(dtype, precision)
    known = default_factorizations() if factorizations is None else factorizations
    ranked = sorted(
        candidates(known, shape),
        key=lambda c: cost_model.seconds(flatten(c.factorizations, 1), shape, dtype, rates),
    )
    args = timing.operands(shape, dtype)
    best = DOT
    for candidate in ranked[:tries]:
        pairs = timing.against_dot(jax.jit(candidate.compile(precision)), args, precision, repeats)
        if pairs.lower >= CLEAR_GAIN and pairs.ratio > best.ratio:
            levels = tuple(_as_lists(f) for f in candidate.factorizations)
            best = choice_cache.Choice(
                name=candidate.name,
                ratio=pairs.ratio,
                levels=levels,
                schedule=candidate.schedule,
            )
    choice_cache.store(_path(cache), choice_cache.key(shape, dtype, precision), best)
    kernel_for.cache_clear()  # programs that are compiled already stay as they are
    return best


def default_factorizations() -> list[Factorization]:
    """Returns the library's algorithms over Z for formats up to 4x4x4, or Strassen's alone."""
    folder = store.default_folder()
    if folder is None:
        return [strassen()]
    formats = itertools.product((2, 3, 4), repeat=3)
    found = [store.best(folder, sizes, rings.Integers()) for sizes in formats]
    return [f for f in found if f is not None] or [strassen()]


def chosen(
    shape: tuple[int, int, int], dtype, precision=None, cache: str | os.PathLike | None = None
) -> choice_cache.Choice | None:
    """Returns the stored choice for a shape on this device and version of JAX, or None."""
    return choice_cache.read(_path(cache), choice_cache.key(shape, dtype, precision))


@functools.cache
def kernel_for(shape: tuple[int, int, int], dtype: str, precision=None) -> Matmul:
    """Returns matmul(a, b) of the stored choice for a shape, or `jnp`'s; read once a process."""
    return kernel_of(chosen(shape, dtype, precision) or DOT, precision)


def kernel_of(choice: choice_cache.Choice, precision=None) -> Matmul:
    """Returns matmul(a, b) of a choice."""
    if choice.name == DOT.name:
        return lambda a, b: jnp.matmul(a, b, precision=precision)
    return Candidate(factorizations_of(choice), choice.schedule).compile(precision)


def factorizations_of(choice: choice_cache.Choice) -> tuple[Factorization, ...]:
    """Returns the levels of a choice, outermost first; () for `dot`."""
    return tuple(_from_lists(x) for x in choice.levels)


def _path(cache: str | os.PathLike | None) -> pathlib.Path:
    return choice_cache.default_path() if cache is None else pathlib.Path(cache)


def _as_lists(f: Factorization) -> dict:
    factors = {name: [[str(x) for x in row] for row in getattr(f, name)] for name in "uvw"}
    return {"sizes": list(f.sizes)} | factors


def _from_lists(stored: dict) -> Factorization:
    u, v, w = (
        np.array([[Fraction(x) for x in row] for row in stored[name]], object) for name in "uvw"
    )
    return from_arrays(tuple(stored["sizes"]), rings.Integers(), u, v, w)
