"""Flip graph: every step keeps the sum, searches find known ranks, mistakes are named."""

import collections
import functools
import itertools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import Factorization, naive, reduce_mod, sandwich, strassen
from alphatensor.factorization.library import store as library
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import moves as flip_moves
from alphatensor.flip_graph import origins as flip_origins
from alphatensor.flip_graph import scheduler as flip_search
from alphatensor.flip_graph import walkers as flip_graph

Z2 = rings.IntegersMod(2)
CONFIG = flip_search.SearchConfig(
    ring="Z2", walkers=64, sweeps=100, rounds=5, patience=2, margin=2, slice_seconds=0.1, pool=8,
    seed=0, turns=flip_search.TURNS,
)  # fmt: skip
RINGS = [Z2, rings.Integers()]


def tensors(terms, target):
    """The sums of schemes uint32 [P, 3, R, W], by brute force."""
    factors = []
    for mode, size in enumerate(target.shape):
        planes = [
            (np.array(x[mode])[None] >> np.arange(size)[:, None, None]) & 1 for x in np.array(terms)
        ]
        signs = 1 - 2 * planes[1].astype(int) if len(planes) == 2 else 1
        factors.append(planes[0].astype(int) * signs)
    sums = np.einsum("irw,jrw,krw->wijk", *factors)
    return sums if len(terms) == 2 else sums % 2


@pytest.fixture(scope="module", params=RINGS, ids=str)
def walked(request):
    start = naive((2, 2, 3), request.param)
    walkers = flip_graph.start([start], 32, slots=16, seed=1)
    return start.target, flip_graph.run(walkers, rounds=60, sweeps=40, margin=3, patience=5)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_masks_round_trip(ring):
    f = naive((2, 3, 4), ring)
    if not ring.is_modular:
        f = f.replace(u=-np.array(f.u), v=-np.array(f.v))
    masks = bitmasks.to_masks(f)
    assert masks.shape == (1 if ring.is_modular else 2, 3, 24) and masks.dtype == np.uint32
    padded = np.pad(masks, ((0, 0), (0, 0), (2, 5)))
    back = bitmasks.from_masks(padded, f.target, {})
    assert all(np.array_equal(a, b) for a, b in zip(f.factors, back.factors, strict=True))


def test_flips_and_plus_transitions_keep_the_sum(walked):
    target, walkers = walked
    assert (tensors(walkers.terms, target) == target.tensor).all()
    assert (tensors(walkers.best, target) == target.tensor).all()
    assert np.array_equal(bitmasks.ranks(walkers.best), walkers.best_rank)
    assert np.array_equal(bitmasks.weights(walkers.best), walkers.best_weight)
    assert int(walkers.flips.min()) > 100, "every walker flips"
    assert len({np.array(walkers.terms[..., w]).tobytes() for w in range(32)}) > 25
    assert int(walkers.best_rank.min()) < 12, "some walker has reduced the naive scheme"


def test_signs_lie_within_supports(walked):
    _, walkers = walked
    terms = np.array(walkers.terms)
    assert len(terms) == 1 or not (terms[1] & ~terms[0]).any()


def test_a_vanished_term_is_zero_in_all_modes(walked):
    _, walkers = walked
    alive = np.array(walkers.terms[0]) != 0
    assert (alive.all(0) == alive.any(0)).all() and not alive.all()


