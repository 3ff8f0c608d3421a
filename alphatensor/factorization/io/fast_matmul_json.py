"""The JSON of the FastMatrixMultiplication collection: one matrix multiplication in a file.

The object has `n` (the three sizes), `m` (the rank), `z2` (whether it is mod 2) and `u`, `v`, `w`,
each a list with a row for each multiplication. Other rings are not said. Of another target that has
a name the object has that instead, as `target`: here the project goes beyond the collection.

The reduced form says how the sums are formed with shared sums. `u_fresh` and so on list the shared
ones, whose symbols come after the inputs; a row of `u`, `v` is then the sum of a multiplication, a
row of `w` that of an entry of C, in the trace form's order, and each is a list of terms:

    "u_fresh": [[{"index": 0, "value": 1}, {"index": 3, "value": -1}]],
    "u": [[{"index": 4, "value": 1}], …]

Its program, and so its number of additions, stay with the algorithm (`analysis.programs`).
"""

import json
from typing import Any

import numpy as np

from alphatensor import limits, rings, targets
from alphatensor.factorization.analysis import costs, programs, straight_line
from alphatensor.factorization.analysis.programs import Program
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import expressions, parsing
from alphatensor.files import FileError


def parse(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads the one factorization in the text of the file at `path`; raises `FileError`."""
    data = parsing.read_json(text, path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: expected an object with n, m, u, v, w.")
    if "target" in data and "n" not in data:
        return [_of_target(path, data, ring)]
    sizes_ = data.get("n")
    if not isinstance(sizes_, list):
        raise FileError(f"{path}: field 'n': expected three sizes.")
    sizes = parsing.sizes(sizes_, path, "n")
    source = parsing.source(path)
    if any(f"{name}_fresh" in data for name in "uvw"):
        found = _programs(path, data, sizes)
        factors = _evaluated(path, found)
        source["programs"] = programs.record(found)
    else:
        factors = [_matrix(data.get(name), path, name).T for name in "uvw"]
    target = parsing.matmul(path, "u, v, w", sizes, factors)
    return [_built(path, data, target, ring, factors, source)]


def _of_target(path: str, data: dict[str, Any], ring: rings.Ring) -> Factorization:
    """Reads the algorithm of a target that is no format."""
    name = data["target"]
    if not isinstance(name, str) or not targets.means_known(name):
        raise FileError(f"{path}: field 'target': {name!r:.40}, expected a name such as 'ug4'.")
    try:
        target = targets.named(name)
    except ValueError as error:
        raise FileError(f"{path}: field 'target': {error}") from None
    factors = [_matrix(data.get(name), path, name).T for name in "uvw"]
    return _built(path, data, target, ring, factors, parsing.source(path))


def _built(
    path: str,
    data: dict[str, Any],
    target: targets.Target,
    ring: rings.Ring,
    factors: list[np.ndarray],
    source: dict[str, Any],
) -> Factorization:
    """Makes the algorithm of an object, whose ring and rank it checks."""
    parsing.check_exact(path, sum(map(parsing.exact_count, factors)))
    is_mod2 = data.get("z2") is True
    source |= {} if is_mod2 else parsing.RING_ASSUMED
    ring = rings.IntegersMod(2) if is_mod2 else ring
    f = parsing.build(path, "u, v, w", target, ring, factors, source)
    if data.get("m", f.rank) != f.rank:
        raise FileError(f"{path}: field 'm' is {data['m']!r:.40}, but u has {f.rank} rows.")
    return f


def text_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the file at `path` that holds one algorithm."""
    f = fs[0]
    fields = _header(path, f)
    for name, factor in zip("uvw", f.factors, strict=True):
        rows = [[x if isinstance(x, int) else str(x) for x in row] for row in factor.T.tolist()]
        fields[name] = _listed(map(json.dumps, rows))
    return _object(fields)


def reduced_text_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the file at `path`: one algorithm, in the reduced form."""
    f = fs[0]
    fields = _header(path, f)
    found = straight_line.soon(f)
    additions = {
        "naive": costs.additions_naive(f),
        "reduced": sum(len(program.steps) for program in found),
    }
    fields["complexity"] = json.dumps(additions)
    for name, program in zip("uvw", found, strict=True):
        shared = [_terms([(i, 1), (j, c)]) for i, j, c in program.steps]
        rows = [_terms([x] if x[0] >= 0 else []) for x in program.outputs]
        fields[f"{name}_fresh"] = _listed(shared)
        fields[name] = _listed(rows)
    return _object(fields)


def _header(path: str, f: Factorization) -> dict[str, str]:
    if f.ring.modulus not in (0, 2):
        raise FileError(f"{path}: ring {f.ring}: this format holds Z, Q and Z2.")
    target = {"n": json.dumps(f.sizes)} if f.sizes else {"target": json.dumps(f.target.name)}
    return target | {"m": str(f.rank), "z2": json.dumps(f.ring.modulus == 2)}


def _terms(terms: list[tuple[int, programs.Number]]) -> str:
    return json.dumps(
        [{"index": i, "value": x if isinstance(x, int) else str(x)} for i, x in terms]
    )


def _listed(rows) -> str:
    return "[\n    " + ",\n    ".join(rows) + "\n  ]"


def _object(fields: dict[str, str]) -> str:
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
            matrix[i, j] = _number(x, f"{where}: row {i}, column {j}")
    return matrix


def _number(x: Any, where: str) -> expressions.Number:
    if isinstance(x, str) and "I" in x:
        return expressions.constant(x, where)
    return parsing.number(x, where)


def _programs(path: str, data: dict[str, Any], sizes: targets.Sizes) -> list[Program]:
    """Reads the three programs of the reduced form."""
    n, m, p = sizes
    rank = data.get("m")
    if not isinstance(rank, int) or not 1 <= rank <= limits.MAX_RANK:
        raise FileError(f"{path}: field 'm': expected a rank from 1 to {limits.MAX_RANK}.")
    found = []
    for name, inputs, rows in (("u", n * m, rank), ("v", m * p, rank), ("w", rank, p * n)):
        shared, sums = (_sums(path, data.get(key, []), key) for key in (f"{name}_fresh", name))
        if len(sums) != rows:
            raise FileError(f"{path}: field {name!r}: {len(sums)} rows: expected {rows}.")
        try:
            found.append(programs.build(inputs, shared, sums))
        except ValueError as error:
            raise FileError(f"{path}: field {name!r}: {error}") from None
    return found


def _sums(path: str, rows: Any, name: str) -> list[list[tuple[int, programs.Number]]]:
    where = f"{path}: field {name!r}"
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise FileError(f"{where}: expected a list of sums.")
    sums = []
    for k, row in enumerate(rows):
        terms = []
        for term in row:
            index = term.get("index") if isinstance(term, dict) else None
            if type(index) is not int:
                raise FileError(f"{where}: sum {k}: expected terms with an index and a value.")
            terms.append((index, parsing.number(term.get("value"), f"{where}: sum {k}")))
        sums.append(terms)
    return sums


def _evaluated(path: str, found: list[Program]) -> list[np.ndarray]:
    try:
        u, v, w = (parsing.compact(path, programs.matrix(program)) for program in found)
    except ValueError as error:
        raise error if isinstance(error, FileError) else FileError(f"{path}: {error}") from None
    return [u.T, v.T, w]
