"""Sums of terms and partners of factors, the slow and certain way."""

import numpy as np


def tensors(terms, target):
    """Returns the sums of schemes, each mode uint32 [P, K, R, W]: integers [W, S_u, S_v, S_w]."""
    factors = []
    for mode, size in enumerate(target.shape):
        words = np.array(terms[mode]).astype(object)
        planes = [sum(word << 32 * k for k, word in enumerate(plane)) for plane in words]
        support, *signs = (np.array([x >> k & 1 for k in range(size)], np.int64) for x in planes)
        assert not any(np.any(x >> size) for x in planes), "bits beyond the entries"
        factors.append(support * (1 - 2 * sum(signs)))
    sums = np.einsum("irw,jrw,krw->wijk", *factors, optimize=True)
    return sums if len(terms[0]) == 2 else sums % 2


def alive(terms):
    """Says which factors are not zero, bool [3, R, W]."""
    return np.array([np.array(x)[0].any(0) for x in terms])


def scheme_of(terms, walker):
    """Returns the masks of one walker's scheme, for each mode uint32 [P, K, R]."""
    return [np.array(x)[..., walker] for x in terms]