def test_hints_miss_no_pair():
    """A walk of single tries: after each, every term with a partner has its bit set."""
    f = naive((2, 2, 2), Z2)
    walkers = flip_graph.start([f], 16, slots=8, seed=0)
    factors = [(walkers.terms[0, mode],) for mode in range(3)]
    hints, seeds = [[jnp.full(16, 255, jnp.uint32)] for _ in range(3)], walkers.seeds
    flip = jax.jit(lambda *x: flip_moves.flip(*x, jnp.array(False), False))
    made = 0
    for number in range(60):
        order = flip_graph._ORDERS[number % 3]
        new, new_hints, seeds, flipped = flip(
            [factors[m] for m in order], [hints[m] for m in order], seeds
        )
        made += int(flipped.sum())
        for m, x, y in zip(order, new, new_hints, strict=True):
            factors[m], hints[m] = x, y
        for mode in range(3):
            rows = np.array(factors[mode][0])
            same = (rows[:, None] == rows[None]) & (rows != 0) & ~np.eye(8, dtype=bool)[:, :, None]
            has_partner = (same.any(1) << np.arange(8)[:, None]).sum(0)
            assert not (has_partner & ~np.array(hints[mode][0])).any()
    assert made > 300


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_one_flip_by_hand(ring):
    """a⊗b⊗c + a⊗b⊗c' becomes a⊗b⊗(c+c') whichever way it is flipped."""
    support = [[[1], [1], [0]], [[2], [2], [0]], [[1], [4], [0]]]
    planes = [support, np.zeros((3, 3, 1))] if not ring.is_modular else [support]
    a, b, c = (tuple(jnp.array(x[m], jnp.uint32) for x in planes) for m in range(3))
    hints = tuple([jnp.array([7], jnp.uint32)] for _ in range(3))
    seen = set()
    for seed in range(1, 40):
        seeds = jnp.array([seed * 2654435761 % 2**32], jnp.uint32)
        new, _, _, flipped = flip_moves.flip((a, b, c), hints, seeds, jnp.array(False), False)
        if not bool(flipped[0]):
            continue  # the empty slot was drawn first, or, with signs, an entry would become 2
        terms = np.array([[x[..., 0] for x in mode] for mode in new])  # [3, P, R]
        alive = terms[:, 0].all(0)
        assert alive.sum() == 1 and terms[:, 0, alive].T.tolist() == [[1, 2, 5]]
        seen.add(int(np.flatnonzero(alive)[0]))
        if not ring.is_modular:  # all three signs multiply to the same tensor
            mask = terms[:, 1, alive][:, 0]
            assert mask[0] in (0, 1) and mask[1] in (0, 2) and mask[2] in (0, 5)
            assert ((mask != 0).sum() % 2) == 0
    assert seen == {0, 1}


def test_sums_that_leave_the_range_are_noted():
    x = (jnp.array([0b011], jnp.uint32), jnp.array([0b010], jnp.uint32))  # (1, -1, 0)
    y = (jnp.array([0b110], jnp.uint32), jnp.array([0b000], jnp.uint32))  # (0, 1, 1)
    plus, large = bitmasks.add(x, y, jnp.array([False]))
    assert [int(p[0]) for p in plus] == [0b101, 0] and not large[0]
    _, large = bitmasks.add(x, y, jnp.array([True]))
    assert large[0], "-1 - 1"


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_plus_adds_one_term_and_only_where_wanted(ring):
    f = strassen(ring)
    terms = flip_graph.start([f], 40, slots=8, seed=0).terms
    wanted = jnp.arange(40) < 20
    seeds = jax.random.bits(jax.random.key(0), (40,), jnp.uint32) | 1
    new, _, made = flip_moves.plus(terms, seeds, wanted)
    assert (tensors(new, f.target) == f.target.tensor).all()
    ranks = np.array(bitmasks.ranks(new))
    assert set(ranks[:20]) == {7, 8} and set(ranks[20:]) == {7}
    assert np.array_equal(made, ranks == 8)
    again, _, _ = flip_moves.plus(new, seeds, ranks == 8)
    assert np.array_equal(again[..., ranks == 8], new[..., ranks == 8]), "no slot is free"


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_walks_for_sparsity_make_schemes_sparser(ring):
    # The naive algorithm in another basis; in its own it has 18 entries that are not zero.
    m, k = np.array([[1, 1], [0, 1]]), np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    f = sandwich(naive((1, 2, 3), rings.Integers()), np.eye(1, dtype=int), m, k)
    f = reduce_mod(f, 2) if ring.is_modular else f
    walkers = flip_graph.start([f], 64, slots=8, seed=0)
    before = int(walkers.best_weight[0])
    options = dict(rounds=20, sweeps=40, margin=2, patience=3)
    after = flip_graph.run(walkers, **options, prefer_sparse=True)
    assert int(after.best_rank.max()) == 6
    assert before > 20 and int(after.best_weight.min()) == 18
    assert (tensors(after.best, f.target) == f.target.tensor).all()


