"""Errors of fast algorithms as measured, against the product in float64.

What the growth factors predict is in `factorization.analysis.costs`.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np


class Error(NamedTuple):
    """norm: |C - C*|_F / |C*|_F; element: max |C - C*| / (|A| |B|), entry by entry."""

    norm: float
    element: float


def error(c, a, b) -> Error:
    """Error of c (N, P) as the product of a (N, M) and b (M, P), of any float dtype."""
    a, b, c = (
        np.asarray(jnp.asarray(x).astype(jnp.float32), np.float64)
        if jnp.asarray(x).dtype != jnp.float64
        else np.asarray(x)
        for x in (a, b, c)
    )
    exact = a @ b
    bound = np.abs(a) @ np.abs(b)
    difference = np.abs(c - exact)
    relative = np.divide(difference, bound, out=np.zeros_like(bound), where=bound > 0)
    norm = np.linalg.norm(exact)
    return Error(float(np.linalg.norm(difference) / (norm or 1.0)), float(relative.max()))
