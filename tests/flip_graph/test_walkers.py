"""Walkers: every step keeps the sum, searches find known ranks, mistakes are named."""

import numpy as np
import pytest
from brute_force import alive, tensors

from alphatensor import rings
from alphatensor.factorization import Factorization, naive, reduce_mod, sandwich, strassen
from alphatensor.factorization.library import store
from alphatensor.flip_graph import bitmasks, kernel, walkers
from alphatensor.flip_graph.symmetries import (
    Cycle,
    Reflection,
    Reversal,
    Rotation,
    Transposition,
    base,
)
from alphatensor.flip_graph.walkers import WalkOptions

Z = rings.Integers()
Z2 = rings.IntegersMod(2)
Z3 = rings.IntegersMod(3)
RINGS = [Z2, Z3, rings.Integers()]


WALKS = [(ring, sizes) for ring in RINGS for sizes in ((2, 2, 3), (1, 5, 14))]  # one word and two


@pytest.fixture(scope="module", params=WALKS, ids=lambda x: f"{x[0]} {x[1]}")
def walked(request):
    ring, sizes = request.param
    start = naive(sizes, ring)
    slots = walkers.slots_for(start.rank, 3)
    held = walkers.start([start], 32, slots, seed=1)
    options = WalkOptions(tries=7_000, margin=3, patience=600, wraps=ring == Z3)
    return start.target, ring, walkers.run(held, options)


def test_flips_and_plus_transitions_keep_the_sum(walked):
    target, ring, held = walked
    assert (tensors(held.terms, target, ring) == target.tensor).all()
    assert (tensors(held.best, target, ring) == target.tensor).all()
    assert np.array_equal(bitmasks.ranks(held.best), held.best_rank)
    assert np.array_equal(bitmasks.weights(held.best), held.best_weight)
    assert int(held.flips.min()) > 100, "every walker flips"
    assert len({terms.tobytes() for terms in held.terms}) > 25
    if target.sizes == (2, 2, 3):
        assert int(held.best_rank.min()) < 12, "some walker has reduced the naive scheme"


def test_signs_lie_within_supports(walked):
    *_, held = walked
    signs, support = held.terms[..., 1:, :], held.terms[..., :1, :]
    assert not (signs & ~support).any()


def test_a_vanished_term_is_zero_in_all_modes(walked):
    *_, held = walked
    is_alive = alive(held.terms)
    assert (is_alive.all(1) == is_alive.any(1)).all() and not is_alive.all()


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_walks_for_sparsity_make_schemes_sparser(ring):
    # The naive algorithm in another basis; in its own it has 18 entries that are not zero.
    m, k = np.array([[1, 1], [0, 1]]), np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    f = sandwich(naive((1, 2, 3), rings.Integers()), np.eye(1, dtype=int), m, k)
    f = reduce_mod(f, 2) if ring.is_modular else f
    held = walkers.start([f], 64, slots=8, seed=0)
    before = int(held.best_weight[0])
    options = WalkOptions(tries=5_000, margin=2, patience=500, prefer_sparse=True)
    after = walkers.run(held, options)
    assert int(after.best_rank.max()) == 6
    assert before > 20 and int(after.best_weight.min()) == 18
    assert (tensors(after.best, f.target, f.ring) == f.target.tensor).all()


def test_idle_walkers_follow_those_ahead():
    better = store.best("factorizations", (2, 2, 4), Z2)
    assert better.rank == 14
    held = walkers.start([naive((2, 2, 4), Z2)] * 3 + [better], 8, slots=18, seed=0)
    held.states[:4, kernel.IDLE], held.states[:, kernel.FLIPS] = 100, np.arange(8)
    after = walkers.follow(held, idle=100)
    assert after.best_rank.tolist() == [14, 14, 14, 14, 16, 16, 16, 14]
    for terms in (after.terms, after.best):
        assert np.array_equal(bitmasks.ranks(terms), after.best_rank)
    assert np.array_equal(after.seeds, held.seeds), "and go their own ways"
    assert after.idle.tolist() == [0, 0, 0, 100, 0, 0, 0, 0], "the best one stays"
    assert after.flips.tolist() == held.flips.tolist()
    assert walkers.follow(held, idle=101).best_rank.tolist() == held.best_rank.tolist()


def test_walkers_follow_sparser_schemes_of_the_same_rank():
    f = naive((1, 2, 3), Z2)
    dense = sandwich(f, np.eye(1, dtype=int), np.array([[1, 1], [0, 1]]), np.eye(3, dtype=int))
    held = walkers.start([dense, f], 4, slots=8, seed=0)
    held.states[:, kernel.IDLE] = 5
    weights = held.best_weight.tolist()
    assert weights[0] > weights[1]
    assert walkers.follow(held, idle=5).best_weight.tolist() == weights
    after = walkers.follow(held, idle=5, prefer_sparse=True)
    assert after.best_weight.tolist() == [weights[1]] * 4


