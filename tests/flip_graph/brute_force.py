"""Sums of terms, the slow and certain way."""

import numpy as np


def tensors(terms, target, ring):
    """Returns the sums of schemes, uint64 [W, 3, R, P, K]: integers [W, S_u, S_v, S_w]."""
    place = np.arange(64, dtype=np.uint64)
    bits = (terms[..., None] >> place & np.uint64(1)).astype(np.int64)
    bits = bits.reshape(*terms.shape[:4], -1)
    factors = []
    for mode, size in enumerate(target.shape):
        support, *signs = np.moveaxis(bits[:, mode], 2, 0)
        assert not support[..., size:].any(), "bits beyond the entries"
        factors.append((support * (1 - 2 * sum(signs)))[..., :size])
    sums = np.einsum("wri,wrj,wrk->wijk", *factors, optimize=True)
    return ring.reduce(sums)


def alive(terms):
    """Says which factors are not zero, bool [W, 3, R]."""
    return terms[:, :, :, 0].any(axis=3)
