"""`.exp` text: a line for each multiplication, a product of sums of entries of A, B and C.

    (a11 + a22)*(b11 + b22)*(c11 + c22)
    (-3*(a21 - a22))*(b11)*(c12 - c22)/9

`cki` stands for the entry of C in row i and column k, as in the trace form. An empty line divides
two algorithms. The sizes are the largest indices; beyond 9 a name is written `a1_10`. The ring is
not said.
"""

import re

from alphatensor import limits, rings
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import code, expressions, parsing
from alphatensor.files import FileError

_NAME = re.compile(r"([abc])_?(?:([1-9])([1-9])|([0-9]{1,2})_([0-9]{1,2})|\[([0-9]+), *([0-9]+)\])")

Entry = tuple[int, int]


def parse(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads every algorithm in the text of the file at `path`."""
    expressions.check_size(path, len(text))
    blocks: list[list[str]] = [[]]
    for line in parsing.lines(path, text):
        if line.strip():
            blocks[-1].append(line.strip())
        elif blocks[-1]:
            blocks.append([])
    return [_algorithm(path, k, block, ring) for k, block in enumerate(filter(None, blocks))]


def text_of(path: str, fs: list[Factorization]) -> str:
    """Returns the content of the file at `path` that holds the algorithms."""
    return "\n".join(_text(f) for f in fs)


def _text(f: Factorization) -> str:
    n, m, p = f.sizes
    gap = "" if max(f.sizes) < 10 else "_"
    shapes = {"a": (n, m), "b": (m, p), "c": (p, n)}
    names = [
        [f"{x}{i + 1}{gap}{j + 1}" for i in range(rows) for j in range(columns)]
        for x, (rows, columns) in shapes.items()
    ]
    lines = []
    for term in zip(*(factor.T for factor in f.factors), strict=True):
        sums = (code.combination(x, y, zero=f"0*{y[0]}") for x, y in zip(term, names, strict=True))
        lines.append("*".join(f"({x})" for x in sums))
    return "\n".join(lines) + "\n"


def _algorithm(path: str, number: int, lines: list[str], ring: rings.Ring) -> Factorization:
    where = f"{path}: algorithm {number}" if number else path
    if len(lines) > limits.MAX_RANK:
        raise FileError(f"{where}: rank {len(lines)}: at most {limits.MAX_RANK}.")
    terms = [_term(f"{where}: line {k + 1}", line) for k, line in enumerate(lines)]
    largest = {x: (0, 0) for x in "abc"}
    for term in terms:
        for letter, entries in term.items():
            for i, j in entries:
                rows, columns = largest[letter]
                largest[letter] = max(rows, i), max(columns, j)
    a, b, c = largest.values()
    sizes = parsing.sizes((max(a[0], c[1]), max(a[1], b[0]), max(b[1], c[0])), path, "products")
    n, m, p = sizes
    factors = []
    for letter, rows, columns in (("a", n, m), ("b", m, p), ("c", p, n)):
        entries = {
            ((i - 1) * columns + j - 1, r): x
            for r, term in enumerate(terms)
            for (i, j), x in term.get(letter, {}).items()
        }
        factors.append(parsing.dense(path, (rows * columns, len(terms)), entries))
    return parsing.algorithm(path, f"algorithm {number}", sizes, ring, factors)


def _term(where: str, line: str) -> dict[str, dict[Entry, expressions.Number]]:
    """Reads one line: for each letter the coefficients of its entries, counted from 1."""
    scale, forms = expressions.product(line, where)
    found: dict[str, dict[Entry, expressions.Number]] = {}
    for form in forms:
        entries: dict[Entry, expressions.Number] = {}
        letters = set()
        for name, x in form.items():
            match = _NAME.fullmatch(name.lower())
            if match is None:
                raise FileError(f"{where}: {name!r:.40}: expected an entry such as a12 or c1_10.")
            i, j = (int(x) for x in match.groups()[1:] if x)
            if not (1 <= i <= limits.MAX_SIZE and 1 <= j <= limits.MAX_SIZE):
                raise FileError(f"{where}: {name!r:.40}: indices from 1 to {limits.MAX_SIZE}.")
            letters.add(match[1])
            entries[i, j] = x
        if len(letters) != 1 or letters & found.keys():
            raise FileError(f"{where}: expected a sum of each of a, b and c.")
        found[letters.pop()] = entries
    if len(found) != 3:
        raise FileError(f"{where}: expected a product of three sums, of a, b and c.")
    found["c"] = {place: x * scale for place, x in found["c"].items()}
    return found
