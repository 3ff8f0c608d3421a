"""Small algorithms that tests of factorizations start from, their scrambled images, equality."""

from fractions import Fraction

import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import gaussian as numbers

Z = rings.Integers()
STRASSEN = fz.strassen()
MIXED = fz.direct_sum(fz.kronecker(STRASSEN, fz.naive((1, 2, 1), Z)), fz.naive((2, 4, 1), Z))


def same(f, g):
    """Whether two factorizations are equal up to order and scales of the terms."""
    f, g = fz.canonical(f), fz.canonical(g)
    return f.sizes == g.sizes and all(map(np.array_equal, f.factors, g.factors))


def gaussian(f):
    """Takes another basis over the Gaussian rationals, and other scales."""
    n, m, p = f.sizes
    turns = np.array([numbers.Gaussian(0, 1) if j else 1 for j in range(m)], object)
    u = (f.u.astype(object).reshape(n, m, -1) * turns[:, None]).reshape(f.u.shape)
    v = (f.v.astype(object).reshape(m, p, -1) * (turns * turns * turns)[:, None, None]).reshape(
        f.v.shape
    )
    half = Fraction(1, 2)  # (1 + i)(1/2 - i/2) = 1
    return f.replace(
        u=u * numbers.make(1, 1), v=v, w=f.w.astype(object) * numbers.make(half, -half)
    )


def unimodular(rng, size):
    """Draws a product of elementary matrices."""
    matrix = np.eye(size, dtype=int)
    for _ in range(size):
        i, j = rng.choice(size, 2, replace=False)
        matrix[i] += rng.choice([-1, 1]) * matrix[j]
    return matrix


def scrambled(f, seed):
    """Takes another basis, order and signs."""
    rng = np.random.default_rng(seed)
    f = fz.sandwich(f, *(unimodular(rng, s) for s in f.sizes))
    order, signs = rng.permutation(f.rank), rng.choice([-1, 1], f.rank)
    return f.replace(u=f.u[:, order] * signs, v=f.v[:, order], w=f.w[:, order] * signs)


def glued(seed):
    """Puts two Strassen algorithms side by side, the second in another basis: 2x2x4 in rank 14."""
    return fz.direct_sum(STRASSEN, scrambled(STRASSEN, seed) if seed else STRASSEN, "p")


def scrambled_pair(f, modulus):
    """Returns `f` and an equivalent in another basis, order and orientation; mod p if given."""
    g = scrambled(f, 5)
    if g.sizes[0] == g.sizes[2]:
        g = fz.transpose(g)
    if len(set(g.sizes)) == 1:
        g = fz.rotate(g)
    return (fz.reduce_mod(f, modulus), fz.reduce_mod(g, modulus)) if modulus else (f, g)
