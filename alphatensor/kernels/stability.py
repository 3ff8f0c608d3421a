"""Errors of fast algorithms: what the growth factors predict, and what is measured.

The formulas of the factors are in `factorization.costs`. Errors are against the product in float64.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization, costs


class Growth(NamedTuple):
    """Factors of one flattened algorithm; predicted: root mean square error over the classical
    product's when the rounding of operands dominates, sqrt(phi / nmp)."""

    e_max: float
    q: int
    gamma: float
    phi: float
    predicted: float


class Error(NamedTuple):
    """norm: |C - C*|_F / |C*|_F; element: max |C - C*| / (|A| |B|), entry by entry."""

    norm: float
    element: float


def growth(f: Factorization, levels: int = 1) -> Growth:
    """Growth factors of `levels` levels.

    For Kronecker powers gamma and phi multiply, and so does e_max; q adds (Ballard et al. 2016).

    Raises:
      ValueError: for a modular ring, whose coefficients have no size, or levels below 1.
    """
    if f.ring.is_modular or f.sizes is None:
        raise ValueError("factorization: expected a matrix multiplication over the reals.")
    if levels < 1:
        raise ValueError(f"levels: {levels}, expected at least 1.")
    one = costs.measure(f, trials=0)
    return Growth(
        e_max=one.e_max**levels,
        q=one.q * levels,
        gamma=one.gamma**levels,
        phi=one.phi**levels,
        predicted=math.sqrt(one.phi / math.prod(f.sizes)) ** levels,
    )


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
