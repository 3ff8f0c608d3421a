"""Small algorithms that tests of factorisations start from, and when two are the same."""

import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings

Z = rings.Integers()
STRASSEN = fz.strassen()
MIXED = fz.direct_sum(fz.kronecker(STRASSEN, fz.naive((1, 2, 1), Z)), fz.naive((2, 4, 1), Z))


def same(f, g):
    """Whether two factorisations are equal up to order and scales of the terms."""
    f, g = fz.canonical(f), fz.canonical(g)
    return f.sizes == g.sizes and all(map(np.array_equal, f.factors, g.factors))
