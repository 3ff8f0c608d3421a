"""The `.npz` layouts of the published AlphaTensor data.

Either a member `'n,m,p'` for each format with the matrices (u, v, w), object arrays allowed, or
one array `factorizations` of shape (N, R, 3, S) or (N, 3, S, R) for a square format. Neither says
the ring.
"""

import math
import os

import numpy as np

from alphatensor import rings
from alphatensor.factorization.core import Factorization, exact_array, matmul_target
from alphatensor.factorization.io.parsing import FileError, build, sizes


def parse(path: str, arrays: dict[str, np.ndarray], ring: rings.Ring) -> list[Factorization]:
    """Makes the factorizations that the members of the archive at `path` describe."""
    found = []
    for key, array in arrays.items():
        where = f"entry {key!r}"
        if key == "factorizations":
            found.extend(_parse_stack(path, array, ring))
            continue
        format_ = sizes(key.split(","), path, key)
        if array.shape[:1] != (3,) or (array.dtype == object and array.ndim not in (1, 3)):
            raise FileError(f"{path}: {where}: shape {array.shape}: expected matrices u, v, w.")
        if (
            array.dtype == object
            and array.ndim == 1
            and not all(isinstance(factor, np.ndarray) for factor in array)
        ):
            raise FileError(f"{path}: {where}: expected three matrices u, v, w.")
        source = {"method": "file", "file": os.path.basename(path), "entry": key}
        found.append(build(path, where, matmul_target(*format_), ring, tuple(array), source))
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


def _parse_stack(path: str, array: np.ndarray, ring: rings.Ring) -> list[Factorization]:
    """Reads `factorizations`: (N, R, 3, S) or (N, 3, S, R), of a square format with S = n²."""
    if array.ndim == 4 and array.shape[2] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise FileError(
            f"{path}: entry 'factorizations': {array.dtype} of shape {array.shape}: expected "
            "numbers of shape (N, R, 3, S) or (N, 3, S, R)."
        )
    n = math.isqrt(array.shape[2])
    if n * n != array.shape[2]:
        raise FileError(f"{path}: entry 'factorizations': {array.shape[2]} is not a square.")
    target = matmul_target(*sizes((n, n, n), path, "factorizations"))
    try:
        array = exact_array(array, "factorizations")
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    return [
        build(path, f"factorization {i}", target, ring, tuple(uvw), {"method": "file", "entry": i})
        for i, uvw in enumerate(array)
    ]
