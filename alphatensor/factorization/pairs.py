"""Strassen's algorithm on pairs of indices that share products: n×2×p.

Let a_i be the rows of an n×2 matrix and b_j the columns of a 2×n one. On the rows i, j and the
columns j, i, in this order, Strassen's algorithm computes a_i b_j, a_j b_i and the diagonal in
three products that mix i and j, and in two of each index alone, (x a_i)(x' b_i) and
(y a_i)(y' b_i), whose sum is a_i b_i. The forms x, y of an index are two of three forms that sum to
zero; the one that is left out is its *type*. Pairs of indices of two types share the products of
single indices, so n indices would need 2n products and three for each pair,

    n (3n + 1) / 2,

the number of Hopcroft and Kerr (1971). This holds for pairs of one type too: beside the products of
two indices of one type and of their pairs with an index of the other type, three more are enough
(`ALIKE`). A further column of the second matrix, put to one of the rows as its index is, needs two
products there and three for two other rows, of which one has the type of that row (`COLUMN`).

Both tables were found by flip-graph walks, from 16 and 22 products with those that are to be shared
as outputs beside the sums; they ended at 15 and 20.
"""

import functools
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization.composition import direct_sum
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.textbook import naive, strassen
from alphatensor.factorization.transforms import Matrices, matrices, permute_sizes

FORMS = np.array([[1, 0], [0, 1], [-1, -1]])  # coefficients; any two span all forms
METHOD = "Strassen's algorithm on pairs of indices"
TYPES = 2  # of the three: indices 0, 2, 4 … have the first
# Products and the sums they enter, for rows and columns 0 and 1 of the first type and 2 of the
# second; `COLUMN` has one more column, 3, which is put to row 0.
ALIKE = """
+a00 +a01 | +b00 | -c10
+a01 | +b00 -b10 | -c10
+a10 +a11 | +b01 | -c01
+a11 | +b01 -b11 | -c01
+a01 +a20 | +b00 +b12 | +c10
+a11 +a20 | +b01 +b12 | +c01
+a20 +a21 | +b12 | -c01 -c10
+a01 -a21 | +b10 +b12 | -c01 -c10
+a11 -a21 | +b11 +b12 | -c01 -c10
+a00 +a01 +a10 -a20 | +b00 -b10 -b11 -b12 | +c10
+a00 +a10 +a11 -a20 | +b01 -b10 -b11 -b12 | +c01
+a00 +a01 +a10 +a11 -a20 -a21 | +b10 +b11 +b12 | +c01 +c10
"""
COLUMN = """
+a00 +a01 | +b00 | +c01
+a00 +a01 | +b03 | +c23
+a01 | +b03 -b13 | -c01
+a10 +a11 | +b01 | +c10
+a01 +a20 | +b00 +b12 | -c01
+a11 -a21 | +b11 +b12 | -c23
+a11 | +b00 +b03 -b10 -b13 | -c10
+a11 | +b01 -b11 | +c10 -c13 -c23
+a10 +a11 | +b00 -b01 +b03 | +c13 +c23
+a11 +a20 | +b01 +b12 | -c10 +c13 +c23
+a20 | +b02 -b12 | -c01 -c10 +c13 +c23
+a00 -a20 | +b00 +b02 | -c01 -c10 +c13 +c23
+a10 -a20 | +b01 +b02 | -c01 -c10 +c13 +c23
+a00 +a01 +a10 +a11 -a20 -a21 | +b11 +b12 -b13 | +c23
+a00 +a01 +a10 -a20 | +b03 +b11 +b12 -b13 | +c01 -c23
+a00 +a10 +a11 -a20 | +b00 -b01 +b03 +b11 +b12 -b13 | +c10 -c13 -c23
+a00 +a10 -a20 | +b01 +b02 -b03 -b11 -b12 +b13 | +c01 +c10 -c13 -c23
"""


class _Place(NamedTuple):
    """An index: a row of the first matrix and the column of the second that is put to it."""

    row: int
    column: int

    @property
    def kind(self) -> int:
        """The type."""
        return self.row % TYPES


