"""The walk through the orbit finds equivalents with fewer additions."""

import random

import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import orbit, straight_line

STRASSEN = fz.strassen()


def test_walk_finds_fifteen_additions():
    found = orbit.fewer_additions(STRASSEN, tries=600)
    assert sum(straight_line.additions(STRASSEN)) == 18
    assert sum(straight_line.additions(found)) == 15
    assert found.verify().ok and found.rank == 7


def test_walk_keeps_what_it_cannot_better_and_refuses_other_rings():
    assert orbit.fewer_additions(STRASSEN, tries=0) is STRASSEN
    with pytest.raises(ValueError, match="integer factors"):
        orbit.fewer_additions(fz.reduce_mod(STRASSEN, 2))


def test_flips_keep_the_product_and_leave_the_orbit():
    rng, f = random.Random(0), fz.naive((2, 2, 2), rings.Integers())
    stacks, seen = transforms.matrices(f), set()
    for _ in range(40):
        stacks = orbit._random_flip(stacks, rng)
        g = transforms.from_matrices(f, f.sizes, *stacks)
        assert g.verify().ok
        seen.add(g.nonzeros)
    assert len(seen) > 5
    found = orbit.fewer_additions(STRASSEN, tries=600, flips=0.5, trials=1)
    assert found.verify().ok and sum(straight_line.additions(found)) < 18
