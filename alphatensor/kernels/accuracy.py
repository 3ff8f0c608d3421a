"""Measured errors of fast algorithms, against the product in float64.

What the growth factors predict is in `factorization.analysis.costs`.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np


class Error(NamedTuple):
    """Errors of one product C of A and B, where C* is the exact one.

    Attributes:
      norm: relative error in the Frobenius norm, `|C - C*| / |C*|`.
      element: largest element-wise error, `max |C - C*| / (|A| |B|)`.
    """

    norm: float
    element: float


def error(c, a, b) -> Error:
    """Measures the error of c (N, P) as the product of a (N, M) and b (M, P), of any floats."""
    a, b, c = map(_in_float64, (a, b, c))
    exact = a @ b
    if c.shape != exact.shape or c.ndim != 2:
        raise ValueError(f"error: c has shape {c.shape}, expected {exact.shape}.")
    bound = np.abs(a) @ np.abs(b)
    difference = np.abs(c - exact)
    relative = np.divide(difference, bound, out=np.zeros_like(bound), where=bound > 0)
    norm = np.linalg.norm(exact)
    return Error(float(np.linalg.norm(difference) / (norm or 1.0)), float(relative.max()))


def _in_float64(x) -> np.ndarray:
    x = jnp.asarray(x)
    # NumPy does not know all of JAX's short floats.
    return np.asarray(x if x.dtype == jnp.float64 else x.astype(jnp.float32), np.float64)
