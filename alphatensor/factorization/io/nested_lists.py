"""Matrices as nested lists: Mathematica's `.m` and Maple's `.mpl`.

`.m` holds R triples of matrices U (n×m), V (m×p) and W (p×n, the trace form), or several such
lists in one:

    {{{{1, 0}, {0, 1}}, {{1, 0}, {0, 1}}, {{1, 0}, {0, 1}}}, …}

`.mpl` holds the same as `TriadSet([Triad([Matrix(2, 2, [[1,0],[0,1]]), …, …]), …])`, or three
matrices L (R × nm), R (R × mp) and P (np × R) as in `.sms`, by rows or by columns of
A, B and C. Neither says the ring.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from alphatensor import limits, rings
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import expressions, layouts, parsing
from alphatensor.files import FileError

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_ENTRY = re.compile(r"[^\[\],]+")
_NUMBERS = r"[-+*/0-9.I,\[\]\s()]*?"
_MATRIX = re.compile(rf"Matrix\s*\([0-9\s]*,[0-9\s]*,\s*(\[\s*\[{_NUMBERS}\]\s*\])\s*\)")
_BARE = re.compile(rf"\[\s*\[{_NUMBERS}\]\s*\]")


def parse_mathematica(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads every algorithm in the text of the `.m` file at `path`."""
    start = text.find("{")
    listed = text[start:].strip().rstrip(";").translate({ord("{"): "[", ord("}"): "]"})
    value = _read(path, listed)
    depth, inner = 0, value
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    if depth not in (4, 5):
        raise FileError(f"{path}: lists {depth} deep: expected R triples of matrices, 4 deep.")
    if len(value if depth == 5 else [value]) > limits.MAX_FACTORIZATIONS:
        raise FileError(f"{path}: more than {limits.MAX_FACTORIZATIONS} factorisations.")
    return [_of_triples(path, x, ring) for x in (value if depth == 5 else [value])]


