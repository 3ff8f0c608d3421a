"""Invariants and the decision between factorisations."""

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import costs, equivalence, invariants

Z = rings.Integers()
STRASSEN = fz.strassen()


def unimodular(rng, size):
    matrix = np.eye(size, dtype=int)
    for _ in range(size):
        i, j = rng.choice(size, 2, replace=False)
        matrix[i] += rng.choice([-1, 1]) * matrix[j]
    return matrix


def scrambled(f, seed):
    """Another basis, order and signs."""
    rng = np.random.default_rng(seed)
    f = fz.sandwich(f, *(unimodular(rng, s) for s in f.sizes))
    order, signs = rng.permutation(f.rank), rng.choice([-1, 1], f.rank)
    return f.replace(u=f.u[:, order] * signs, v=f.v[:, order], w=f.w[:, order] * signs)


def glued(seed):
    """Two Strassen algorithms side by side, the second in another basis: rank 14 for (2, 2, 4)."""
    return fz.direct_sum(STRASSEN, scrambled(STRASSEN, seed) if seed else STRASSEN, "p")


@pytest.mark.parametrize("f", [STRASSEN, glued(1), fz.naive((2, 3, 2), Z)])
@pytest.mark.parametrize("modulus", [0, 2])
def test_equivalent_ones_are_recognised_with_their_matrices(f, modulus):
    g = scrambled(f, 5)
    if g.sizes[0] == g.sizes[2]:
        g = fz.transpose(g)
    if len(set(g.sizes)) == 1:
        g = fz.rotate(g)
    if modulus:
        f, g = fz.reduce_mod(f, modulus), fz.reduce_mod(g, modulus)
    assert invariants.invariant(f) == invariants.invariant(g)
    distributions = [invariants.rank_distribution(x).values() for x in (f, g)]
    assert sorted(distributions[0]) == sorted(distributions[1])
    found = equivalence.equivalent(f, g)
    assert found.verdict is True
    moved = transforms.orient(f, found.orientation)
    moved = fz.canonical(fz.sandwich(moved, *found.matrices))
    assert all(map(np.array_equal, moved.factors, fz.canonical(g).factors))


def test_inequivalent_ones_are_told_apart_and_counted():
    """Ranks alone cannot tell these apart; the relative basis of the two halves can."""
    a, b = glued(0), glued(2)
    assert invariants.rank_distribution(a) == invariants.rank_distribution(b)
    assert equivalence.equivalent(a, b).verdict is False
    fs = [scrambled(x, seed) for seed in (3, 4) for x in (a, b)]
    count = invariants.count_inequivalent(fs)
    assert count.certified == 2 and count.representatives == [0, 1]
    assert equivalence.equivalent(STRASSEN, fz.naive((2, 2, 2), Z)).verdict is False
    assert equivalence.equivalent(STRASSEN, fz.reduce_mod(STRASSEN, 2)).verdict is False


def test_winograds_variant_is_strassens():
    """De Groote: all rank-7 algorithms for 2×2 are equivalent; Winograd's 15 additions as well."""
    s = [[0, 0, 1, 1], [-1, 0, 1, 1], [1, 0, -1, 0], [1, 1, -1, -1], [1, 0, 0, 0], [0, 1, 0, 0]]
    t = [[-1, 1, 0, 0], [1, -1, 0, 1], [0, -1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]]
    u = np.array([*s, [0, 0, 0, 1]]).T
    v = np.array([*t, [1, -1, -1, 1]]).T
    c11, c12 = [0, 0, 0, 0, 1, 1, 0], [1, 1, 0, 1, 1, 0, 0]
    c21, c22 = [0, 1, 1, 0, 1, 0, -1], [1, 1, 1, 0, 1, 0, 0]
    winograd = fz.from_arrays((2, 2, 2), Z, u, v, np.array([c11, c21, c12, c22]))
    assert winograd.verify().ok
    assert costs.additions_naive(winograd) == 24
    assert costs.measure(winograd).additions_shared == 15
    assert equivalence.equivalent(winograd, STRASSEN).verdict is True


def test_matchings_are_given_up_at_the_limit():
    f = fz.naive((2, 2, 2), Z)
    assert equivalence.equivalent(f, scrambled(f, 1), limit=0).verdict is None


def test_unusable_input_is_named():
    with pytest.raises(ValueError, match="too large"):
        invariants.invariant(STRASSEN.replace(u=STRASSEN.u * 10**9))
    big = fz.naive((10, 10, 10), Z)
    with pytest.raises(ValueError, match="small matrix product"):
        invariants.invariant(big)
