"""PLinOpt's sparse matrix triples: L (R × nm), R (R × mp) and P (np × R) as `.sms` text.

A file is a header `rows cols R`, lines `row column value` counted from 1, and a closing `0 0 0`;
`#` starts a comment. P acts on the products and yields C row by row, so it is our w with the two
indices of C exchanged. The sizes follow from the three shapes: n² = (nm)(np)/(mp).
"""

import io
import re
from fractions import Fraction

import numpy as np

from alphatensor import files, limits, rings
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import parsing, slp
from alphatensor.files import FileError

Number = int | Fraction

_INDEX = re.compile(r"[0-9]{1,7}")


def parse(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads the three files of which `path` (`..._L.sms`, `_R.sms` or `_P.sms`) is one."""
    tables = []
    for part in slp.parts(path, ".sms"):
        content = files.read_text(part, limits.MAX_TEXT_BYTES) if part != path else text
        tables.append(_table(part, content))
    (rank, nm), (right_rank, mp), (np_, post_rank) = (shape for shape, _ in tables)
    if not rank == right_rank == post_rank:
        raise FileError(f"{path}: L, R, P have {rank}, {right_rank}, {post_rank} products.")
    n, _, p = sizes = parsing.sizes_of(path, nm, mp, np_)
    if rank > limits.MAX_RANK or rank * (nm + mp + np_) > limits.MAX_ENTRIES:
        raise FileError(
            f"{path}: rank {rank} and {nm + mp + np_} entries: at most rank {limits.MAX_RANK} and "
            f"{limits.MAX_ENTRIES} numbers."
        )
    left, right, post = (parsing.dense(path, *table) for table in tables)
    factors = (left.T, right.T, transforms.transposed_rows(post, n, p))
    return [parsing.algorithm(path, "L, R, P", sizes, ring, factors)]


def texts_of(path: str, fs: list[Factorization]) -> dict[str, str]:
    """Returns the contents of the three files that hold one algorithm, by path."""
    f = fs[0]
    matrices = (f.u.T, f.v.T, transforms.row_major_w(f))
    parts = slp.parts(path, ".sms")
    return {part: _text(matrix) for part, matrix in zip(parts, matrices, strict=True)}


def _text(matrix: np.ndarray) -> str:
    rows, cols = matrix.shape
    entries = [f"{i + 1} {j + 1} {matrix[i, j]}" for i, j in np.argwhere(matrix != 0)]
    return "\n".join([f"{rows} {cols} R", *entries, "0 0 0", ""])


def _table(
    path: str, content: str
) -> tuple[tuple[int, int], dict[tuple[int, int], int | Fraction]]:
    """Reads one file's text; returns its shape and its entries by row and column from 0."""
    text = io.StringIO(content)
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