def parse_maple(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads the algorithm in the text of the `.mpl` file at `path`."""
    matrices = [_read(path, found) for found in _MATRIX.findall(text)]
    if matrices:
        if len(matrices) % 3:
            raise FileError(f"{path}: {len(matrices)} matrices: expected three for each triad.")
        triples = [matrices[k : k + 3] for k in range(0, len(matrices), 3)]
        return [_of_triples(path, triples, ring)]
    matrices = [_read(path, found) for found in _BARE.findall(text)]
    if len(matrices) != 3:
        raise FileError(f"{path}: {len(matrices)} matrices of numbers: expected L, R and P.")
    return [_of_lrp(path, [_array(path, x, 2) for x in matrices], ring)]


def mathematica_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the `.m` file at `path` that holds the algorithms."""
    texts = [_joined([_joined(map(_rows, t)) for t in zip(*_matrices(f), strict=True)]) for f in fs]
    listed = _joined(texts) if len(texts) > 1 else texts[0]
    return listed.translate({ord("["): "{", ord("]"): "}"}) + "\n"


def maple_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the `.mpl` file at `path` that holds one algorithm."""
    n, m, p = fs[0].sizes
    shapes = {"A": (n, m), "B": (m, p), "C": (p, n)}
    lines = []
    for name, (rows, columns) in shapes.items():
        entries = ([f"{name}_{i + 1}_{j + 1}" for j in range(columns)] for i in range(rows))
        lines.append(f"{name}:=Matrix({rows}, {columns}, {_joined(map(_joined, entries))}):")
    triads = []
    for triple in zip(*_matrices(fs[0]), strict=True):
        pairs = zip(triple, shapes.values(), strict=True)
        parts = (f"Matrix({s[0]}, {s[1]}, {_rows(x)})" for x, s in pairs)
        triads.append(f"Triad([{', '.join(parts)}])")
    return "\n".join([*lines, f"Tensor:=TriadSet([{', '.join(triads)}]):", ""])


def _matrices(f: Factorization) -> Sequence[np.ndarray]:
    return transforms.matrices(f)


def _joined(parts) -> str:
    return "[" + ",".join(parts) + "]"


def _rows(matrix: np.ndarray) -> str:
    return _joined(_joined(map(str, row)) for row in matrix.tolist())


def _read(path: str, listed: str) -> list:
    """Reads nested lists in brackets; entries that are no small integers become texts."""
    commas = listed.count(",")
    if commas > limits.MAX_ENTRIES:
        raise FileError(f"{path}: {commas} numbers: at most {limits.MAX_ENTRIES}.")
    if re.search(r"[^-0-9,\[\]\s]", listed):
        listed = _ENTRY.sub(_quoted, listed)
    return parsing.read_json(listed, path)


def _quoted(match: re.Match) -> str:
    entry = match[0].strip()
    if not entry or _INTEGER.fullmatch(entry):
        return entry
    return '"' + entry.replace("\\", "?").replace('"', "?").replace("\n", " ") + '"'


def _array(path: str, value: list, dimensions: int) -> np.ndarray:
    """Returns nested lists of one shape as an array of exact numbers."""
    shape, inner = [], value
    for _ in range(dimensions):
        if not isinstance(inner, list) or not inner:
            raise FileError(f"{path}: expected matrices of numbers.")
        shape.append(len(inner))
        inner = inner[0]
    flat = value
    for length in shape[1:]:
        if not all(isinstance(x, list) and len(x) == length for x in flat):
            raise FileError(f"{path}: rows or matrices of different sizes.")
        flat = [y for x in flat for y in x]
    if all(type(x) is int and -(2**63) < x < 2**63 for x in flat):
        return np.array(flat, np.int64).reshape(shape)
    parsing.check_exact(path, len(flat))
    exact = np.empty(len(flat), object)
    exact[:] = [_number(x, f"{path}: number {k}") for k, x in enumerate(flat)]
    return exact.reshape(shape)


def _number(x, where: str) -> expressions.Number:
    if isinstance(x, str):
        return expressions.constant(x, where)
    return parsing.number(x, where)


def _of_triples(path: str, triples: list, ring: rings.Ring) -> Factorization:
    """Makes an algorithm of R triples of matrices."""
    if not all(isinstance(x, list) and len(x) == 3 for x in triples):
        raise FileError(f"{path}: expected three matrices for each multiplication.")
    if len(triples) > limits.MAX_RANK:
        raise FileError(f"{path}: rank {len(triples)}: at most {limits.MAX_RANK}.")
    u, v, w = (_array(path, [x[k] for x in triples], 3) for k in range(3))
    (_, n, m), (_, inner, p), last = u.shape, v.shape, w.shape
    if inner != m or last[1:] != (p, n):
        shapes = ", ".join(f"{x.shape[1]}×{x.shape[2]}" for x in (u, v, w))
        raise FileError(f"{path}: matrices {shapes}: expected n×m, m×p and p×n.")
    sizes = parsing.sizes((n, m, p), path, "matrices")
    factors = [x.reshape(len(triples), -1).T for x in (u, v, w)]
    return parsing.algorithm(path, "matrices", sizes, ring, factors)


def _of_lrp(path: str, matrices: list[np.ndarray], ring: rings.Ring) -> Factorization:
    """Makes an algorithm of L, R and P, by rows or columns, whichever is exact."""
    left, right, post = matrices
    n, m, p = sizes = parsing.sizes_of(path, left.shape[1], right.shape[1], post.shape[0])
    by_rows = left.T, right.T, transforms.transposed_rows(post, n, p)
    turn: Callable = transforms.transposed_rows
    by_columns = turn(left.T, m, n), turn(right.T, p, m), by_rows[2]
    candidates = [by_rows, by_columns, (*by_rows[:2], post), (*by_columns[:2], post)]
    made = (parsing.algorithm(path, "L, R, P", sizes, ring, x) for x in candidates)
    return layouts.first_exact(path, made)
