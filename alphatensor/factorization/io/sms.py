"""PLinOpt's sparse matrix triples: L (R × nm), R (R × mp) and P (np × R) as `.sms` text.

A file is a header `rows cols R`, lines `row column value` counted from 1, and a closing `0 0 0`;
`#` starts a comment. P acts on the products and yields C row by row, so it is our w with the two
indices of C exchanged. The sizes follow from the three shapes: n² = (nm)(np)/(mp).
"""

import io
import math
import os
import re
from fractions import Fraction

import numpy as np

from alphatensor import files, limits, rings
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import parsing
from alphatensor.files import FileError

_INDEX = re.compile(r"[0-9]{1,7}")


def load(path: str, ring: rings.Ring) -> Factorization:
    """Reads the three files of which `path` (`..._L.sms`, `_R.sms` or `_P.sms`) is one."""
    tables = [_table(part) for part in _parts(path)]
    (rank, nm), (right_rank, mp), (np_, post_rank) = (shape for shape, _ in tables)
    if not rank == right_rank == post_rank:
        raise FileError(f"{path}: L, R, P have {rank}, {right_rank}, {post_rank} products.")
    n, m, p = (math.isqrt(x) for x in (nm * np_ // mp, nm * mp // np_, mp * np_ // nm))
    if (n * m, m * p, n * p) != (nm, mp, np_):
        raise FileError(f"{path}: L, R, P with {nm}, {mp}, {np_} entries fit no matrix product.")
    sizes = parsing.sizes((n, m, p), path, "L, R, P")
    if rank > limits.MAX_RANK or rank * (nm + mp + np_) > limits.MAX_ENTRIES:
        raise FileError(
            f"{path}: rank {rank} of {n}x{m}x{p}: at most rank {limits.MAX_RANK} and "
            f"{limits.MAX_ENTRIES} numbers."
        )
    left, right, post = (_dense(path, *table) for table in tables)
    factors = (left.T, right.T, transforms.transposed_rows(post, n, p))
    parsing.check_exact(path, sum(map(parsing.exact_count, factors)))
    target = parsing.matmul(path, "L, R, P", sizes, factors)
    source = {"method": "file", "file": os.path.basename(path)}
    return parsing.build(path, "L, R, P", target, ring, factors, source)


def texts_of(path: str, f: Factorization) -> dict[str, str]:
    """Returns the contents of the three files that hold `f`, by path."""
    matrices = (f.u.T, f.v.T, transforms.row_major_w(f))
    return {part: _text(matrix) for part, matrix in zip(_parts(path), matrices, strict=True)}


def _parts(path: str) -> list[str]:
    stem = re.sub(r"_[LRP]\.sms$", "", path)
    if stem == path:
        raise FileError(f"{path}: expected a name that ends in _L.sms, _R.sms or _P.sms.")
    return [f"{stem}_{letter}.sms" for letter in "LRP"]


def _text(matrix: np.ndarray) -> str:
    rows, cols = matrix.shape
    entries = [f"{i + 1} {j + 1} {matrix[i, j]}" for i, j in np.argwhere(matrix != 0)]
    return "\n".join([f"{rows} {cols} R", *entries, "0 0 0", ""])


def _table(path: str) -> tuple[tuple[int, int], dict[tuple[int, int], int | Fraction]]:
    """Reads one file; returns its shape and its entries by row and column from 0."""
    text = io.StringIO(files.read_text(path, limits.MAX_TEXT_BYTES))
    lines = (line for line in (x.split("#")[0].split(maxsplit=3) for x in text) if line)
    header = next(lines, [])
    if len(header) != 3 or not all(map(_INDEX.fullmatch, header[:2])):
        raise FileError(f"{path}: expected a header such as '7 4 R'.")
    rows, cols = map(int, header[:2])
    if not 1 <= rows * cols <= limits.MAX_ENTRIES:
        raise FileError(f"{path}: {rows} × {cols} entries: out of range.")
    entries = {}
    for line in lines:
        if line == ["0", "0", "0"]:
            break
        if len(line) != 3 or not all(map(_INDEX.fullmatch, line[:2])):
            shown = " ".join(line)
            raise FileError(f"{path}: line {shown!r:.60}: expected 'row column value'.")
        i, j = int(line[0]), int(line[1])
        if not (1 <= i <= rows and 1 <= j <= cols):
            raise FileError(f"{path}: entry {i} {j} lies outside of {rows} × {cols}.")
        if (i - 1, j - 1) in entries:
            raise FileError(f"{path}: entry {i} {j} is there twice.")
        entries[i - 1, j - 1] = parsing.number(line[2], f"{path}: entry {i} {j}")
        parsing.check_exact(path, len(entries))
    else:
        raise FileError(f"{path}: the closing line '0 0 0' is missing.")
    if next(lines, None) is not None:
        raise FileError(f"{path}: text after the closing line '0 0 0'.")
    return (rows, cols), entries


def _dense(path: str, shape: tuple[int, int], entries: dict) -> np.ndarray:
    """Returns a matrix with these entries and zeros: int64 where that holds them."""
    is_small = all(isinstance(x, int) and abs(x) < 2**63 for x in entries.values())
    if not is_small:
        parsing.check_exact(path, math.prod(shape))
    matrix = np.zeros(shape, np.int64 if is_small else object)
    for place, x in entries.items():
        matrix[place] = x
    return matrix
