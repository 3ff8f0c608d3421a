"""Sums of terms and partners of factors, the slow and certain way."""

import numpy as np


def tensors(terms, target):
    """Returns the sums of schemes uint32 [P, 3, R, W]: integers [W, S_u, S_v, S_w]."""
    factors = []
    for mode, size in enumerate(target.shape):
        planes = [
            (np.array(x[mode])[None] >> np.arange(size)[:, None, None]) & 1 for x in np.array(terms)
        ]
        signs = 1 - 2 * planes[1].astype(int) if len(planes) == 2 else 1
        factors.append(planes[0].astype(int) * signs)
    sums = np.einsum("irw,jrw,krw->wijk", *factors)
    return sums if len(terms) == 2 else sums % 2
