"""Recombination: plans cost what they say, and their explicit factorizations are exact."""

import itertools

import flip_walk
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.library import published_ranks, recombination

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()


def cost_by_definition(base, allocation, table):
    """The published pseudo-code: for each product, the largest non-zero blocks of u, v and w."""
    u, v, w = transforms.matrices(base)
    n, m, p = allocation
    total = 0
    for r in range(base.rank):
        rows_u = max([n[i] for i, _ in np.argwhere(u[r])])
        columns_u = max([m[j] for _, j in np.argwhere(u[r])])
        rows_v = max([m[j] for j, _ in np.argwhere(v[r])])
        columns_v = max([p[k] for _, k in np.argwhere(v[r])])
        rows_w = max([n[i] for _, i in np.argwhere(w[r])])
        columns_w = max([p[k] for k, _ in np.argwhere(w[r])])
        sizes = min(rows_u, rows_w), min(columns_u, rows_v), min(columns_v, columns_w)
        total += int(table[sizes])
    return total


def test_tables_know_thin_formats_and_cuts():
    table = recombination.rank_table({(2, 2, 2): 7}, 4)
    assert table[0, 3, 4] == 0 and table[1, 3, 4] == 12 and table[2, 2, 2] == 7
    assert table[2, 2, 3] == 11 and table[3, 2, 2] == 11 and table[4, 4, 4] == 56
    assert np.array_equal(table, table.transpose(1, 2, 0))


def test_allocations_are_all_compositions():
    assert len(recombination.allocations(5, 3)) == 21
    assert all(sum(a) == 5 for a in recombination.allocations(5, 3).tolist())
    assert recombination.allocations(4, 2, spread=0).tolist() == [[2, 2]]


@pytest.mark.parametrize("sizes", [(3, 3, 3), (2, 5, 4), (5, 4, 3)])
def test_plans_are_the_cheapest_by_definition(sizes):
    base = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), Z))
    table = recombination.rank_table({(2, 2, 2): 7, (2, 2, 3): 11, (3, 3, 3): 23}, 5)
    plan = recombination.plan(sizes, base, table)
    assert cost_by_definition(base, plan.allocation, table) == plan.rank
    every = itertools.product(
        *(recombination.allocations(s, q).tolist() for s, q in zip(sizes, base.sizes, strict=True))
    )
    costs = []
    for allocation in every:
        trial = recombination.Plan(0, base, allocation)
        needed = recombination.needed_formats(trial)
        if all(sorted(x) != sorted(sizes) for x in needed):
            costs.append(cost_by_definition(base, allocation, table))
    assert plan.rank == min(costs)


@pytest.mark.parametrize("ring", [Z, Z2])
def test_assembled_plans_are_exact_and_cost_what_they_say(ring):
    base = fz.strassen(ring)
    for allocation in [
        ((1, 2), (2, 1), (2, 2)),
        ((0, 3), (2, 1), (1, 1)),
        ((3, 1), (1, 3), (2, 0)),
    ]:
        plan = recombination.Plan(0, base, allocation)
        f = recombination.assemble(plan, lambda sizes: fz.naive(sizes, ring))
        naive = recombination.rank_table({}, 4)
        assert f.sizes == tuple(map(sum, allocation)) and f.verify().ok
        assert f.rank <= cost_by_definition(base, allocation, naive)
        assert f.provenance["allocation"] == [list(a) for a in allocation]


def test_published_recombination_of_4x9x10():
    """A 3×3×3 base gives 4×9×10 in 255 or less with the published ranks (supplement H)."""
    base, _ = transforms.sparsify(flip_walk.found((3, 3, 3), 23, seed=20))
    published = {s: r for s, r in published_ranks.ALPHATENSOR_Z.items() if s != (4, 9, 10)}
    table = recombination.rank_table(published, 10)
    assert table[4, 9, 10] > 255
    assert recombination.best_plan((4, 9, 10), [base], table).rank <= 255
