"""Schemes as bit masks, as the walkers hold them.

A factor is stored in *planes*. Over Z2 there is one, the support: bit k is set where entry k is not
zero. Over Z3 and over the integers a second plane holds the signs: bit k is set where entry k is
-1, and all entries are -1, 0 or 1. A plane has as many 64-bit words as the entries of the largest
mode need, K: one up to 8x8 matrices, at most four.
"""

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Sizes, Target

WORD_BITS = 64  # bits of a word
MAX_ENTRIES = 4 * WORD_BITS  # of a mode


def fits(sizes: Sizes) -> bool:
    """Says whether walkers can hold schemes of a format."""
    n, m, p = sizes
    return max(n * m, m * p, p * n) <= MAX_ENTRIES


def is_ternary(f: Factorization) -> bool:
    """Says whether all entries of a factorization are -1, 0 or 1, as those over Z2 and Z3 are."""
    return (
        f.ring.modulus == 3
        or f.is_integral
        and all(np.abs(np.array(x)).max(initial=0) <= 1 for x in f.factors)
    )


def to_masks(f: Factorization) -> np.ndarray:
    """Returns the factors as bit masks.

    Returns:
      uint64 [3, rank, P, K]: P = 1 (supports) over Z2, P = 2 (supports, signs) over Z3 and Z.
    """
    words = -(-max(f.target.shape) // WORD_BITS)

    def pack(is_set: np.ndarray) -> np.ndarray:
        padded = np.pad(is_set.T, ((0, 0), (0, words * WORD_BITS - len(is_set))))
        weight = np.uint64(1) << np.arange(WORD_BITS, dtype=np.uint64)
        return (padded.reshape(-1, words, WORD_BITS) * weight).sum(2, dtype=np.uint64)

    factors = [np.array(x, np.int64) for x in f.factors]
    if f.ring.modulus == 2:
        planes = [[x != 0] for x in factors]
    else:  # 2 is -1 over Z3
        planes = [[x != 0, (x < 0) | (x == 2)] for x in factors]
    return np.stack([np.stack([pack(plane) for plane in x], axis=1) for x in planes])


def from_masks(masks: np.ndarray, target: Target, ring: rings.Ring) -> Factorization:
    """Returns the factorization of masks uint64 [3, R, P, K], without their terms that are zero."""
    masks = np.asarray(masks)
    masks = masks[:, masks[:, :, 0].any(axis=2).all(axis=0)]
    place = np.arange(WORD_BITS, dtype=np.uint64)
    bits = (masks[..., None] >> place) & np.uint64(1)
    entries, *signs = np.moveaxis(bits.astype(np.int64).reshape(*masks.shape[:3], -1), 2, 0)
    for sign in signs:
        entries = entries * (1 - 2 * sign)
    factors = [ring.reduce(x[:, :size].T) for x, size in zip(entries, target.shape, strict=True)]
    return Factorization(target, ring, *factors)


def scheme_key(f: Factorization) -> bytes:
    """Returns a key that schemes share if they differ only in signs and in the order of terms."""
    supports = np.concatenate([x[:, 0].T for x in to_masks(f)])
    return supports[:, np.lexsort(supports)].tobytes()


def ranks(terms: np.ndarray) -> np.ndarray:
    """Counts the terms that are not zero: uint64 [..., 3, R, P, K] -> int64 [...]."""
    return terms[..., 0, :, 0, :].any(axis=-1).sum(axis=-1)


def weights(terms: np.ndarray) -> np.ndarray:
    """Counts the entries that are not zero: uint64 [..., 3, R, P, K] -> int64 [...]."""
    return np.bitwise_count(terms[..., 0, :]).sum(axis=(-3, -2, -1), dtype=np.int64)
