"""Factorizations as moves of TensorGame, and back: exact inverses of each other."""

import numpy as np

from alphatensor import targets
from alphatensor.factorization import Factorization, canonical
from alphatensor.rings import Ring


def to_moves(f: Factorization, side: int) -> np.ndarray:
    """Returns a factorization as moves int32 [R, 3, S] in the canonical basis."""
    moves = np.zeros((f.rank, 3, side), np.int32)
    for mode, factor in enumerate(f.factors):
        moves[:, mode, : len(factor)] = np.asarray(factor, np.int64).T
    return moves


def from_moves(
    moves: np.ndarray, inverse: np.ndarray, target: targets.Target, ring: Ring
) -> Factorization | None:
    """Returns moves of a solved game as a factorization in the canonical basis, verified.

    The check is exact and independent of the game: the factors must sum to the target.

    Args:
      moves: integers [T, 3, S], the moves in the game's basis; null moves are dropped.
      inverse: integers [3, S, S], the matrices back to the canonical basis.
      target: what the game decomposes.
      ring: its arithmetic.

    Returns:
      The factorization with canonical terms; None where it is wrong.
    """
    matrices = np.array(inverse, np.int64)
    factors = ring.reduce(np.einsum("mij,tmj->mit", matrices, np.array(moves, np.int64)))
    useful = np.all(np.any(factors != 0, axis=1), axis=0)
    u, v, w = (factors[mode, :size][:, useful] for mode, size in enumerate(target.shape))
    found = Factorization(target, ring, u, v, w, {})
    return canonical(found) if found.verify().ok else None
