"""The JSON of the FastMatrixMultiplication collection: one matrix multiplication in a file.

The object has `n` (the three sizes), `m` (the rank), `z2` (whether it is mod 2) and `u`, `v`, `w`,
each a list with a row for each multiplication.
"""

import json
import os

import numpy as np

from alphatensor import files, limits, rings
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import parsing
from alphatensor.files import FileError


def load(path: str) -> Factorization:
    """Reads the one factorization of a file; raises `FileError`."""
    data = parsing.read_json(files.read_text(path, limits.MAX_TEXT_BYTES), path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: expected an object with n, m, u, v, w.")
    parts = data.get("n")
    if not isinstance(parts, list):
        raise FileError(f"{path}: field 'n': expected three sizes.")
    sizes = parsing.sizes(parts, path, "n")
    ring = rings.IntegersMod(2) if data.get("z2") is True else rings.Integers()
    factors = [_matrix(data.get(name), path, name).T for name in "uvw"]
    parsing.check_exact(path, sum(map(parsing.exact_count, factors)))
    target = parsing.matmul(path, "u, v, w", sizes, factors)
    source = {"method": "file", "file": os.path.basename(path)}
    f = parsing.build(path, "u, v, w", target, ring, factors, source)
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


def _matrix(rows, path: str, name: str) -> np.ndarray:
    """Reads a list of rows into an array: int64 where all numbers are such integers."""
    where = f"{path}: field {name!r}"
    if not isinstance(rows, list) or not rows or not all(isinstance(r, list) for r in rows):
        raise FileError(f"{where}: expected a list of rows.")
    if len({len(r) for r in rows}) != 1:
        raise FileError(f"{where}: rows of different lengths.")
    if all(type(x) is int and -(2**63) < x < 2**63 for row in rows for x in row):
        return np.array(rows, np.int64).reshape(len(rows), -1)
    parsing.check_exact(path, len(rows) * len(rows[0]))
    matrix = np.empty((len(rows), len(rows[0])), object)
    for i, row in enumerate(rows):
        for j, x in enumerate(row):
            matrix[i, j] = parsing.number(x, f"{where}: row {i}, column {j}")
    return matrix
