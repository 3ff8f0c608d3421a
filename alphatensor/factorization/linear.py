"""Exact linear algebra: inverses, null spaces, systems over GF(p) with many right-hand sides."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization.core import exact_array


class System(NamedTuple):
    """A linear system over GF(p): its row echelon form and the row operations that led to it.

    Attributes:
      modulus: the prime p.
      columns: the number of unknowns.
      pivot_columns, pivot_rows: int arrays of the rank's length; all other unknowns are free.
      operations: for each pivot, (rows, multipliers): row ← row − multiplier·pivot row.
      triangle: (rank, rank) residues: the pivot rows at the pivot columns, after elimination.
    """

    modulus: int
    columns: int
    pivot_columns: np.ndarray
    pivot_rows: np.ndarray
    operations: list[tuple[np.ndarray, np.ndarray | int]]
    triangle: np.ndarray


def eliminate(matrix: np.ndarray, modulus: int, order: np.ndarray) -> System:
    """Eliminates an (equations, unknowns) matrix of residues, pivoting on columns in `order`.

    Over GF(2) the columns are packed 64 to a word.
    """
    packed = modulus == 2
    if packed:
        work = _pack(matrix[:, order])
    else:  # no block below leaves -p² .. p
        work = matrix[:, order].astype(np.int8 if modulus**2 < 128 else np.int64)
    unused = np.ones(len(work), bool)
    pivots, rows, operations = [], [], []
    for c in range(len(order)):
        column = _bit(work, c) if packed else work[:, c]
        candidates = np.flatnonzero(unused & (column != 0))
        if not len(candidates):
            continue
        row, others = candidates[0], candidates[1:]
        unused[row] = False
        pivots.append(c)
        rows.append(row)
        if packed:
            work[others, c // 64 :] ^= work[row, c // 64 :]
            operations.append((others.astype(np.int32), 1))
        else:
            inverse = pow(int(work[row, c]), -1, modulus)
            multipliers = work[others, c] * inverse % modulus
            block = work[others, c:] - multipliers[:, None] * work[row, c:]
            work[others, c:] = block % modulus
            operations.append((others.astype(np.int32), multipliers))
        if not unused.any():
            break
    pivots, rows = np.array(pivots, int), np.array(rows, int)
    if packed:
        bits = np.unpackbits(work[rows].view(np.uint8), axis=1, bitorder="little")
        triangle = bits[:, pivots]
    else:
        triangle = work[np.ix_(rows, pivots)]
    return System(
        modulus=modulus,
        columns=len(order),
        pivot_columns=order[pivots],
        pivot_rows=rows,
        operations=operations,
        triangle=triangle,
    )


def solve(system: System, right: np.ndarray) -> np.ndarray | None:
    """Returns the solution with zeros for all free unknowns, or None if there is none.

    Args:
      system: as from `eliminate`.
      right: residues, one for each equation.

    Returns:
      int64 array of shape (unknowns,).
    """
    p = system.modulus
    right = right.astype(np.int64)
    for row, (others, multipliers) in zip(system.pivot_rows, system.operations, strict=True):
        if right[row]:
            right[others] = (right[others] - multipliers * right[row]) % p
    values = right[system.pivot_rows]
    right[system.pivot_rows] = 0
    if right.any():
        return None
    for i in range(len(values) - 1, -1, -1):
        if values[i]:
            values[i] = values[i] * pow(int(system.triangle[i, i]), -1, p) % p
            values[:i] = (values[:i] - system.triangle[:i, i].astype(np.int64) * values[i]) % p
    solution = np.zeros(system.columns, np.int64)
    solution[system.pivot_columns] = values
    return solution


def inverse(matrix: np.ndarray, ring: rings.Ring) -> np.ndarray:
    """Returns the exact inverse over Q, or mod p; raises `ValueError` for a singular matrix."""
    size = len(matrix)
    rows = [
        [*(ring.reduce(Fraction(x)) for x in row), *map(Fraction, unit)]
        for row, unit in zip(matrix.tolist(), np.eye(size, dtype=int).tolist(), strict=True)
    ]
    for c in range(size):
        pivot = next((r for r in range(c, size) if rows[r][c] != 0), None)
        if pivot is None:
            raise ValueError(f"singular matrix {matrix.tolist()}: expected an invertible one.")
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = _scaled_to_one(rows[c], c, ring)
        for r in range(size):
            if r != c:
                rows[r] = _cleared(rows[r], c, rows[c], ring)
    return exact_array(np.array([row[size:] for row in rows], object))


def null_space(rows: Iterable[list], unknowns: int, ring: rings.Ring) -> list[np.ndarray]:
    """Returns a basis of the vectors whose products with all rows are zero, over Q or GF(p).

    Args:
      rows: equations, lists of integers or fractions; no more are taken once nothing is left.
      unknowns: the length of a row.
      ring: the integers, for solutions over Q, or the integers mod p.

    Returns:
      Object arrays of shape (unknowns,); each is 1 in a free unknown and 0 in all other free ones.
    """
    echelon: dict[int, list] = {}  # pivot → row with 1 there, and 0 at all other pivots
    for row in rows:
        for pivot, known in echelon.items():
            row = _cleared(row, pivot, known, ring)
        lead = next((i for i, x in enumerate(row) if ring.reduce(x)), None)
        if lead is None:
            continue
        row = _scaled_to_one(row, lead, ring)
        echelon = {pivot: _cleared(known, lead, row, ring) for pivot, known in echelon.items()}
        echelon[lead] = row
        if len(echelon) == unknowns:
            return []
    basis = []
    for free in sorted(set(range(unknowns)) - echelon.keys()):
        vector = np.zeros(unknowns, object)
        vector[free] = 1
        for pivot, row in echelon.items():
            vector[pivot] = ring.reduce(-row[free])
        basis.append(vector)
    return basis


def _cleared(row: list, place: int, pivot_row: list, ring: rings.Ring) -> list:
    """Subtracts the multiple of the pivot row, 1 at `place`, that leaves 0 there."""
    c = row[place]
    return [ring.reduce(x - c * y) for x, y in zip(row, pivot_row, strict=True)] if c else row


def _scaled_to_one(row: list, place: int, ring: rings.Ring) -> list:
    """Divides the row by its entry at `place`, which is a unit."""
    lead = row[place]
    scale = pow(int(lead), -1, ring.modulus) if ring.is_modular else 1 / Fraction(lead)
    return [ring.reduce(x * scale) for x in row]


def _pack(matrix: np.ndarray) -> np.ndarray:
    rows, columns = matrix.shape
    bits = np.zeros((rows, -(-columns // 64) * 64), np.uint8)
    bits[:, :columns] = matrix
    return np.packbits(bits, axis=1, bitorder="little").view("<u8")


def _bit(words: np.ndarray, column: int) -> np.ndarray:
    return ((words[:, column // 64] >> np.uint64(column % 64)) & np.uint64(1)).astype(np.uint8)
