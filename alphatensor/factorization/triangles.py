"""Points and triangles: algorithms for n×2×p from typed pairs of vectors.

*Strassen's algorithm in this light.* Let V = F² be the inner space of the product of an n×2 and a
2×p matrix. The target is id_V ⊗ α ⊗ β for all α in F^n and β in F^p, in V ⊗ V* ⊗ F^n ⊗ F^p. Three
idempotents of rank one,

    D_1 = e_1 ⊗ e_1*,   D_2 = e_1 ⊗ (e_1* + e_2*),   D_3 = (e_1 - e_2) ⊗ e_1*,

are a basis of what is left of V ⊗ V* beside id_V, and each id_V - D_t has rank one, too.

- A *point* (α, β) of *type* t is the two products D_t ⊗ α ⊗ β and (id_V - D_t) ⊗ α ⊗ β. Their sum
  is one sum α A B β of the target.
- A *triangle* is three points of three types with α_1 = α_2 + α_3 and β_3 = β_1 + β_2. Then the one
  product (e_1 ⊗ α_2 + e_2 ⊗ α_3) (e_1* ⊗ β_3 + e_2* ⊗ β_2) is

      id_V ⊗ α_3 ⊗ β_2  +  D_1 ⊗ α_1 ⊗ β_1  +  D_2 ⊗ α_2 ⊗ β_2  -  D_3 ⊗ α_3 ⊗ β_3,

  so that beside the points it gives α_3 A B β_2, a sum of the target in one product more.

Where all the α ⊗ β of N points are independent, and M triangles give sums that are independent of
them and of each other, N + M = np, the products are an algorithm of rank 2N + M = 2np - M. Strassen
has three points and one triangle. If α_i = β_i in all points, the best that was found is the rank
of Hopcroft and Kerr (1971); without this condition there are more triangles (`annealing` looks for
them).
"""

import itertools
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import linear
from alphatensor.factorization.core import Factorization, from_arrays

METHOD = "points and triangles"
PRIME = 1_000_003  # combinations over the integers are found mod it
_E1, _E2 = np.eye(2, dtype=np.int64)
_PRODUCTS = (  # for each type, the vectors of D_t and id_V - D_t in V and V*
    ((_E1, _E1), (_E2, _E2)),
    ((_E1, _E1 + _E2), (_E2 - _E1, _E2)),
    ((_E1 - _E2, _E1), (_E2, _E1 + _E2)),
)
_SIGNS = (1, -1)


