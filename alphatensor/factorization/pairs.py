"""Strassen's algorithm on every pair of indices, with products that the pairs share.

Let a_i be the rows of an n×2 matrix and b_j the columns of a 2×n one. On the rows i, j and the
columns j, i, in this order, Strassen's algorithm computes a_i b_j and a_j b_i (and the diagonal) in
three products that mix i and j, and in two for each index alone, (x a_i)(x' b_i) and
(y a_i)(y' b_i), whose sum is a_i b_i. The forms x, y of an index may be any two of three forms that
sum to zero; which two is its *type*. Two indices of different types share the products of either
index with all other pairs. So n indices need 2n products and three for each pair, which makes

    n (3n + 1) / 2,

the number of Hopcroft and Kerr (1971), were there a type for each index. For two of the same type
four plain products are taken here instead of three; flip-graph walks find the rest.
"""

import itertools

import numpy as np

from alphatensor import rings
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.reduction import reduced
from alphatensor.factorization.textbook import naive, strassen
from alphatensor.factorization.transforms import Matrices, matrices

FORMS = np.array([[1, 0], [0, 1], [-1, -1]])  # coefficients; any two span all forms


def strassen_pairs(n: int, ring: rings.Ring | None = None) -> Factorization:
    """Returns an algorithm for n×2×n in n (3n + 1) / 2 products and one for each alike pair.

    Types take turns, so that it is exact in 7, 15, 27, 42, 60, 82, 107 for n = 2 to 8.

    Args:
      n: number of rows of the first matrix, 2 or more.
      ring: the ring of the factorization; by default the integers.
    """
    ring, integers = ring or rings.Integers(), rings.Integers()
    seven, plain, dot = (
        matrices(f) for f in (strassen(), naive((2, 2, 2), integers), naive((1, 2, 1), integers))
    )
    types, units = np.arange(n) % len(FORMS), np.eye(n, dtype=np.int64)
    parts = [_embedded(dot, units[[i]], units[[i]], _own_forms(types[i])) for i in range(n)]
    for i, j in itertools.combinations(range(n), 2):
        is_alike = types[i] == types[j]
        forms = _own_forms(types[i]) if is_alike else FORMS[[types[j], types[i]]]
        u, v, w = _embedded(plain if is_alike else seven, units[[i, j]], units[[j, i]], forms)
        parts.append((u, v, w * (1 - units)))
    u, v, w = (np.concatenate(x) for x in zip(*parts, strict=True))
    is_used = w.any(axis=(1, 2))
    columns = (x[is_used].reshape(sum(is_used), -1).T for x in (u, v, w))
    provenance = {"method": "Strassen's algorithm on pairs of indices"}
    return reduced(from_arrays((n, 2, n), ring, *columns, provenance))


def _own_forms(kind: int) -> np.ndarray:
    """Returns the two forms of an index of a type, int64 [2, 2]."""
    return np.delete(FORMS, kind, axis=0)


def _embedded(stacks: Matrices, rows: np.ndarray, columns: np.ndarray, forms: np.ndarray):
    """Puts an algorithm into n×2×n.

    Args:
      stacks: its matrices U, V, W.
      rows: the unit vector of each of its rows, int64 [rows, n].
      columns: the same for its columns.
      forms: what takes the place of the two entries of a row, int64 [2, 2].
    """
    u, v, w = stacks
    dual = np.linalg.inv(forms).round().astype(np.int64)  # the determinant is 1 or -1
    return rows.T @ u @ forms, dual @ v @ columns, columns.T @ w @ rows