def test_walkers_behind_follow_the_best():
    better = library.best("factorizations", (2, 2, 4), Z2)
    assert better.rank == 14, "more than SLACK below the naive 16"
    walkers = flip_graph.start([naive((2, 2, 4), Z2)] * 7 + [better], 8, slots=18, seed=0)
    after = flip_graph.follow(jax.tree.map(jnp.array, walkers))
    assert sorted(after.best_rank.tolist()) == [14, 14, 16, 16, 16, 16, 16, 16]
    for terms in (after.terms, after.best):
        assert np.array_equal(bitmasks.ranks(terms), after.best_rank)
    assert np.array_equal(after.seeds, walkers.seeds), "and go their own ways"
    near = flip_graph.start([naive((2, 2, 2), Z2)] * 7 + [strassen(Z2)], 8, slots=10, seed=0)
    assert flip_graph.follow(near).best_rank.tolist() == [8] * 7 + [7]


def test_compact_walkers_have_the_same_schemes(walked):
    target, walkers = walked
    slots = int(max(walkers.best_rank.max(), bitmasks.ranks(walkers.terms).max()))
    assert slots < walkers.terms.shape[2]
    after = flip_graph.compact(walkers, slots)
    assert after.terms.shape[2] == after.best.shape[2] == slots
    assert (tensors(after.terms, target) == target.tensor).all()
    assert np.array_equal(bitmasks.ranks(after.best), walkers.best_rank)
    assert np.array_equal(after.seeds, walkers.seeds)


def test_the_same_seed_walks_the_same_way():
    def digest(seed):
        walkers = flip_graph.start([naive((2, 2, 2), Z2)], 8, slots=12, seed=seed)
        return np.array(flip_graph.run(walkers, rounds=2, sweeps=10, margin=2, patience=1).terms)

    assert np.array_equal(digest(3), digest(3))
    assert not np.array_equal(digest(3), digest(4))


def test_blocks_walk_as_one():
    """Walkers in several blocks end where one block of all of them ends."""
    f = naive((2, 2, 2), Z2)
    constants = dict(rounds=3, sweeps=10, margin=2, patience=1, prefer_sparse=False, symmetry=None)
    number = 192  # blocks of 96
    blocks = flip_graph.run(flip_graph.start([f], number, slots=12, seed=5), **constants)
    whole = flip_graph._run(flip_graph.start([f], number, slots=12, seed=5), **constants)
    for a, b in zip(blocks, whole, strict=True):
        assert np.array_equal(a, b)


def test_walks_reach_known_ranks():
    pool, flips, _ = flip_search.walk([naive((2, 2, 2), Z2)], CONFIG, 0.1, seed=0)
    assert pool[0].rank == 7 and flips > 0
    assert all(f.verify().ok for f in pool) and len(pool) > 1
    walkers = flip_graph.start([naive((3, 3, 3), Z2)], 128, slots=32, seed=0)
    walkers = flip_graph.run(walkers, rounds=40, sweeps=100, margin=3, patience=20)
    assert int(walkers.best_rank.min()) <= 24


