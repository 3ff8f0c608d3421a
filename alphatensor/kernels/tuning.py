"""Chooses the fastest kernel for a shape by timing it on this device, and remembers the choice.

Candidates come from a library of factorisations; a cost model keeps the most promising, and each
of those is timed against `jnp.dot` in interleaved pairs. A kernel is chosen only where it is
clearly faster, so that the choice is never a loss.
"""

import functools
import hashlib
import itertools
import json
import os
import pathlib
import tempfile
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, from_arrays, strassen
from alphatensor.factorization.library import store as library
from alphatensor.kernels import cost_model, timing
from alphatensor.kernels.compile import compile_matmul, flatten

CLEAR_GAIN = 1.03  # a kernel must be this much faster than jnp.dot, at the lower quartile


class Candidate(NamedTuple):
    """One way to multiply.

    Attributes:
      factorizations: one for each level, outermost first.
      schedule, tile: as in `compile_matmul`.
    """

    factorizations: tuple[Factorization, ...]
    schedule: str
    tile: int | None

    @property
    def name(self) -> str:
        """For example `2x2x2:7 2x2x2:7 unrolled tile 2048`."""
        parts = [f"{'x'.join(map(str, f.sizes))}:{f.rank}" for f in self.factorizations]
        return " ".join([*parts, self.schedule, *([f"tile {self.tile}"] if self.tile else [])])


class Choice(NamedTuple):
    """What was found for one shape.

    Attributes:
      name: of the candidate, or `dot`.
      ratio: `jnp.dot`'s seconds over its seconds; 1 for `dot`.
      levels: of the candidate: sizes and factors, with every entry as text.
      schedule, tile: of the candidate.
    """

    name: str
    ratio: float
    levels: tuple
    schedule: str
    tile: int | None


DOT = Choice("dot", 1.0, (), "", None)