def test_the_same_seed_walks_the_same_way():
    options = WalkOptions(tries=60, margin=2, patience=30)

    def digest(seed):
        held = walkers.start([naive((2, 2, 2), Z2)], 8, slots=12, seed=seed)
        return walkers.run(held, options).terms

    assert np.array_equal(digest(3), digest(3))
    assert not np.array_equal(digest(3), digest(4))


def test_any_number_of_threads_walks_the_same_way():
    start = walkers.start([naive((2, 2, 2), Z2)], 19, slots=12, seed=5)
    options = WalkOptions(tries=90, margin=2, patience=30)
    ends = [walkers.run(start, options, threads) for threads in (1, 3)]
    for a, b in zip(*ends, strict=True):
        assert np.array_equal(a, b)


def test_walks_reach_known_ranks():
    held = walkers.start([naive((3, 3, 3), Z2)], 128, slots=32, seed=0)
    held = walkers.run(held, WalkOptions(tries=12_000, margin=3, patience=3_000))
    assert int(held.best_rank.min()) <= 24


def test_slots_have_room():
    assert walkers.slots_for(np.int64(98), margin=2) == 101


@pytest.mark.parametrize("kind", ["ring", "mixed", "entries", "sum", "size", "slots", "none"])
def test_unusable_starts_are_named(kind):
    f = naive((2, 2, 2), Z2)
    wrong = np.array(f.u)
    wrong[0, 0] ^= 1
    starts, slots, words = {
        "ring": ([strassen(rings.IntegersMod(5))], 8, "over Z5"),
        "mixed": ([f, naive((2, 2, 2), rings.Integers())], 8, "all over Z2, Z3 or Z"),
        "entries": ([strassen().replace(u=2 * np.array(strassen().u))], 8, "-1, 0 and 1"),
        "sum": ([Factorization(f.target, Z2, wrong, f.v, f.w, {})], 8, "start scheme"),
        "size": ([naive((17, 16, 1), Z2)], 300, "at most 256"),
        "slots": ([f], 7, "rank 8"),
        "none": ([], 8, "at least one"),
    }[kind]
    with pytest.raises(ValueError, match=words):
        walkers.start(starts, 4, slots, 0)


@pytest.mark.parametrize(
    "symmetry",
    [
        Rotation((2,)), Rotation((2, 1)), Reversal((2, 2)), Reversal((2, 1)), Cycle((3, 3, 4)),
        Transposition((3, 3, 3)), Transposition((2, 6, 6)),
        Reflection(sizes=(2, 3, 3), blocks=(2, 1)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_moves_of_orbits_keep_the_sum(ring, symmetry):
    start = symmetry.generators(ring)
    held = walkers.start([start], 16, slots=start.rank + 8, seed=1)
    options = WalkOptions(12_000, 3, 180, symmetry=symmetry, wraps=ring == Z3)
    held = walkers.run(held, options)
    assert int(held.flips.min()) > 5
    is_alive = alive(held.terms)
    assert (is_alive.all(1) == is_alive.any(1)).all()
    for terms in (held.terms, held.best):
        ranks = set()
        for w in range(16):
            f = bitmasks.from_masks(terms[w], start.target, start.ring)
            ranks.add(f.rank)
            assert symmetry.expand(f).verify().ok
    slow = ring != Z2 and not isinstance(symmetry, Rotation)  # entries leave {-1, 0, 1} often
    slow |= max(symmetry.sizes) > 4
    assert min(ranks) < start.rank or slow
    assert np.array_equal(bitmasks.ranks(held.best), held.best_rank)


@pytest.mark.parametrize("symmetry", [Transposition((2, 2, 2)), Reversal((2,))], ids=str)
def test_terms_that_equal_their_image_vanish(symmetry):
    """Over Z2 they count twice; a walk from them alone is rid of them at once."""
    f = symmetry.generators(Z2)
    even = np.ones((4, 1), int)
    factors = [np.hstack([np.array(x), y]) for x, y in zip(f.factors, [even] * 3, strict=True)]
    doubled = base.with_own_target("doubled", Z2, factors)
    held = walkers.start([doubled], 8, 8, seed=0)
    assert set(held.best_rank) == {f.rank + 1}
    options = WalkOptions(tries=1, margin=3, patience=9, symmetry=symmetry)
    held = walkers.run(held, options)
    assert int(held.best_rank.max()) <= f.rank
