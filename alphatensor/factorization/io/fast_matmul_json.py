"""The JSON of the FastMatrixMultiplication collection: one matrix multiplication in a file.

The object has `n` (the three sizes), `m` (the rank), `z2` (whether it is mod 2) and `u`, `v`, `w`,
each a list with a row for each multiplication.
"""

import json
import os

import numpy as np

from alphatensor import rings
from alphatensor.factorization.core import Factorization, matmul_target
from alphatensor.factorization.io.parsing import FileError, build, number, sizes

MAX_BYTES = 2**28


def load(path: str) -> Factorization:
    """Reads the one factorization of a file; raises `FileError`."""
    data = _read(path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: expected an object with n, m, u, v, w.")
    parts = data.get("n")
    if not isinstance(parts, list):
        raise FileError(f"{path}: field 'n': expected three sizes.")
    target = matmul_target(*sizes(parts, path, "n"))
    ring = rings.IntegersMod(2) if data.get("z2") is True else rings.Integers()
    factors = [_matrix(data.get(name), path, name).T for name in "uvw"]
    source = {"method": "file", "file": os.path.basename(path)}
    f = build(path, "u, v, w", target, ring, factors, source)
    if data.get("m", f.rank) != f.rank:
        raise FileError(f"{path}: field 'm' is {data['m']!r:.40}, but u has {f.rank} rows.")
    return f


def text_of(path: str, f: Factorization) -> str:
    """Returns the content of the file at `path` that holds `f`."""
    if f.domain not in ("Z", "Z2", "Q"):
        raise FileError(f"{path}: ring {f.ring}: this format holds Z, Q and Z2.")
    fields = {"n": json.dumps(f.sizes), "m": str(f.rank), "z2": json.dumps(f.ring.modulus == 2)}
    for name, factor in zip("uvw", f.factors, strict=True):
        rows = [[x if isinstance(x, int) else str(x) for x in row] for row in factor.T.tolist()]
        fields[name] = "[\n    " + ",\n    ".join(map(json.dumps, rows)) + "\n  ]"
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in fields.items()) + "\n}\n"


def _read(path: str):
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise FileError(f"{path}: larger than {MAX_BYTES} bytes.")
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: not JSON ({' '.join(str(error).split())[:100]}).") from None


def _matrix(rows, path: str, name: str) -> np.ndarray:
    where = f"{path}: field {name!r}"
    if not isinstance(rows, list) or not rows or not all(isinstance(r, list) for r in rows):
        raise FileError(f"{where}: expected a list of rows.")
    if len({len(r) for r in rows}) != 1:
        raise FileError(f"{where}: rows of different lengths.")
    matrix = np.empty((len(rows), len(rows[0])), object)
    for (i, j), _ in np.ndenumerate(matrix):
        matrix[i, j] = number(rows[i][j], f"{where}: row {i}, column {j}")
    return matrix
