"""Flip graph: every step keeps the sum, searches find known ranks, mistakes are named."""

import itertools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import flip_graph, flip_search, rings
from alphatensor.factorization import Factorization, library, naive, strassen

Z2 = rings.IntegersMod(2)
CONFIG = flip_search.SearchConfig(
    walkers=64, sweeps=100, rounds=5, margin=2, slice_seconds=0.1, pool=8, seed=0
)


def tensors(terms, target):
    """The sums mod 2 of schemes uint32 [3, R, W], by brute force."""
    bits = [
        (np.array(terms[mode])[None] >> np.arange(size)[:, None, None]) & 1
        for mode, size in enumerate(target.shape)
    ]
    return np.einsum("irw,jrw,krw->wijk", *(b.astype(int) for b in bits)) % 2


@pytest.fixture(scope="module")
def walked():
    start = naive((2, 2, 3), Z2)
    walkers = flip_graph.start([start], 32, slots=16, seed=1)
    return start.target, flip_graph.run(walkers, rounds=60, sweeps=20, margin=3)


def test_masks_round_trip():
    f = naive((2, 3, 4), Z2)
    masks = flip_graph.to_masks(f)
    assert masks.shape == (3, 24) and masks.dtype == np.uint32
    back = flip_graph.from_masks(np.pad(masks, ((0, 0), (2, 5))), f.target, {})
    assert all(np.array_equal(a, b) for a, b in zip(f.factors, back.factors, strict=True))


def test_flips_and_plus_transitions_keep_the_sum(walked):
    target, walkers = walked
    assert (tensors(walkers.terms, target) == target.tensor).all()
    assert (tensors(walkers.best, target) == target.tensor).all()
    assert np.array_equal(flip_graph.ranks(walkers.best), walkers.best_rank)
    assert int(walkers.flips.min()) > 100, "every walker flips"
    assert len({np.array(walkers.terms[:, :, w]).tobytes() for w in range(32)}) > 25
    assert int(walkers.best_rank.min()) < 12, "some walker has reduced the naive scheme"


def test_a_vanished_term_is_zero_in_all_modes(walked):
    _, walkers = walked
    alive = np.array(walkers.terms) != 0
    assert (alive.all(0) == alive.any(0)).all() and not alive.all()


def test_one_flip_by_hand():
    """a⊗b⊗c + a⊗b'⊗c' with b = b': one term vanishes whichever way it is flipped."""
    a = jnp.array([[1], [1], [0]], jnp.uint32)
    b = jnp.array([[2], [2], [0]], jnp.uint32)
    c = jnp.array([[1], [4], [0]], jnp.uint32)
    for seed in range(1, 40):
        seeds = jnp.array([seed * 2654435761 % 2**32], jnp.uint32)
        *new, _, flipped = flip_graph._flip(a, b, c, seeds)
        if bool(flipped[0]):
            assert sorted(np.array(new)[:, :, 0].T.tolist()) == [[0, 0, 0], [0, 0, 0], [1, 2, 5]]
        else:  # the empty slot was drawn first
            assert np.array_equal(new[2], c)


def test_plus_adds_one_term_and_only_where_wanted():
    f = strassen(Z2)
    terms = flip_graph.start([f], 40, slots=8, seed=0).terms
    wanted = jnp.arange(40) < 20
    seeds = jax.random.bits(jax.random.key(0), (40,), jnp.uint32) | 1
    new, _ = flip_graph._plus(terms, seeds, wanted)
    assert (tensors(new, f.target) == f.target.tensor).all()
    ranks = np.array(flip_graph.ranks(new))
    assert set(ranks[:20]) == {7, 8} and set(ranks[20:]) == {7}
    again, _ = flip_graph._plus(new, seeds, ranks == 8)
    assert np.array_equal(again[:, :, ranks == 8], new[:, :, ranks == 8]), "no slot is free"


def test_the_same_seed_walks_the_same_way():
    def digest(seed):
        walkers = flip_graph.start([naive((2, 2, 2), Z2)], 8, slots=12, seed=seed)
        return np.array(flip_graph.run(walkers, rounds=2, sweeps=10, margin=2).terms)

    assert np.array_equal(digest(3), digest(3))
    assert not np.array_equal(digest(3), digest(4))


def test_blocks_walk_as_one():
    """Walkers in several blocks end where one block of all of them ends."""
    f = naive((2, 2, 2), Z2)
    constants = dict(rounds=3, sweeps=10, margin=2)
    number = 3 * flip_graph.BLOCK // 2  # blocks of 12
    blocks = flip_graph.run(flip_graph.start([f], number, slots=12, seed=5), **constants)
    whole = flip_graph._run(flip_graph.start([f], number, slots=12, seed=5), **constants)
    for a, b in zip(blocks, whole, strict=True):
        assert np.array_equal(a, b)


def test_walks_reach_known_ranks():
    pool, flips = flip_search.walk([naive((2, 2, 2), Z2)], CONFIG, 0.1, seed=0)
    assert pool[0].rank == 7 and flips > 0
    assert all(f.verify().ok for f in pool) and len(pool) > 1
    walkers = flip_graph.start([naive((3, 3, 3), Z2)], 128, slots=32, seed=0)
    walkers = flip_graph.run(walkers, rounds=4, sweeps=500, margin=3)
    assert int(walkers.best_rank.min()) <= 24


@pytest.mark.parametrize("kind", ["ring", "sum", "size", "slots", "none"])
def test_unusable_starts_are_named(kind):
    f = naive((2, 2, 2), Z2)
    wrong = np.array(f.u)
    wrong[0, 0] ^= 1
    starts, slots, words = {
        "ring": ([strassen()], 8, "over Z"),
        "sum": ([Factorization(f.target, Z2, wrong, f.v, f.w, {})], 8, "start scheme"),
        "size": ([naive((6, 6, 1), Z2)], 40, "at most 32"),
        "slots": ([f], 7, "rank 8"),
        "none": ([], 8, "at least one"),
    }[kind]
    with pytest.raises(ValueError, match=words):
        flip_graph.start(starts, 4, slots, 0)


def test_search_fills_a_library_and_goes_on_from_it(tmp_path):
    formats = [(2, 2, 2), (1, 2, 2), (2, 2, 3)]
    turns = list(itertools.islice(flip_search.search(formats, str(tmp_path), CONFIG, 1e6), 3))
    assert {t.sizes for t in turns} == set(formats)
    stored = library.best(tmp_path, (2, 2, 2), "Z")
    assert stored.rank == 7 and stored.verify().ok and stored.provenance["engine"] == "flip graph"
    assert library.best(tmp_path, (1, 2, 2), "Z2").rank == 4
    assert library.best(tmp_path, (2, 3, 2), "Z2").rank <= 12
    again = next(flip_search.search([(2, 2, 2)], str(tmp_path), CONFIG, 1e6))
    assert again.rank == 7 and again.stored == []
    assert list(flip_search.search(formats, str(tmp_path), CONFIG, 1e-6)) == []


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--config.formats=6x6x6", "at most 32 entries"),
        ("--config.formats=skew3", "formats such as"),
        ("--config.seconds=0", "above 0"),
        ("--config.library=/proc/library", "/proc/library"),
        ("--config.search.walkers=0", "search.walkers"),
    ],
)
def test_the_command_names_mistakes(flag, words):
    command = [sys.executable, "-m", "experiments.flip_search"]
    command += ["--config=experiments/configs/flip_small.py", flag]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
