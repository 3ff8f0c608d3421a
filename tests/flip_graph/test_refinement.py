"""Cheaper algorithms of the same rank are found and the Pareto set is right."""

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import naive, sandwich
from alphatensor.flip_graph import after_calls, refinement
from alphatensor.flip_graph.refinement import Costed

Z = rings.Integers()


def one(nonzeros, additions, growth, largest):
    return Costed(
        factorization=None,
        nonzeros=nonzeros,
        additions=additions,
        growth=growth,
        largest=largest,
    )


def test_the_pareto_set_by_hand():
    a, b, c = one(10, 5, 1.0, 1), one(12, 4, 1.0, 1), one(9, 6, 1.5, 1)
    beaten, equal = one(12, 5, 1.0, 1), one(10, 5, 1.0, 1)
    assert refinement.pareto([c, beaten, a, equal, b]) == [b, a, c]
    assert refinement.pareto([]) == []


def dense():
    """The naive 1x2x3 in another basis; in its own it needs 4 additions and 18 entries."""
    m, k = np.array([[1, 1], [0, 1]]), np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    return sandwich(naive((1, 2, 3), Z), np.eye(1, dtype=int), m, k)


@pytest.mark.parametrize("ternary", [True, False])
def test_walks_make_an_algorithm_cheaper(ternary):
    f = dense()
    if not ternary:  # mod 2 and back: an entry 2 stays in one term
        f = sandwich(f, np.eye(1, dtype=int), np.array([[1, 1], [0, 1]]), np.eye(3, dtype=int))
        assert max(np.abs(np.array(x)).max() for x in f.factors) == 2
    before = refinement.cost(f)
    *_, kept = refinement.refine([f], after_calls(1), num_walkers=64, tries=6_000)
    assert all(x.factorization.verify().ok and x.factorization.rank == 6 for x in kept)
    assert min(x.nonzeros for x in kept) == 18 and kept[0].additions < before.additions
    assert refinement.cost(kept[0].factorization).costs == kept[0].costs


def test_the_same_seed_refines_the_same_way():
    def sets(seed):
        found = refinement.refine([dense()], after_calls(2), seed, num_walkers=64, tries=1_500)
        return [[x.costs for x in kept] for kept in found]

    assert sets(1) == sets(1) and len(sets(1)) == 2


def test_neighbours_have_the_rank_of_the_start():
    found = refinement.neighbours([dense()], num_walkers=64, tries=1_500, seed=0, most=4)
    assert 0 < len(found) <= 4 and all(f.rank == 6 and f.verify().ok for f in found)
    nonzeros = [refinement.cost(f).nonzeros for f in found]
    assert nonzeros == sorted(nonzeros)
