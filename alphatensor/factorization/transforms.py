"""Exact maps from factorizations to factorizations of the same product.

A column of u, v, w is read as matrices U (n×m), V (m×p), W (p×n); the target is the trace form
Σ_ijk e_ij ⊗ e_jk ⊗ e_ki, so rotating the three matrices, transposing them in reverse order and
sandwiching them, (A U B⁻¹, B V C⁻¹, C W A⁻¹), all give factorizations again (de Groote 1978).
"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import linear
from alphatensor.factorization.core import Factorization, exact_array, from_arrays
from alphatensor.factorization.sums import common_denominator

Matrices = tuple[np.ndarray, np.ndarray, np.ndarray]


class Orientation(NamedTuple):
    """One of the six ways to write the same product: transposed or not, then rotated.

    Attributes:
      transposed: whether (AB)ᵀ = BᵀAᵀ is taken first.
      rotations: how often the three matrices are then moved round, 0 to 2.
    """

    transposed: bool
    rotations: int

    def of_sizes(self, sizes: Sequence[int]) -> targets.Sizes:
        """Returns the sizes that an (n, m, p) product has in this orientation."""
        sizes = tuple(sizes[::-1] if self.transposed else sizes)
        return sizes[self.rotations :] + sizes[: self.rotations]


ORIENTATIONS = tuple(Orientation(t, k) for t in (False, True) for k in range(3))


def matmul_sizes(f: Factorization) -> targets.Sizes:
    """Returns (n, m, p); raises `ValueError` for a target that is no matrix multiplication."""
    if f.sizes is None:
        raise ValueError(f"target {f.target.name}: expected a matrix multiplication.")
    return f.sizes


def matrices(f: Factorization) -> Matrices:
    """Returns U, V, W as arrays of shapes (R, n, m), (R, m, p), (R, p, n)."""
    n, m, p = matmul_sizes(f)
    shapes = ((n, m), (m, p), (p, n))
    return tuple(x.T.reshape(-1, *s) for x, s in zip(f.factors, shapes, strict=True))


def row_major_w(f: Factorization) -> np.ndarray:
    """Returns w with its rows in the order of C row by row, of shape (np, R)."""
    n, _, p = matmul_sizes(f)
    return transposed_rows(f.w, p, n)


def transposed_rows(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """Reorders the rows of an array from those of a matrix to those of its transpose.

    Args:
      x: of shape (height·width, R), with a row for each entry of a matrix, row by row.
      height, width: the shape of the matrix.
    """
    return x.reshape(height, width, -1).transpose(1, 0, 2).reshape(height * width, -1)


def from_matrices(f: Factorization, sizes: Sequence[int], u, v, w) -> Factorization:
    """Makes a factorization with `f`'s ring and provenance from matrices as in `matrices`.

    Args:
      f: what the ring and the provenance are taken from.
      sizes: (n, m, p) of the result.
      u, v, w: arrays of shapes (R, n, m), (R, m, p), (R, p, n).
    """
    columns = (x.reshape(len(x), -1).T for x in (u, v, w))
    return from_arrays(tuple(sizes), f.ring, *columns, f.provenance)


def canonical(f: Factorization) -> Factorization:
    """Returns the same algorithm with fixed scales and order, so that equal ones compare equal.

    In each term, the first non-zero entries of u and v are positive (1 mod p; over the rationals u
    and v become primitive integer vectors) and w takes the rest. Terms are sorted. Raises
    `ValueError` for Gaussian coefficients.
    """
    if not f.is_real:
        raise ValueError("canonical form: expected real coefficients, got Gaussian ones.")
    columns = []
    for term in zip(*(x.T.tolist() for x in f.factors), strict=True):
        scales = [_unit(x, f.ring) for x in term[:2]]
        u, v = ([_times(s, x, f.ring) for x in part] for s, part in zip(scales, term, strict=False))
        rest = _inverse_scalar(_times(scales[0], scales[1], f.ring), f.ring)
        columns.append((u, v, [_times(rest, x, f.ring) for x in term[2]]))
    columns.sort()
    u, v, w = (np.array(x, object).T for x in zip(*columns, strict=True))
    return f.replace(u=u, v=v, w=w)


def rotate(f: Factorization, times: int = 1) -> Factorization:
    """Moves the three matrices round `times` times, each time from (n, m, p) to (m, p, n)."""
    for _ in range(times % 3):
        n, m, p = matmul_sizes(f)
        f = from_arrays((m, p, n), f.ring, f.v, f.w, f.u, f.provenance)
    return f


def transpose(f: Factorization) -> Factorization:
    """Goes from (n, m, p) to (p, m, n) by (AB)ᵀ = BᵀAᵀ."""
    n, m, p = matmul_sizes(f)
    u, v, w = matrices(f)
    return from_matrices(f, (p, m, n), *(x.swapaxes(1, 2) for x in (v, u, w)))


def orient(f: Factorization, orientation: tuple[bool, int]) -> Factorization:
    """Transposes, if the `Orientation` says so, and then rotates."""
    transposed, rotations = orientation
    return rotate(transpose(f) if transposed else f, rotations)


def orientations_keeping(sizes: targets.Sizes) -> list[Orientation]:
    """Returns the orientations in which an (n, m, p) product keeps its sizes."""
    return [x for x in ORIENTATIONS if x.of_sizes(sizes) == tuple(sizes)]


def permute_sizes(f: Factorization, sizes: Sequence[int]) -> Factorization:
    """Returns the factorization for the same sizes in another order.

    Raises:
      ValueError: if `sizes` are not `f`'s in some order.
    """
    sizes, given = tuple(sizes), matmul_sizes(f)
    if sorted(sizes) != sorted(given):
        raise ValueError(f"sizes {sizes}: expected an order of {given}.")
    return orient(f, next(x for x in ORIENTATIONS if x.of_sizes(given) == sizes))


def sandwich(f: Factorization, a, b, c) -> Factorization:
    """Returns (A U B⁻¹, B V C⁻¹, C W A⁻¹).

    Permutation matrices permute rows and columns; matrices of determinant ±1 keep integers.

    Args:
      f: a matrix multiplication.
      a, b, c: invertible n×n, m×m, p×p matrices over the ring or Q.
    """
    a, b, c = (_square(x, s, f.ring) for x, s in zip((a, b, c), matmul_sizes(f), strict=True))
    inverses = [linear.inverse(x, f.ring) for x in (a, b, c)]
    moved = []
    for x, left, right in zip(matrices(f), (a, b, c), inverses[1:] + inverses[:1], strict=True):
        moved.append(_product(_product(left, x), right))
    return from_matrices(f, f.sizes, *moved)


def elementary_sandwich(
    stacks: Matrices, place: int, i: int, j: int, c: int, ring: rings.Ring
) -> Matrices:
    """Sandwiches stacks of matrices with I + c e_ij in the place of A, B or C.

    Args:
      stacks: U, V, W as from `matrices`; they stay as they are.
      place: 0 for A, 1 for B, 2 for C; the other two are identities.
      i, j: different row and column of the entry.
      c: the entry.
      ring: the ring in which the results are reduced.
    """
    rows, columns = stacks[place].copy(), stacks[place - 1].copy()
    rows[:, i] = ring.reduce(rows[:, i] + c * rows[:, j])
    columns[:, :, j] = ring.reduce(columns[:, :, j] - c * columns[:, :, i])
    moved = list(stacks)
    moved[place], moved[place - 1] = rows, columns
    return tuple(moved)


def sparsify(
    f: Factorization, kicks: int = 0, rng: np.random.Generator | None = None
) -> tuple[Factorization, list[np.ndarray]]:
    """Returns a sandwich of `f` with few non-zeros, found greedily by elementary matrices.

    Args:
      f: a matrix multiplication.
      kicks: random elementary matrices before the greedy descent, to leave a local minimum.
      rng: for the kicks.

    Returns:
      The sparser factorization, and the integer matrices (A, B, C) of determinant 1 whose sandwich
      takes it back to `f`.
    """
    scalars = range(1, f.ring.modulus) if f.ring.is_modular else (-1, 1)
    moves = [
        (place, i, j, c)
        for place, size in enumerate(matmul_sizes(f))
        for i, j, c in itertools.product(range(size), range(size), scalars)
        if i != j
    ]
    back = [np.eye(size, dtype=np.int64) for size in f.sizes]
    stacks = matrices(f)

    def gain(move):
        changed = (move[0], move[0] - 1)
        moved = elementary_sandwich(stacks, *move, f.ring)
        return sum(np.count_nonzero(stacks[k]) - np.count_nonzero(moved[k]) for k in changed)

    while moves:
        if kicks:
            kicks -= 1
            move = moves[rng.integers(len(moves))]
        else:
            move = max(moves, key=gain)
            if gain(move) <= 0:
                break
        stacks = elementary_sandwich(stacks, *move, f.ring)
        place, i, j, c = move
        back[place][:, j] -= c * back[place][:, i]
    return from_matrices(f, f.sizes, *stacks), back


def reduce_mod(f: Factorization, p: int) -> Factorization:
    """Returns the factorization mod a prime.

    Raises:
      ValueError: if a denominator is a multiple of p, or `f` is modular with another prime or has
        Gaussian coefficients.
    """
    ring = rings.IntegersMod(p)
    if not f.is_real:
        raise ValueError(f"ring {f.domain}: cannot be reduced mod {p}.")
    if f.ring.is_modular and f.ring != ring:
        raise ValueError(f"ring {f.ring}: cannot be reduced mod {p}.")
    return f.replace(ring=ring, **{k: _residues(getattr(f, k), p) for k in "uvw"})


def _square(matrix, size: int, ring: rings.Ring) -> np.ndarray:
    x = exact_array(matrix, "matrix")
    if x.shape != (size, size):
        raise ValueError(f"matrix of shape {x.shape}: expected ({size}, {size}).")
    return ring.reduce(x)


def _product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns x @ y, in int64 where it provably fits, else with Python numbers."""
    if x.dtype != object and y.dtype != object and x.size and y.size:
        bound = int(np.abs(x).max()) * int(np.abs(y).max()) * x.shape[-1]
        if bound < 2**62:
            return x @ y
    return np.matmul(x.astype(object), y.astype(object))


def _unit(vector: list, ring: rings.Ring):
    """Returns the factor that makes a vector canonical: primitive, with a positive first entry."""
    lead = next((x for x in vector if x != 0), None)
    if lead is None:
        return 1
    if ring.is_modular:
        return pow(lead, -1, ring.modulus)
    below = common_denominator(vector)
    above = math.gcd(*(int(x * below) for x in vector))
    return Fraction(below, above) * (1 if lead > 0 else -1)


def _inverse_scalar(x, ring: rings.Ring):
    return pow(int(x), -1, ring.modulus) if ring.is_modular else 1 / Fraction(x)


def _times(x, y, ring: rings.Ring):
    z = ring.reduce(x * y)
    return int(z) if isinstance(z, Fraction) and z.denominator == 1 else z


def _residues(x: np.ndarray, p: int) -> np.ndarray:
    if x.dtype != object:
        return x % p
    flat = np.empty(x.size, np.int64)
    for i, value in enumerate(x.flat):
        value = Fraction(value)
        if value.denominator % p == 0:
            raise ValueError(f"coefficient {value}: has no residue mod {p}.")
        flat[i] = value.numerator * pow(value.denominator, -1, p) % p
    return flat.reshape(x.shape)