@pytest.mark.parametrize("kind", ["ring", "mixed", "entries", "sum", "size", "slots", "none"])
def test_unusable_starts_are_named(kind):
    f = naive((2, 2, 2), Z2)
    wrong = np.array(f.u)
    wrong[0, 0] ^= 1
    starts, slots, words = {
        "ring": ([strassen(rings.IntegersMod(3))], 8, "over Z3"),
        "mixed": ([f, naive((2, 2, 2), rings.Integers())], 8, "all over Z2 or all over Z"),
        "entries": ([strassen().replace(u=2 * np.array(strassen().u))], 8, "-1, 0 and 1"),
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
    assert any("were tried and" in line for t in turns for line in t.stored)
    again = next(flip_search.search([(2, 2, 2)], str(tmp_path), CONFIG, 1e6))
    assert again.rank == 7 and again.stored == []
    assert list(flip_search.search(formats, str(tmp_path), CONFIG, 1e-6)) == []


def test_descents_start_from_each_origin_low_ones_more_often(tmp_path):
    folder = str(tmp_path)
    library.add(folder, strassen(Z2))
    stored = functools.partial(flip_search._stored, folder=folder, ring=Z2)
    near = flip_origins.neighbours((2, 2, 3), stored)
    assert list(near) == [(2, 2, 2)]
    (eleven,) = near[2, 2, 2]
    assert eleven.rank == 11 and eleven.verify().ok, "seven, and four for a column"
    origins, used = near | {None: [naive((2, 2, 3), Z2)]}, collections.Counter()
    for expected in [(2, 2, 2), (2, 2, 2), None, (2, 2, 2), (2, 2, 2), None]:
        assert flip_search._next_origin(origins, used) is origins[expected]
    assert flip_search._next_origin({}, used) == []


def test_a_scheme_that_lifts_is_stored_where_those_of_less_rank_do_not(tmp_path):
    seven, eight = strassen(Z2), naive((2, 2, 2), Z2)
    lifts = {bitmasks.key(seven): None, bitmasks.key(eight): naive((2, 2, 2), rings.Integers())}
    lines = flip_search._store([seven], [eight], str(tmp_path), {}, lifts, 1.0)
    assert library.best(tmp_path, (2, 2, 2), "Z2").rank == 7
    assert library.best(tmp_path, (2, 2, 2), "Z").rank == 8
    assert len(lines) == 3 and "1 were tried and 0 lift" in lines[2], "even where tried before"


def test_sums_of_two_formats_are_origins(tmp_path):
    folder = str(tmp_path)
    library.add(folder, strassen(Z2))
    stored = functools.partial(flip_search._stored, folder=folder, ring=Z2)
    sums = flip_origins.sums((2, 2, 5), stored, Z2)
    ((f,),) = sums.values()
    assert list(sums) == [((2, 2, 2), (2, 2, 3))]
    assert f.rank == 7 + 12 and f.target.sizes == (2, 2, 5) and f.verify().ok
    assert len(flip_origins.sums((4, 4, 4), stored, Z2)) == 1, "all sizes are equal"
    assert flip_origins.sums((2, 3, 3), stored, Z2) == {}


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--config.formats=6x6x6", "at most 32 entries"),
        ("--config.formats=skew3", "formats such as"),
        ("--config.seconds=0", "above 0"),
        ("--config.library=/proc/library", "/proc/library"),
        ("--config.search.walkers=0", "search.walkers"),
        ("--config.search.ring=Z3", "'Z' or 'Z2'"),
        ("--config.search.turns=('naive',)", "some of 'descent'"),
        ("--config.search.symmetries=('mirror',)", "some of 'reversal', 'rotation'"),
    ],
)
def test_the_command_names_mistakes(flag, words):
    command = [sys.executable, "-m", "experiments.flip_search"]
    command += ["--config=experiments/configs/flip_small.py", flag]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_damaged_library_is_named_before_any_walk(tmp_path):
    (tmp_path / "2x2x2_Z2.npz").write_text("garbage")
    command = [sys.executable, "-m", "experiments.flip_search"]
    command += ["--config=experiments/configs/flip_small.py", "--config.formats=2x2x3"]
    command += [f"--config.library={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "2x2x2_Z2.npz" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["2x2x2_Z2.npz"]
