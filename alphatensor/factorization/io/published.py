"""The `.npz` layouts of the published AlphaTensor data.

Either a member `'n,m,p'` for each format with the matrices (u, v, w), object arrays allowed, or
one array `factorizations` of shape (N, R, 3, S) or (N, 3, S, R) for a square format. Neither says
the ring.
"""

import math

import numpy as np

from alphatensor import limits, rings
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import parsing
from alphatensor.files import FileError


def parse(path: str, arrays: dict[str, np.ndarray], ring: rings.Ring) -> list[Factorization]:
    """Makes the factorizations that the members of the archive at `path` describe."""
    found, exact, formats = [], 0, set()
    for key, array in arrays.items():
        where = f"entry {key!r:.60}"
        if key == "factorizations":
            found.extend(parse_stack(path, array, ring))
            continue
        sizes = parsing.sizes(key.split(",", 3), path, key)
        formats.add(sizes)
        if sum(math.prod(s) ** 2 for s in formats) > limits.MAX_TENSOR_ENTRIES:
            raise FileError(f"{path}: {where}: the file's tensors are too large together.")
        factors = _matrices(path, where, array)
        exact += sum(map(parsing.exact_count, factors))
        parsing.check_exact(path, exact)
        target = parsing.matmul(path, where, sizes, factors)
        source = parsing.source(path) | {"entry": key} | parsing.RING_ASSUMED
        found.append(parsing.build(path, where, target, ring, factors, source))
    return found


def arrays_of(path: str, fs: list[Factorization]) -> dict[str, np.ndarray]:
    """Returns the members of the archive at `path`: one for each format."""
    arrays = {}
    for f in fs:
        if f.sizes is None or not f.is_integral:
            raise FileError(f"{path}: this layout holds integer matrix multiplications only.")
        key = ",".join(map(str, f.sizes))
        if key in arrays:
            raise FileError(f"{path}: two factorisations of {key}: this layout holds one.")
        arrays[key] = np.empty(3, object)
        arrays[key][:] = list(f.factors)
    return arrays


def _matrices(path: str, where: str, array: np.ndarray) -> list[np.ndarray]:
    """Returns the matrices u, v, w of an entry: of one array, or an object array of three."""
    if array.shape[:1] != (3,) or (array.dtype == object and array.ndim not in (1, 3)):
        raise FileError(f"{path}: {where}: shape {array.shape}: expected matrices u, v, w.")
    if array.dtype == object and array.ndim == 1:
        if not all(isinstance(factor, np.ndarray) for factor in array):
            raise FileError(f"{path}: {where}: expected three matrices u, v, w.")
        if sum(factor.size for factor in array) > limits.MAX_ENTRIES:
            raise FileError(f"{path}: {where}: more than {limits.MAX_ENTRIES} numbers.")
    return list(array)


def parse_stack(path: str, array: np.ndarray, ring: rings.Ring) -> list[Factorization]:
    """Reads a stack (N, R, 3, S) or (N, 3, S, R) of a square format with S = n²."""
    parsing.check_exact(path, parsing.exact_count(array))
    if array.ndim == 4 and array.shape[2] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[1] != 3 or array.dtype.kind not in "iufc":
        raise FileError(
            f"{path}: entry 'factorizations': {array.dtype} of shape {array.shape}: expected "
            "numbers of shape (N, R, 3, S) or (N, 3, S, R)."
        )
    if not 1 <= len(array) <= limits.MAX_FACTORIZATIONS:
        raise FileError(
            f"{path}: {len(array)} factorisations: expected 1 to {limits.MAX_FACTORIZATIONS}."
        )
    n = math.isqrt(array.shape[2])
    if n * n != array.shape[2]:
        raise FileError(f"{path}: entry 'factorizations': {array.shape[2]} is not a square.")
    sizes = parsing.sizes((n, n, n), path, "factorizations")
    target = parsing.matmul(path, "factorizations", sizes, array[0])
    source = parsing.source(path) | parsing.RING_ASSUMED
    return [
        parsing.build(path, f"factorization {i}", target, ring, tuple(uvw), source | {"entry": i})
        for i, uvw in enumerate(array)
    ]