class Points(NamedTuple):
    """N points; the signs of their vectors are of no account.

    Attributes:
      types: 0, 1 or 2, int [N].
      rows: the vectors α, int64 [N, n], with entries -1, 0 and 1.
      columns: the vectors β, int64 [N, p], with entries -1, 0 and 1.
    """

    types: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def from_points(points: Points, ring: rings.Ring) -> Factorization:
    """Returns the algorithm for n×2×p from points and their triangles.

    A point that depends mod 2 on those of its type before it, and a triangle whose sum depends on
    what is there, are left out. What no triangle gives is computed by two products each.

    Args:
      points: the points, over the integers or mod 2.
      ring: the integers or the integers mod 2.

    Raises:
      ValueError: if over the integers the sums are combinations with fractions.
    """
    products, _ = _parts(points, ring)
    u, v = (
        ring.reduce(np.array([x.reshape(-1) for x in factors]))
        for factors in zip(*products, strict=True)
    )
    n, p = points.rows.shape[1], points.columns.shape[1]
    terms = np.einsum("rx,ry->xyr", u, v).reshape(-1, len(u))
    modulus = ring.modulus or PRIME
    system = linear.eliminate(terms % modulus, modulus, np.arange(len(u)))
    w = np.zeros((p, n, len(u)), np.int64)
    for k, i in itertools.product(range(p), range(n)):
        entry = np.zeros((n, 2, 2, p), np.int64)
        entry[i, 0, 0, k] = entry[i, 1, 1, k] = 1
        w[k, i] = linear.solve(system, entry.reshape(-1))
    w = np.where(w > modulus // 2, w - modulus, w).reshape(p * n, -1)
    f = from_arrays((n, 2, p), ring, u.T, v.T, ring.reduce(w))
    if not f.verify().ok:
        raise ValueError(f"points for {n}x2x{p}: expected combinations without fractions.")
    return f.replace(provenance={"method": METHOD})


def sums(points: Points, ring: rings.Ring) -> np.ndarray:
    """Returns the numbers α A B β that points and triangles give, int64 [at least np, n p].

    They are those that `from_points` uses, as vectors α ⊗ β. Where there are np of them, the rows
    of the inverse say how the entries of the product are combined of them.
    """
    return np.array([a.reshape(-1) for a in _parts(points, ring)[1]])


def _parts(points: Points, ring: rings.Ring) -> tuple[list, list[np.ndarray]]:
    """Returns the two factors of each product, and the sums [n, p] that they give."""
    span, spans, products, given = _Span(), [_Span() for _ in _PRODUCTS], [], []
    by_type = [[(a, b) for t, a, b in zip(*points, strict=True) if t == kind] for kind in range(3)]
    for kind, a, b in zip(*points, strict=True):
        span.add(a, b)
        if spans[kind].add(a, b):
            products += _point(kind, a, b)
            given.append(np.outer(a, b))
    third = {_key(a, b): (a, b) for a, b in by_type[2]}
    for (a1, b1), (a2, b2) in itertools.product(by_type[0], by_type[1]):
        found = third.get(_key(a1 + a2, b1 + b2))
        triangle = found and _triangle((a1, b1), (a2, b2), found, ring)
        if triangle and span.add(triangle[1], triangle[3]):
            a2, a3, b3, b2 = triangle
            u, v = np.outer(a2, _E1) + np.outer(a3, _E2), np.outer(_E1, b3) + np.outer(_E2, b2)
            products.append((u, v))
            given.append(np.outer(a3, b2))
    n, p = points.rows.shape[1], points.columns.shape[1]
    for a, b in itertools.product(np.eye(n, dtype=np.int64), np.eye(p, dtype=np.int64)):
        if span.add(a, b):
            products += _point(0, a, b)
            given.append(np.outer(a, b))
    return products, given


def _point(kind: int, a: np.ndarray, b: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.outer(a, x), np.outer(y, b)) for x, y in _PRODUCTS[kind]]


def _triangle(first, second, third, ring: rings.Ring) -> tuple[np.ndarray, ...] | None:
    """Returns α_2, α_3, β_3 and β_2 with signs that make a triangle of three points, if any do."""
    (a1, b1), (a2, b2), (a3, b3) = first, second, third
    pairs = list(itertools.product(_SIGNS, _SIGNS))

    def is_zero(x: np.ndarray) -> bool:
        return not ring.reduce(x).any()

    rows = next((s for r, s in pairs if is_zero(r * a1 - a2 - s * a3)), None)
    columns = next((s for r, s in pairs if is_zero(s * b3 - r * b1 - b2)), None)
    return None if rows is None or columns is None else (a2, rows * a3, columns * b3, b2)


def _key(a: np.ndarray, b: np.ndarray) -> bytes:
    return (a % 2).astype(np.int8).tobytes() + (b % 2).astype(np.int8).tobytes()


class _Span:
    """The span mod 2 of tensors α ⊗ β, as integers with different leading bits."""

    def __init__(self):
        self._basis: dict[int, int] = {}

    def add(self, a: np.ndarray, b: np.ndarray) -> bool:
        """Adds a tensor; returns whether it was not in the span."""
        bits = np.packbits((np.outer(a, b) % 2).astype(np.uint8))
        vector = int.from_bytes(bits.tobytes())
        while vector:
            lead = vector.bit_length()
            if lead not in self._basis:
                self._basis[lead] = vector
                return True
            vector ^= self._basis[lead]
        return False