def candidates(
    factorizations: Sequence[Factorization], shape: tuple[int, int, int]
) -> list[Candidate]:
    """Every factorisation alone and with itself once more, in the schedules worth a try.

    Tiles and stacked products have lost wherever they were measured.

    Args:
      factorizations: over Z or Q, in any order of sizes.
      shape: (N, M, P) of the product.
    """
    found = []
    for f in factorizations:
        for levels in (1, 2):
            if any(x // s**levels < 256 for x, s in zip(shape, f.sizes, strict=True)):
                continue  # blocks so small never pay
            found += [Candidate((f,) * levels, name, None) for name in ("unrolled", "sequential")]
    return found


def autotune(
    shape: tuple[int, int, int],
    dtype=jnp.float32,
    *,
    factorizations: Sequence[Factorization] | None = None,
    precision=None,
    tries: int = 4,
    repeats: int = 5,
    cache: str | os.PathLike | None = None,
    measure: Callable = timing.paired,
) -> Choice:
    """Times the `tries` most promising candidates for (N, M, P) and stores the best one.

    Args:
      shape: (N, M, P): a is (N, M), b is (M, P).
      dtype: of both.
      factorizations: to choose from; default: those of the project's library up to 4x4x4, and
        Strassen's where there is no library beside the package.
      precision: as in `jnp.dot`.
      tries: candidates that are timed, those with the least predicted time.
      repeats: pairs of each.
      cache: file of choices; default: see `cache_file`.
      measure: as `timing.paired`.

    Returns:
      The choice, which `alphatensor.matmul` uses from now on; `dot` where nothing clearly wins.
    """
    rates = cost_model.measure_rates(dtype, precision)
    known = default_factorizations() if factorizations is None else factorizations
    ranked = sorted(
        candidates(known, shape),
        key=lambda c: cost_model.seconds(flatten(c.factorizations, 1), shape, dtype, rates),
    )
    baseline = jax.jit(lambda a, b: jnp.dot(a, b, precision=precision))
    args = timing.operands(shape, dtype)
    best = DOT
    for candidate in ranked[:tries]:
        kernel = jax.jit(compile_candidate(candidate, precision))
        pairs = measure(baseline, kernel, args, repeats)
        if pairs.lower >= CLEAR_GAIN and pairs.ratio > best.ratio:
            levels = tuple(_as_lists(f) for f in candidate.factorizations)
            best = Choice(candidate.name, pairs.ratio, levels, candidate.schedule, candidate.tile)
    _store(_key(shape, dtype, precision), best, _path(cache))
    kernel_for.cache_clear()  # programs that are compiled already stay as they are
    return best


def default_factorizations() -> list[Factorization]:
    """The library's algorithms over Z for formats up to 4x4x4, or Strassen's alone."""
    folder = pathlib.Path(__file__).parents[2] / "factorizations"
    formats = itertools.product((2, 3, 4), repeat=3)
    found = [library.best(folder, sizes, rings.Integers()) for sizes in formats if folder.is_dir()]
    return [f for f in found if f is not None] or [strassen()]


def chosen(
    shape: tuple[int, int, int], dtype, precision=None, cache: str | os.PathLike | None = None
) -> Choice | None:
    """The stored choice for a shape on this device and version of JAX; None if never tuned."""
    stored = _read(_path(cache)).get(_key(shape, dtype, precision))
    try:
        return None if stored is None else Choice(**stored)
    except TypeError:  # written by another version
        return None


@functools.cache
def kernel_for(shape: tuple[int, int, int], dtype: str, precision=None) -> Callable:
    """matmul(a, b) of the stored choice for a shape, or of `jnp`; read once in a process."""
    return kernel_of(chosen(shape, dtype, precision) or DOT, precision)


def kernel_of(choice: Choice, precision=None) -> Callable:
    """matmul(a, b) of a choice."""
    if choice.name == DOT.name:
        return lambda a, b: jnp.matmul(a, b, precision=precision)
    levels = factorizations_of(choice)
    return compile_candidate(Candidate(levels, choice.schedule, choice.tile), precision)


def factorizations_of(choice: Choice) -> tuple[Factorization, ...]:
    """The levels of a choice, outermost first; () for `dot`."""
    return tuple(_from_lists(x) for x in choice.levels)


def cache_file() -> pathlib.Path:
    """$ALPHATENSOR_CACHE, or kernels.json in the user's cache folder ($XDG_CACHE_HOME)."""
    if given := os.environ.get("ALPHATENSOR_CACHE"):
        return pathlib.Path(given)
    folder = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(folder) / "alphatensor" / "kernels.json"


def _path(cache) -> pathlib.Path:
    return cache_file() if cache is None else pathlib.Path(cache)


def compile_candidate(candidate: Candidate, precision=None) -> Callable:
    """matmul(a, b) of a candidate."""
    levels, schedule, tile = candidate
    return compile_matmul(levels, schedule=schedule, tile=tile, precision=precision)


def _as_lists(f: Factorization) -> dict:
    factors = {name: [[str(x) for x in row] for row in getattr(f, name)] for name in "uvw"}
    return {"sizes": list(f.sizes)} | factors


def _from_lists(stored: dict) -> Factorization:
    u, v, w = (
        np.array([[Fraction(x) for x in row] for row in stored[name]], object) for name in "uvw"
    )
    return from_arrays(tuple(stored["sizes"]), rings.Integers(), u, v, w)


def _key(shape, dtype, precision) -> str:
    kind = jax.devices()[0].device_kind
    parts = (kind, _machine(), jax.__version__, *map(int, shape), jnp.dtype(dtype).name, precision)
    return " | ".join(map(str, parts))


def _machine() -> str:
    """CPUs of one kind name differ: their number of cores and flags tell them apart."""
    if jax.default_backend() != "cpu":
        return str(jax.local_device_count())
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        lines = {x for x in text.splitlines() if x.startswith(("model name", "flags"))}
    except OSError:
        lines = set()
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:8]
    return f"{os.cpu_count()} {digest}"


def _read(path: pathlib.Path) -> dict:
    try:
        stored = json.loads(path.read_text())
        if isinstance(stored, dict):
            return stored
        raise ValueError("not a table")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warnings.warn(f"{path}: ignored, since it cannot be read ({error}).", stacklevel=4)
        return {}


def _store(key: str, choice: Choice, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = _read(path) | {key: choice._asdict()}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(content, file)
    os.replace(file.name, path)
