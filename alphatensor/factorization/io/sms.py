"""PLinOpt's sparse matrix triples: L (R × nm), R (R × mp) and P (np × R) as `.sms` text.

A file is a header `rows cols R`, lines `row column value` counted from 1, and a closing `0 0 0`;
`#` starts a comment. P acts on the products and yields C row by row, so it is our w with the two
indices of C exchanged. The sizes follow from the three shapes: n² = (nm)(np)/(mp).
"""

import math
import os
import re

import numpy as np

from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization, matmul_target
from alphatensor.factorization.io.parsing import FileError, build, number

MAX_ENTRIES = 50_000_000


def load(path: str, ring: rings.Ring) -> Factorization:
    """Reads the three files of which `path` (`..._L.sms`, `_R.sms` or `_P.sms`) is one."""
    left, right, post = (_matrix(part) for part in _parts(path))
    if not left.shape[0] == right.shape[0] == post.shape[1]:
        raise FileError(
            f"{path}: L, R, P have {left.shape[0]}, {right.shape[0]}, {post.shape[1]} products."
        )
    nm, mp, np_ = left.shape[1], right.shape[1], post.shape[0]
    n, m, p = (math.isqrt(x) for x in (nm * np_ // mp, nm * mp // np_, mp * np_ // nm))
    if (n * m, m * p, n * p) != (nm, mp, np_):
        raise FileError(f"{path}: L, R, P with {nm}, {mp}, {np_} entries fit no matrix product.")
    w = transforms.transposed_rows(post, n, p)
    source = {"method": "file", "file": os.path.basename(path)}
    return build(path, "L, R, P", matmul_target(n, m, p), ring, (left.T, right.T, w), source)


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


def _matrix(path: str) -> np.ndarray:
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("#")[0].split() for line in file]
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file.") from None
    lines = [line for line in lines if line]
    header = lines[0] if lines else []
    if len(header) != 3 or not all(re.fullmatch(r"\d{1,7}", x) for x in header[:2]):
        raise FileError(f"{path}: expected a header such as '7 4 R'.")
    rows, cols = map(int, header[:2])
    if not 1 <= rows * cols <= MAX_ENTRIES:
        raise FileError(f"{path}: {rows} × {cols} entries: out of range.")
    if lines[-1] != ["0", "0", "0"]:
        raise FileError(f"{path}: the closing line '0 0 0' is missing.")
    matrix = np.zeros((rows, cols), object)
    for line in lines[1:-1]:
        if len(line) != 3 or not all(re.fullmatch(r"\d{1,7}", x) for x in line[:2]):
            raise FileError(f"{path}: line {' '.join(line)!r:.60}: expected 'row column value'.")
        i, j = int(line[0]), int(line[1])
        if not (1 <= i <= rows and 1 <= j <= cols):
            raise FileError(f"{path}: entry {i} {j} lies outside of {rows} × {cols}.")
        matrix[i - 1, j - 1] = number(line[2], f"{path}: entry {i} {j}")
    return matrix
