"""Algorithms that everyone knows: the schoolbook product and Strassen's."""

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization, from_arrays


def naive(sizes: targets.Sizes, ring: rings.Ring) -> Factorization:
    """Returns the schoolbook algorithm with n·m·p multiplications."""
    n, m, p = sizes
    i, j, k = (x.ravel() for x in np.meshgrid(range(n), range(m), range(p), indexing="ij"))
    rank = np.arange(n * m * p)
    u, v, w = (np.zeros((s, len(rank)), np.int64) for s in (n * m, m * p, p * n))
    u[i * m + j, rank] = v[j * p + k, rank] = w[k * n + i, rank] = 1
    return from_arrays(sizes, ring, u, v, w, {"method": "naive"})


def strassen(ring: rings.Ring | None = None) -> Factorization:
    """Returns Strassen's seven multiplications for 2×2 matrices (Strassen 1969).

    Args:
      ring: the ring of the factorization; by default the integers.
    """
    # Rows are a11 a12 a21 a22, b11 b12 b21 b22, c11 c21 c12 c22; columns are m1 .. m7.
    u = "1 0 1 0 1 -1 0 / 0 0 0 0 1 0 1 / 0 1 0 0 0 1 0 / 1 1 0 1 0 0 -1"
    v = "1 1 0 -1 0 1 0 / 0 0 1 0 0 1 0 / 0 0 0 1 0 0 1 / 1 0 -1 0 1 0 1"
    w = "1 0 0 1 -1 0 1 / 0 1 0 1 0 0 0 / 0 0 1 0 1 0 0 / 1 -1 1 0 0 1 0"
    u, v, w = ([list(map(int, row.split())) for row in x.split("/")] for x in (u, v, w))
    source = {"method": "textbook", "source": "Strassen 1969"}
    return from_arrays((2, 2, 2), ring or rings.Integers(), u, v, w, source)


def entrywise(target: targets.Target, ring: rings.Ring) -> Factorization:
    """Returns the algorithm that any tensor gives at sight, one product for a line of its entries.

    The lines run along the mode for which the fewest are not zero: where that is the third, each
    product is a_i b_j, as in the schoolbook's.
    """
    tensor = target.tensor
    places = [np.argwhere(tensor.any(mode)) for mode in range(3)]
    mode = min((2, 1, 0), key=lambda k: len(places[k]))
    factors = [np.eye(size, dtype=np.int64) for size in tensor.shape]
    others = [k for k in range(3) if k != mode]
    for k, index in zip(others, places[mode].T, strict=True):
        factors[k] = factors[k][:, index]
    factors[mode] = np.moveaxis(tensor, mode, 0)[(slice(None), *places[mode].T)]
    return Factorization(target, ring, *map(ring.reduce, factors), {"method": "naive"})
