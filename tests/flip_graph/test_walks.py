"""Walks: they reach known ranks, end as they are told and are the same for the same seed."""

import jax
import numpy as np
import pytest
from memory import ticks

from alphatensor import rings
from alphatensor.factorization import naive
from alphatensor.flip_graph import FlipSearchConfig, after_calls, after_seconds, walk
from alphatensor.flip_graph.symmetries import (
    Cycle,
    Relabelling,
    Reversal,
    Rotation,
    Swap,
    Transposition,
)

Z2 = rings.IntegersMod(2)
CONFIG = FlipSearchConfig(walkers=64, sweeps=100, rounds=5, patience=2, margin=2, pool=8)


def test_walks_reach_known_ranks():
    walked = walk([naive((2, 2, 2), Z2)], CONFIG, after_calls(4), seed=0)
    assert walked.schemes[0].rank == 7 and walked.flips > 0
    assert all(f.verify().ok for f in walked.schemes) and len(walked.schemes) > 1


@pytest.mark.parametrize(
    ("symmetry", "rank"),
    [
        (Rotation((2,)), 7), (Rotation((2, 1)), 26), (Cycle((3, 3, 4)), 33), (Swap((2, 2, 2)), 8),
        (Transposition((3, 3, 3)), 25), (Reversal((2,)), 7), (Reversal((2, 1)), 26),
    ],
    ids=str,
)  # fmt: skip
def test_symmetric_walks_reach_known_ranks(symmetry, rank):
    config = CONFIG.replace(rounds=20, patience=20, margin=3)
    starts = [symmetry.generators(Z2)]
    walked = walk(starts, config, after_calls(3), seed=0, symmetry=symmetry)
    assert walked.schemes[0].rank <= rank and walked.flips > 0
    for f in walked.schemes:
        assert f.verify().ok
        if isinstance(symmetry, Relabelling):
            assert symmetry.split(f) is not None


def test_walks_of_a_number_of_calls_are_the_same_for_the_same_seed():
    calls = []

    def stop(made):
        calls.append(made)
        return after_calls(6)(made)  # walkers have followed others and were made compact

    one, same = (walk([naive((2, 2, 3), Z2)], CONFIG, stop, seed=3) for _ in range(2))
    assert calls == 2 * [1, 2, 3, 4, 5, 6] and one.flips == same.flips
    for a, b in zip(*map(jax.tree.leaves, (one.walkers, same.walkers)), strict=True):
        assert np.array_equal(a, b)
    other = walk([naive((2, 2, 3), Z2)], CONFIG, after_calls(6), seed=4)
    assert not np.array_equal(one.walkers.seeds, other.walkers.seeds)


def test_walkers_go_on():
    start = [naive((2, 2, 3), Z2)]
    first = walk(start, CONFIG, after_calls(1), seed=0)
    rank = first.schemes[0].rank
    second = walk(start, CONFIG, after_calls(1), seed=0, held=first.walkers)
    assert second.schemes[0].rank <= rank and second.flips > 0


def test_a_clock_ends_a_walk():
    stop = after_seconds(ticks(seconds=1.0), 2.5)
    assert [stop(made) for made in (1, 2, 3, 4)] == [False, False, True, True]
