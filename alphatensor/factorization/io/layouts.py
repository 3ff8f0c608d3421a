"""Three arrays without a word on what they are: plain `np.savez(u=, v=, w=)` and `.npy` triples.

An archive has members `u`, `v`, `w`, or three without names, and an `.npy` file one array or an
object array of three. Each matrix has a column for each multiplication, or a row; W belongs to C or
to the trace form. The sizes follow from the shapes, and what is exact is taken: in the ring that is
asked for, else mod 2. A third dimension in front counts several algorithms. Complex numbers are
read exactly, too.
"""

import io
import math
from collections.abc import Iterable, Iterator

import numpy as np

from alphatensor import limits, rings
from alphatensor.factorization import gaussian, transforms
from alphatensor.factorization.core import Factorization, exact_array
from alphatensor.factorization.io import npz, parsing, published
from alphatensor.files import FileError

NAMES = ("u", "v", "w")
_TRIPLES = (NAMES, ("U", "V", "W"), ("arr_0", "arr_1", "arr_2"))


def triple_in(arrays: dict[str, np.ndarray]) -> list[np.ndarray] | None:
    """Returns the members u, v, w of an archive, as its names or the order of saving say."""
    for names in _TRIPLES:
        if arrays.keys() >= set(names):
            return [arrays[name] for name in names]
    return None


def parse_npy(path: str, data: bytes, ring: rings.Ring) -> list[Factorization]:
    """Reads the triple, or the stack of triples, of an `.npy` file."""
    array = npz.read_array(io.BytesIO(data), path, len(data))
    if array.ndim == 4:
        return published.parse_stack(path, array, ring)
    if array.shape[:1] != (3,) or array.ndim not in (1, 3):
        raise FileError(f"{path}: shape {array.shape}: expected three matrices u, v, w.")
    if array.ndim == 1 and not all(isinstance(x, np.ndarray) for x in array):
        raise FileError(f"{path}: expected three matrices u, v, w.")
    return parse(path, list(array), ring)


def arrays_of(path: str, fs: list[Factorization]) -> dict[str, np.ndarray]:
    """Returns the members u, v, w, (S, R), of the plain archive at `path`."""
    return {name: _plain(path, x) for name, x in zip(NAMES, fs[0].factors, strict=True)}


def array_of(path: str, fs: list[Factorization]) -> np.ndarray:
    """Returns the array of the `.npy` file at `path`: (3, S, R), or three matrices as objects."""
    factors = [_plain(path, x) for x in fs[0].factors]
    if len({x.shape for x in factors}) == 1:
        return np.stack(factors)
    triple = np.empty(3, object)
    triple[:] = factors
    return triple


def first_exact(path: str, candidates: Iterable[Factorization]) -> Factorization:
    """Returns the first candidate that is exact, else the first that is mod 2, else the first."""
    made = list(candidates)
    parsing.check_file(path, made)
    if len(made) == 1:
        return made[0]
    for f in made:
        if f.verify().ok:
            return f
    for f in made:
        if is_exact_mod(f, 2):
            return f
    return made[0]


def is_exact_mod(f: Factorization, prime: int) -> bool:
    """Tells whether an algorithm over the integers or rationals is exact mod a prime."""
    if f.ring.is_modular or not f.is_real:
        return False
    try:
        return transforms.reduce_mod(f, prime).verify().ok
    except ValueError:  # a denominator is a multiple of it
        return False


def _plain(path: str, factor: np.ndarray) -> np.ndarray:
    """Returns exact numbers as NumPy has them: integers, or floats that are read back exactly."""
    if factor.dtype != object:
        return factor
    if gaussian.is_real(factor):
        plain = factor.astype(np.float64)
    else:
        reals, imags = (x.astype(np.float64) for x in gaussian.parts(factor))
        plain = reals + 1j * imags
    try:
        if np.array_equal(exact_array(plain), factor):
            return plain
    except ValueError:  # a fraction that is not simple
        pass
    raise FileError(f"{path}: numbers that floats do not hold; .npz and .json keep them.")


def parse(path: str, matrices: list[np.ndarray], ring: rings.Ring) -> list[Factorization]:
    """Makes the algorithms of u, v, w: three matrices, or three stacks of them."""
    kinds = [getattr(x, "dtype", np.dtype("U")).kind for x in matrices]
    if not set(kinds) <= set("biufcO") or {x.ndim for x in matrices} not in ({2}, {3}):
        raise FileError(f"{path}: u, v, w: expected three matrices of numbers.")
    if matrices[0].ndim == 2:
        return [_one(path, matrices, ring)]
    counts = {len(x) for x in matrices}
    if len(counts) != 1 or not 1 <= min(counts) <= limits.MAX_FACTORIZATIONS:
        most = limits.MAX_FACTORIZATIONS
        raise FileError(f"{path}: u, v, w: expected one to {most} matrices of each.")
    return [_one(path, list(x), ring) for x in zip(*matrices, strict=True)]


def _one(path: str, matrices: list[np.ndarray], ring: rings.Ring) -> Factorization:
    parsing.check_exact(path, sum(map(parsing.exact_count, matrices)))
    try:
        exact = [exact_array(x, name) for name, x in zip(NAMES, matrices, strict=True)]
    except (ValueError, OverflowError) as error:
        raise FileError(f"{path}: {error}") from None
    candidates = list(_candidates(path, exact, ring))
    if not candidates:
        shapes = ", ".join(str(x.shape) for x in exact)
        raise FileError(f"{path}: u, v, w of shapes {shapes}: they fit no matrix product.")
    return first_exact(path, candidates)


def _candidates(path: str, matrices: list[np.ndarray], ring: rings.Ring) -> Iterator[Factorization]:
    """Yields what three matrices can mean, the trace form with a column a multiplication first."""
    u, v, w = matrices
    for factors in ((u, v, w), (u.T, v.T, w.T), (u.T, v.T, w)):
        entries = [len(x) for x in factors]
        if len({x.shape[1] for x in factors}) != 1 or min(entries) == 0:
            continue
        n, m, p = (_root(entries[k] * entries[k - 1], entries[k - 2]) for k in range(3))
        if (n * m, m * p, p * n) != tuple(entries):
            continue
        sizes = parsing.sizes((n, m, p), path, "u, v, w")
        yield parsing.algorithm(path, "u, v, w", sizes, ring, factors)
        if min(n, p) > 1:
            turned = transforms.transposed_rows(factors[2], n, p)
            yield parsing.algorithm(path, "u, v, w", sizes, ring, (*factors[:2], turned))


def _root(product: int, divisor: int) -> int:
    return math.isqrt(product // divisor)
