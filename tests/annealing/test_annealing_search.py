"""One annealing, from no points to an algorithm."""

import pytest

from alphatensor.annealing import AnnealingConfig, anneal

RANKS = {(2, 2): 7, (2, 3): 11, (3, 3): 15, (3, 4): 20, (4, 4): 26}


@pytest.mark.parametrize("ring", ["Z", "Z2"])
@pytest.mark.parametrize("sizes", RANKS)
def test_small_formats_come_to_their_ranks(sizes, ring):
    config = AnnealingConfig(ring=ring, steps=60_000, returns=5, samples=4)
    steps = list(anneal(sizes, config, seed=1))
    assert [x.share for x in steps] == sorted(x.share for x in steps) and steps[-1].share == 1
    assert all(x.found is None for x in steps[:-1])
    assert all(x.rank >= y.rank for x, y in zip(steps, steps[1:], strict=False))
    found = steps[-1].found
    assert found.rank == steps[-1].rank == RANKS[sizes]
    assert found.verify().ok and found.ring.name == ring
    assert found.sizes == (sizes[0], 2, sizes[1])


def test_one_less_than_hopcroft_and_kerr_for_2x5x6_from_nothing():
    *_, last = anneal((5, 6), AnnealingConfig(ring="Z2", steps=300_000, returns=0), seed=0)
    assert last.found.verify().ok and last.found.rank == 47


def test_an_annealing_repeats_exactly():
    config = AnnealingConfig(steps=20_000, returns=2, samples=2)
    first, again = (list(anneal((3, 3), config, seed=5)) for _ in range(2))
    assert [x.rank for x in first] == [x.rank for x in again]
    for x, y in zip(first[-1].found.factors, again[-1].found.factors, strict=True):
        assert (x == y).all()
