"""Walks: they reach known ranks, end as they are told and are the same for the same seed."""

import numpy as np
import pytest
from memory import ticks

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, naive, pairs, strassen
from alphatensor.factorization.transforms import matrices
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
CONFIG = FlipSearchConfig(walkers=64, tries=1_500, patience=600, idle=3_000, margin=2, pool=8)


def test_walks_reach_known_ranks():
    walked = walk([naive((2, 2, 2), Z2)], CONFIG, after_calls(4), seed=0)
    assert walked.schemes[0].rank == 7 and walked.flips > 0
    assert all(f.verify().ok for f in walked.schemes) and len(walked.schemes) > 1


@pytest.mark.parametrize(
    ("symmetry", "rank"),
    [
        (Rotation((2,)), 7), (Rotation((2, 1)), 26), (Cycle((3, 3, 4)), 33),
        (Swap((2, 2, 2), (1, 1, 1)), 7), (Swap((3, 3, 3), (0, 1, 1)), 23),
        (Transposition((3, 3, 3)), 25), (Reversal((2,)), 7), (Reversal((2, 1)), 26),
    ],
    ids=str,
)  # fmt: skip
def test_symmetric_walks_reach_known_ranks(symmetry, rank):
    config = CONFIG.replace(tries=6_000, patience=3_000, margin=3)
    starts = [symmetry.generators(Z2)]
    walked = walk(starts, config, after_calls(3), seed=0, symmetry=symmetry)
    assert walked.schemes[0].rank <= rank and walked.flips > 0
    for f in walked.schemes:
        assert f.verify().ok
        if isinstance(symmetry, Relabelling | Swap):
            assert symmetry.split(f) is not None


def test_walks_of_a_number_of_calls_are_the_same_for_the_same_seed():
    calls = []

    def stop(made):
        calls.append(made)
        return after_calls(6)(made)  # walkers have followed others

    one, same = (walk([naive((2, 2, 3), Z2)], CONFIG, stop, seed=3) for _ in range(2))
    assert calls == 2 * [1, 2, 3, 4, 5, 6] and one.flips == same.flips
    for a, b in zip(one.walkers, same.walkers, strict=True):
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


def parts_of_table(name: str) -> pairs._Parts:
    """Returns what the walks to a table of `pairs` start from: rows 0 and 1 of one type, not 2."""
    parts, seven = pairs._Parts(3, 3 if name == "ALIKE" else 4), matrices(strassen())
    kinds = (0, 0, 1)
    for i, kind in enumerate(kinds):
        pairs._add_dot(parts, i, i, kind)
        if name == "COLUMN":
            pairs._add_dot(parts, i, 3, kind)
    for i in (0, 1):
        parts.add(seven, (i, 2), (2, i), pairs.FORMS[[1, 0]], [(i, 2), (2, i)])
    for i, j in ((0, 1), (1, 0)):
        pairs._add_dot(parts, i, j, 0)
    return parts


@pytest.mark.parametrize(
    "table, start, end, places",
    [("ALIKE", 16, 15, (0, 1, 2)), ("COLUMN", 22, 20, (0, 1, 2, 0))],
)
def test_walks_find_the_tables_of_pairs(table, start, end, places):
    """Products that are to be shared are outputs too: those of two indices, or of one alone."""
    f = parts_of_table(table).result(Z2)
    assert f.rank == start and f.verify().ok
    rows = f.u.reshape(3, 2, -1).any(axis=1)
    columns = f.v.reshape(2, len(places), -1).any(axis=0)
    is_alone = (rows.sum(axis=0) == 1) & (columns.sum(axis=0) == 1)
    is_shared = ~is_alone | (rows[list(places)] & columns).any(axis=0)
    w = np.vstack([f.w, np.eye(start, dtype=np.int64)[is_shared]])
    tensor = np.einsum("ir,jr,kr->ijk", f.u, f.v, w) % 2
    scheme = Factorization(targets.Target(table, tensor), Z2, f.u, f.v, w, {})
    config = FlipSearchConfig(walkers=128, tries=30_000)
    walked = walk([scheme], config, after_calls(6), seed=0)
    assert walked.schemes[0].rank == end and walked.schemes[0].verify().ok