class _Parts:
    """Algorithms for some entries of the product, as parts of one for all of it."""

    def __init__(self, n: int, p: int):
        self.sizes, self.terms = (n, 2, p), []
        self._rows, self._columns = (np.eye(size, dtype=np.int64) for size in (n, p))

    def add(
        self,
        stacks: Matrices,
        rows: Sequence[int],
        columns: Sequence[int],
        forms: np.ndarray,
        entries: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Adds an algorithm.

        Args:
          stacks: its matrices U, V, W.
          rows: the rows that its own stand for.
          columns: the columns that its own stand for.
          forms: what takes the place of the two entries of a row, int64 [2, 2].
          entries: which entries of the product it has to compute; by default all.
        """
        rows, columns = self._rows[list(rows)], self._columns[list(columns)]
        dual = np.linalg.inv(forms).round().astype(np.int64)  # the determinant is 1 or -1
        u, v, w = stacks
        w = columns.T @ w @ rows
        if entries is not None:
            is_wanted = np.zeros(w.shape[1:], np.int64)
            for row, column in entries:
                is_wanted[column, row] = 1
            w = w * is_wanted
        is_used = w.any(axis=(1, 2))
        products = rows.T @ u @ forms, dual @ v @ columns, w
        self.terms.append([x[is_used].reshape(is_used.sum(), -1) for x in products])

    def result(self, ring: rings.Ring) -> Factorization:
        """Returns the sum of all parts, products that are equal up to sign taken together."""
        u, v, w = (np.concatenate(x) for x in zip(*self.terms, strict=True))
        for x in (u, v):
            signs = np.sign(np.take_along_axis(x, (x != 0).argmax(axis=1)[:, None], axis=1))
            x *= signs
            w *= signs
        products, place = np.unique(np.hstack([u, v]), axis=0, return_inverse=True)
        sums = np.zeros((len(products), w.shape[1]), np.int64)
        np.add.at(sums, place.reshape(-1), w)
        u, v = np.split(products, [u.shape[1]], axis=1)
        columns = (ring.reduce(x.T) for x in (u, v, sums))
        return from_arrays(self.sizes, ring, *columns, {"method": METHOD})


def strassen_pairs(n: int, p: int | None = None, ring: rings.Ring | None = None) -> Factorization:
    """Returns an algorithm for n×2×p, n ≤ p, in about (3n + 1) p / 2 products, see `rank`.

    Beyond p = 2n, n columns are computed at a time.

    Args:
      n: number of rows of the first matrix.
      p: number of columns of the second; by default n.
      ring: the ring of the factorization; by default the integers.

    Raises:
      ValueError: if n is not from 1 to p.
    """
    p, ring = n if p is None else p, ring or rings.Integers()
    if not 1 <= n <= p:
        raise ValueError(f"{n}x2x{p}: expected sizes from 1 on, the first at most the last.")
    if p > 2 * n:
        rest = strassen_pairs(min(n, p - n), max(n, p - n), ring)
        square = strassen_pairs(n, n, ring)
        f = direct_sum(square, permute_sizes(rest, (n, 2, p - n)), "p")
        return f.replace(provenance={"method": METHOD})
    parts = _Parts(n, p)
    square = [_Place(i, i) for i in range(n)]
    further = [_Place(column - n, column) for column in range(n, p)]
    done = {pair for place in further for pair in _add_column(parts, place, square[p - n :])}
    _add_pairs(parts, square, done)
    _add_pairs(parts, further, set())
    return parts.result(ring)


def rank(n: int, p: int) -> int:
    """Returns the rank of `strassen_pairs(n, p)`.

    It is (3n + 1) p / 2, rounded up, where p = n, and for p ≤ 2n where p is even or p = n + 1.
    """
    if p > 2 * n:
        return rank(n, n) + rank(*sorted((n, p - n)))
    further = p - n
    pairs, alone = divmod(n - further, 2)
    squares = sum(k * (3 * k + 1) // 2 for k in (n, further))
    return squares + further * (3 * pairs + 2 * alone)


def _add_pairs(parts: _Parts, places: list[_Place], done: set[tuple[int, int]]) -> None:
    """Adds the diagonal and all pairs of some indices, but for pairs of rows that are done."""
    for i in places:
        _add_dot(parts, i.row, i.column, i.kind)
    for i, j in itertools.combinations(places, 2):
        entries = [(i.row, j.column), (j.row, i.column)]
        if i.kind != j.kind:
            forms = FORMS[[j.kind, i.kind]]
            parts.add(matrices(strassen()), (i.row, j.row), (j.column, i.column), forms, entries)
        elif (i.row, j.row) not in done:
            k = next(k for k in places if k.kind != i.kind)
            rows, columns = zip(i, j, k, strict=True)
            parts.add(_table(ALIKE), rows, columns, FORMS[[i.kind, k.kind]], entries)


def _add_column(parts: _Parts, place: _Place, others: list[_Place]) -> list[tuple[int, int]]:
    """Adds the entries of a further column in some other rows.

    Args:
      parts: what they are added to.
      place: the column, and the row that it is put to.
      others: the other rows, with their own columns.

    Returns:
      The pairs of rows whose entries in the columns of their own were computed beside.
    """
    (row, column), kind = place, place.kind
    alike = [x for x in others if x.kind == kind]
    unlike = [x for x in others if x.kind != kind]
    for i, j in zip(alike, unlike, strict=False):
        entries = [(row, i.column), (i.row, row), (i.row, column), (j.row, column)]
        columns = (row, i.column, j.column, column)
        parts.add(_table(COLUMN), (row, i.row, j.row), columns, FORMS[[kind, j.kind]], entries)
    number = min(len(alike), len(unlike))
    for rest in alike[number:] + unlike[number:]:
        _add_dot(parts, rest.row, column, rest.kind)
    return [(row, i.row) for i in alike[:number]]


def _add_dot(parts: _Parts, row: int, column: int, kind: int) -> None:
    """Adds one entry of the product, by the two forms of a type."""
    dot = matrices(naive((1, 2, 1), rings.Integers()))
    parts.add(dot, [row], [column], np.delete(FORMS, kind, axis=0))


@functools.cache
def _table(text: str) -> Matrices:
    """Returns U, V and W of a table of products."""
    lines = text.split("\n")[1:-1]
    p = 1 + max(int(j) for j in re.findall(r"b\d(\d)", text))
    u, v, w = (np.zeros((len(lines), *shape), np.int64) for shape in ((3, 2), (2, p), (p, 3)))
    places = {"a": u, "b": v, "c": w.transpose(0, 2, 1)}
    for r, line in enumerate(lines):
        for sign, name, i, j in re.findall(r"([+-])([abc])(\d)(\d)", line):
            places[name][r, int(i), int(j)] = int(sign + "1")
    return u, v, w
