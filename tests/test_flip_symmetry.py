"""Schemes under rotation of the modes: exact starts, moves that keep the sum, known ranks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import bitmasks, flip_graph, flip_moves, flip_search, flip_symmetry, rings, targets
from alphatensor.factorization import library

Z2, Z = rings.IntegersMod(2), rings.Integers()
BLOCKS = [(2,), (1, 1), (3,), (2, 1), (1, 1, 1), (2, 2)]


def test_partitions_are_all_of_them():
    assert list(flip_symmetry.partitions(4)) == [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]


@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_simplest_generators_expand_to_the_target(ring, blocks):
    f = flip_symmetry.generators(blocks, ring)
    whole = flip_symmetry.expand(f, blocks)
    n = sum(blocks)
    assert f.verify().ok and whole.verify().ok
    assert np.array_equal(whole.target.tensor, targets.matmul(n, n, n).tensor)
    assert whole.rank == len(blocks) + 3 * f.rank
    fixed = flip_symmetry.fixed_factors(blocks)
    assert np.array_equal(fixed.sum(1).reshape(n, n), np.eye(n))


@pytest.mark.parametrize("blocks", [(2,), (2, 1)], ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_moves_of_orbits_keep_the_sum(ring, blocks):
    start = flip_symmetry.generators(blocks, ring)
    walkers = flip_graph.start([start], 16, slots=start.rank + 4, seed=1)
    walkers = flip_graph.run(walkers, rounds=40, sweeps=20, margin=3, patience=3, orbits=True)
    assert int(walkers.flips.min()) > 5
    alive = np.array(walkers.terms[0]) != 0
    assert (alive.all(0) == alive.any(0)).all()
    for terms in (walkers.terms, walkers.best):
        ranks = set()
        for w in range(16):
            f = bitmasks.from_masks(np.array(terms[..., w]), start.target, {})
            ranks.add(f.rank)
            assert flip_symmetry.expand(f, blocks).verify().ok
    assert min(ranks) < start.rank
    assert np.array_equal(bitmasks.ranks(walkers.best), walkers.best_rank)


def test_hints_miss_no_pair_of_orbits():
    start = flip_symmetry.generators((1, 1), Z2)
    walkers = flip_graph.start([start], 16, slots=4, seed=0)
    factors = (walkers.terms[0].reshape(12, 16),)
    hints, seeds = [jnp.full(16, 4095, jnp.uint32)], walkers.seeds
    flip = jax.jit(lambda *x: flip_moves.flip_orbits(*x, jnp.array(False), False))
    generator, made = np.arange(12) % 4, 0
    for _ in range(60):
        factors, hints, seeds, flipped = flip(factors, hints, seeds)
        made += int(flipped.sum())
        rows = np.array(factors[0])
        same = (rows[:, None] == rows[None]) & (rows != 0)
        same &= (generator[:, None] != generator)[:, :, None]
        has_partner = (same.any(1) << np.arange(12)[:, None]).sum(0)
        assert not (has_partner & ~np.array(hints[0])).any()
    assert made > 100


def test_symmetric_walks_reach_known_ranks():
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=100, rounds=20, patience=20, margin=3, slice_seconds=1.0,
        pool=8, seed=0, turns=flip_search.TURNS,
    )  # fmt: skip
    for blocks, rank in [((2,), 7), ((2, 1), 26)]:
        starts = [flip_symmetry.generators(blocks, Z2)]
        pool, flips, _ = flip_search.walk(starts, config, 0.1, seed=0, blocks=blocks)
        assert pool[0].rank <= rank and flips > 0
        for f in pool:
            assert f.verify().ok and f.target.sizes == (sum(blocks),) * 3


def test_a_search_walks_with_symmetry_in_square_formats_alone():
    def kinds(sizes, number, turns=flip_search.TURNS):
        return [flip_search._kind(turn, turns, sizes) for turn in range(number)]

    assert kinds((3, 3, 3), 3) == [("descent", ()), ("best", ()), ("symmetric", (3,))]
    assert [blocks for _, blocks in kinds((3, 3, 3), 9)[2::3]] == [(3,), (2, 1), (1, 1, 1)]
    assert kinds((2, 2, 2), 3, ("symmetric",)) == [("symmetric", b) for b in [(2,), (1, 1), (2,)]]
    assert kinds((1, 1, 1), 1, ("symmetric",)) == [("descent", ())], "has no orbits"
    assert kinds((2, 3, 3), 3) == [("descent", ()), ("best", ()), ("descent", ())]


def test_a_symmetric_search_fills_a_library(tmp_path):
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=100, rounds=5, patience=20, margin=3, slice_seconds=0.1,
        pool=8, seed=0, turns=("symmetric",),
    )  # fmt: skip
    turn = next(flip_search.search([(2, 2, 2)], str(tmp_path), config, 1e6))
    assert turn.rank == 7
    assert library.best(tmp_path, (2, 2, 2), "Z").rank == 7
