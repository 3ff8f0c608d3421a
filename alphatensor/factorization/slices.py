"""Decomposition of any tensor slice by slice: as many terms as its slice-rank bound says.

The sum of the matrix ranks of a tensor's slices bounds its rank (Fawzi et al. 2022, Methods,
"TensorGame"); each slice of rank r is a sum of r products of vectors.
"""

import numpy as np

from alphatensor.rings import Ring


def by_slices(tensor: np.ndarray, ring: Ring) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decomposes a tensor along the mode whose slices have the least sum of ranks.

    Args:
      tensor: integers (S_u, S_v, S_w).
      ring: its arithmetic.

    Returns:
      (u (S_u, R), v (S_v, R), w (S_w, R)) of integers, whose terms sum to the tensor.
    """
    tensor = ring.reduce(np.asarray(tensor).astype(object))
    best = None
    for mode in range(3):
        slices = np.moveaxis(tensor, mode, 0)
        parts = [_rank_factors(x, ring) for x in slices]
        ranks = [left.shape[1] for left, _ in parts]
        if best is None or sum(ranks) < len(best[1]):
            places = np.repeat(np.arange(len(slices)), ranks)
            best = mode, places, parts
    mode, places, parts = best
    chosen = (np.arange(tensor.shape[mode])[:, None] == places).astype(object)
    others = [np.concatenate([part[k] for part in parts], axis=1) for k in (0, 1)]
    others.insert(mode, chosen)
    return tuple(others)


def _rank_factors(matrix: np.ndarray, ring: Ring) -> tuple[np.ndarray, np.ndarray]:
    """Returns integers x (m, r), y (n, r) with matrix = x @ y.T and the rank r."""
    rows = matrix.copy()
    left = np.array([[int(i == j) for j in range(len(rows))] for i in range(len(rows))], object)
    rank = 0
    for column in range(rows.shape[1]):
        # Euclid's algorithm on the rows, each step undone on the columns of the left factor.
        while len(filled := np.flatnonzero(rows[rank:, column]) + rank):
            least = min(filled, key=lambda i: abs(rows[i, column]))
            rows[[rank, least]] = rows[[least, rank]]
            left[:, [rank, least]] = left[:, [least, rank]]
            below = [i for i in np.flatnonzero(rows[:, column]) if i > rank]
            for i in below:
                q = _quotient(rows[i, column], rows[rank, column], ring)
                rows[i] = ring.reduce(rows[i] - q * rows[rank])
                left[:, rank] = ring.reduce(left[:, rank] + q * left[:, i])
            if not below:
                rank += 1
                break
    return left[:, :rank], rows[:rank].T


def _quotient(x: int, y: int, ring: Ring) -> int:
    return x * pow(y, -1, ring.modulus) if ring.is_modular else x // y
