"""Plain text with numbers alone: `n m p rank`, then U, V and W, a row for each multiplication.

    2 2 2 7
    1 0 0 1  0 0 1 1  …        7 times 4 numbers of U, then of V and of W (in the trace form)

White space divides the numbers, wherever lines end. Fractions are `1/2`, or every number is a
numerator followed by its denominator. Several algorithms follow each other, and their number may
come first. The ring is not said.
"""

import re

import numpy as np

from alphatensor import limits, rings
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import expressions, parsing
from alphatensor.files import FileError

_UNLIKE_INT64 = re.compile(r"[^-0-9\s]|[0-9]-|-(?![0-9])|[0-9]{19}")


def parse(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads every algorithm in the text of the file at `path`."""
    text = re.sub(r"#[^\n]*", "", text).strip()
    numbers = _numbers(path, text)
    count = None
    if len(text.split("\n", 1)[0].split()) == 1:  # how many follow
        count, numbers = int(numbers[0]), numbers[1:]
    for step in (1, 2):  # numbers, or numerators and denominators
        found = _algorithms(path, numbers, ring, step)
        if found is not None and count in (None, len(found)):
            return found
    expected = "n m p rank and then as many numbers as U, V and W have"
    raise FileError(f"{path}: {len(numbers)} numbers: expected {expected}.")


def text_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the file at `path` that holds the algorithms."""
    texts = [f"{len(fs)}"] if len(fs) > 1 else []
    has_fractions = not all(f.is_integral for f in fs)
    for f in fs:
        if not f.is_real:
            raise FileError(f"{path}: this format holds real coefficients.")
        texts.append(" ".join(map(str, (*f.sizes, f.rank))))
        for factor in f.factors:
            numbers = factor.T.reshape(-1).tolist()
            if has_fractions:
                numbers = [y for x in numbers for y in (x.numerator, x.denominator)]
            texts.append(" ".join(map(str, numbers)))
    return "\n".join(texts) + "\n"


def _numbers(path: str, text: str) -> np.ndarray:
    """Returns all numbers: int64 where they are such integers."""
    if not _UNLIKE_INT64.search(text):
        return np.fromstring(text, np.int64, sep=" ")
    parsing.check_exact(path, text.count(" ") + text.count("\n"))
    words = text.split()
    parsing.check_exact(path, len(words))
    numbers = np.empty(len(words), object)
    numbers[:] = [expressions.constant(x, f"{path}: number {k}") for k, x in enumerate(words)]
    return numbers


def _algorithms(
    path: str, numbers: np.ndarray, ring: rings.Ring, step: int
) -> list[Factorization] | None:
    """Reads algorithms whose entries take `step` numbers each; None where they do not fit."""
    found: list[Factorization] = []
    place = 0
    while place < len(numbers):
        header = [x for x in numbers[place : place + 4].tolist() if isinstance(x, int)]
        if len(header) != 4 or not 1 <= header[3] <= limits.MAX_RANK:
            return None
        *sizes, rank = header
        if not all(1 <= s <= limits.MAX_SIZE for s in sizes) and place:
            return None
        n, m, p = sizes = parsing.sizes(sizes, path, "n m p")
        place += 4
        factors = []
        for rows in (n * m, m * p, p * n):
            block = numbers[place : place + rows * rank * step]
            place += rows * rank * step
            if len(block) < rows * rank * step:
                return None
            if step == 2:
                block = _fractions(path, *block.reshape(-1, 2).T)
            factors.append(block.reshape(rank, rows).T)
        if len(found) == limits.MAX_FACTORIZATIONS:
            raise FileError(f"{path}: more than {limits.MAX_FACTORIZATIONS} factorisations.")
        found.append(parsing.algorithm(path, f"algorithm {len(found)}", sizes, ring, factors))
    return found or None


def _fractions(path: str, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    if below.dtype != object and np.all(below == 1):
        return above
    parsing.check_exact(path, above.size)
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    result = np.empty(above.size, object)
    result[:] = [parsing.quotient(a, b, path) for a, b in pairs]
    return result
