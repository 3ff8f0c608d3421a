"""Small algorithms that tests of factorizations start from, their scrambled images, equality."""

import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings

Z = rings.Integers()
STRASSEN = fz.strassen()
MIXED = fz.direct_sum(fz.kronecker(STRASSEN, fz.naive((1, 2, 1), Z)), fz.naive((2, 4, 1), Z))


def same(f, g):
    """Whether two factorizations are equal up to order and scales of the terms."""
    f, g = fz.canonical(f), fz.canonical(g)
    return f.sizes == g.sizes and all(map(np.array_equal, f.factors, g.factors))


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
