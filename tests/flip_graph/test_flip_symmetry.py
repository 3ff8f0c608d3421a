"""Schemes that keep a symmetry: exact starts, moves that keep the sum, known ranks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.factorization import extend, naive, permute_sizes, project
from alphatensor.factorization.library import store as library
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import moves as flip_moves
from alphatensor.flip_graph import origins as flip_origins
from alphatensor.flip_graph import scheduler as flip_search
from alphatensor.flip_graph import symmetry as flip_symmetry
from alphatensor.flip_graph import walkers as flip_graph
from alphatensor.flip_graph.symmetry import (
    Cycle,
    Reflection,
    Reversal,
    Rotation,
    Swap,
    Transposition,
)

Z2, Z = rings.IntegersMod(2), rings.Integers()
ROTATIONS = [Rotation(blocks) for blocks in [(2,), (1, 1), (3,), (2, 1), (1, 1, 1), (2, 2)]]
REVERSALS = [Reversal(blocks) for blocks in [(2,), (3,), (2, 1), (2, 2), (3, 2), (2, 2, 1)]]


def test_partitions_are_all_of_them():
    assert list(flip_symmetry.partitions(4)) == [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]


@pytest.mark.parametrize("symmetry", ROTATIONS + REVERSALS, ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_simplest_generators_expand_to_the_target(ring, symmetry):
    f = flip_symmetry.generators(symmetry, ring)
    whole = flip_symmetry.expand(f, symmetry)
    blocks = symmetry.blocks
    n = sum(blocks)
    assert f.verify().ok and whole.verify().ok
    assert np.array_equal(whole.target.tensor, targets.matmul(n, n, n).tensor)
    assert whole.rank == len(blocks) + (6 if symmetry in REVERSALS else 3) * f.rank
    keys = map(flip_symmetry._key, zip(*(np.array(x).T for x in whole.factors), strict=True))
    assert len(set(keys)) == whole.rank
    fixed = flip_symmetry.fixed_factors(blocks)
    assert np.array_equal(fixed.sum(1).reshape(n, n), np.eye(n))


@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 5, 5), (5, 4, 4)], ids=str)
@pytest.mark.parametrize("kind", [Cycle, Swap, Transposition])
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_the_naive_algorithm_keeps_relabellings(ring, kind, sizes):
    n, m, p = sizes
    symmetry = kind(sizes)
    f = flip_symmetry.generators(symmetry, ring)
    fixed = {
        Cycle: (n - 3) * (m - 3) * (p - 3),
        Swap: (n % 2) * m * (p % 2),
        Transposition: (n % 2) * m,
    }[kind]
    assert f.verify().ok and symmetry.order * f.rank == n * m * p - fixed
    whole = flip_symmetry.expand(f, symmetry)
    assert whole.verify().ok and whole.rank == n * m * p
    again = flip_symmetry.split(whole, symmetry)
    assert bitmasks.key(flip_symmetry.expand(again, symmetry)) == bitmasks.key(whole)


@pytest.mark.parametrize(
    ("symmetry", "mode", "places"),
    [
        (Cycle((3, 4, 5)), 0, {4: 9, 11: 3}),  # (1, 0) of a 3x4 matrix to (2, 1), (2, 3) to (0, 3)
        (Swap((3, 4, 5)), 0, {4: 0, 11: 11}),  # (1, 0) to (0, 0), (2, 3) stays
        (Swap((3, 4, 5)), 2, {7: 9, 12: 13}),  # (2, 1) of a 5x3 matrix to (3, 0), (4, 0) to (4, 1)
        (Reflection((2, 3, 3), (3,)), 0, {0: 5, 4: 1}),  # (0, 0) of a 2x3 matrix to (1, 2)
        (Reversal((3, 2)), 1, {3: 14, 12: 0}),  # (0, 3) to (2, 4), (2, 2) to (0, 0)
        (Transposition((3, 4, 4)), 0, {1: 4, 11: 11}),  # (0, 1) of 3x4 to (1, 1) of 4x3
        (Transposition((3, 4, 4)), 1, {1: 4, 14: 11}),  # (0, 1) of a 4x4 matrix to (1, 0)
        (Transposition((3, 4, 4)), 2, {3: 5, 11: 11}),  # (1, 0) of 4x3 to (1, 1) of 3x4
    ],
)
def test_relabellings_by_hand(symmetry, mode, places):
    words = (np.array([1 << place for place in places], np.uint32),)
    moved = bitmasks.moved(words, flip_symmetry.moved_bits(symmetry, mode, 1))
    assert np.array_equal(moved[0], [1 << place for place in places.values()])


@pytest.mark.parametrize(
    "symmetry",
    [Cycle((3, 4, 4)), Swap((3, 4, 4)), Transposition((3, 4, 4)), Reversal((3, 1))],
    ids=str,
)
def test_turns_lead_back(symmetry):
    for mode in range(3):
        words = (np.arange(1, 2**12, 37, dtype=np.uint32),)
        for turns in range(symmetry.order):
            there = bitmasks.moved(words, flip_symmetry.moved_bits(symmetry, mode, turns))
            rest, image = -turns % symmetry.order, symmetry.modes[mode] if turns else mode
            back = bitmasks.moved(there, flip_symmetry.moved_bits(symmetry, image, rest))
            assert np.array_equal(back[0], words[0]), (mode, turns)


@pytest.mark.parametrize("symmetry", ROTATIONS + REVERSALS, ids=str)
def test_generators_of_rotations_are_found_again(symmetry):
    whole = flip_symmetry.expand(flip_symmetry.generators(symmetry, Z), symmetry)
    for its in (symmetry, Rotation(symmetry.blocks)):
        parts = flip_symmetry.split(whole, its)
        orbits = 6 if isinstance(its, Reversal) else 3
        assert orbits * parts.rank == whole.rank - len(symmetry.blocks)
        assert bitmasks.key(flip_symmetry.expand(parts, its)) == bitmasks.key(whole)
    ones = Rotation((1,) * symmetry.sizes[0])
    assert ones.blocks == symmetry.blocks or flip_symmetry.split(whole, ones) is None


@pytest.mark.parametrize("sizes", [(2, 2, 3), (2, 3, 3), (4, 4, 5), (4, 5, 5)], ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_reflections_are_what_is_left_of_reversals(ring, sizes):
    choices = flip_symmetry.symmetries(sizes, ["reflection"])
    blocks = {3: [(3,), (2, 1)], 5: [(5,), (4, 1), (3, 2), (2, 2, 1)]}[sizes[2]]
    assert [x.blocks for x in choices] == blocks
    for symmetry in choices:
        f = flip_symmetry.generators(symmetry, ring)
        whole = flip_symmetry.expand(f, symmetry)
        assert whole.verify().ok and whole.sizes == sizes
        again = flip_symmetry.split(whole, symmetry)
        assert bitmasks.key(flip_symmetry.expand(again, symmetry)) == bitmasks.key(whole)


def test_fixed_terms_of_a_reflection_by_hand():
    u, v, w = Reflection((2, 3, 3), (2, 1)).fixed_terms()
    assert u.T.tolist() == [[1, 0, 0, 0, 1, 0]]
    assert v.T.tolist() == [[1, 0, 0, 0, 1, 0, 0, 0, 0]]
    assert w.T.tolist() == [[1, 0, 0, 1, 0, 0]]
    assert flip_symmetry.symmetries((3, 3, 3), ["reflection"]) == []
    assert flip_symmetry.symmetries((3, 4, 4), ["reflection"]) == [], "4 indices, none stays"
    assert flip_symmetry.symmetries((3, 5, 5), ["reflection"]) == []


def test_rotations_go_on_from_reversals():
    symmetry = Reversal((2, 1))
    whole = flip_symmetry.expand(flip_symmetry.generators(symmetry, Z2), symmetry)
    known = {symmetry: [whole]}
    origins = flip_origins.symmetric(Rotation((2, 1)), lambda x: known.get(x, []))
    assert list(origins) == [symmetry] and origins[symmetry][0].rank == 10
    assert not flip_origins.symmetric(Rotation((3,)), lambda x: known.get(x, []))
    assert not flip_origins.symmetric(symmetry, lambda x: known.get(x, []))


def test_schemes_without_the_cycle_are_not_split():
    cycle = Cycle((3, 3, 3))
    assert flip_symmetry.split(library.best("factorizations", (3, 3, 3), "Z2"), cycle) is None
    f = naive((3, 3, 3), Z2)
    twice = f.replace(**{x: np.hstack([getattr(f, x)] * 3) for x in "uvw"})
    assert flip_symmetry.split(twice, cycle) is None


@pytest.mark.parametrize(
    "symmetry",
    [
        Rotation((2,)), Rotation((2, 1)), Reversal((2, 2)), Reversal((2, 1)), Cycle((3, 3, 4)),
        Swap((2, 3, 4)), Transposition((3, 3, 3)), Reflection((2, 3, 3), (2, 1)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_moves_of_orbits_keep_the_sum(ring, symmetry):
    start = flip_symmetry.generators(symmetry, ring)
    walkers = flip_graph.start([start], 16, slots=start.rank + 8, seed=1)
    walkers = flip_graph.run(
        walkers, rounds=200, sweeps=20, margin=3, patience=3, symmetry=symmetry
    )
    assert int(walkers.flips.min()) > 5
    alive = np.array(walkers.terms[0]) != 0
    assert (alive.all(0) == alive.any(0)).all()
    for terms in (walkers.terms, walkers.best):
        ranks = set()
        for w in range(16):
            f = bitmasks.from_masks(np.array(terms[..., w]), start.target, {})
            ranks.add(f.rank)
            assert flip_symmetry.expand(f, symmetry).verify().ok
    slow = ring == Z and not isinstance(symmetry, Rotation)  # entries leave {-1, 0, 1} often
    assert min(ranks) < start.rank or slow
    assert np.array_equal(bitmasks.ranks(walkers.best), walkers.best_rank)


@pytest.mark.parametrize(
    ("symmetry", "neighbours"),
    [
        (
            Cycle((3, 3, 4)),
            lambda f: [extend(f, "m"), project(f, "p"), extend(permute_sizes(f, (4, 3, 3)), "p")],
        ),
        (Swap((2, 3, 4)), lambda f: [extend(f, "n"), extend(f, "m"), extend(f, "p")]),
        (Transposition((2, 3, 3)), lambda f: [extend(f, "n"), extend(extend(f, "m"), "p")]),
        (Transposition((3, 3, 3)), lambda f: [extend(extend(f, "m"), "p")]),
    ],
    ids=["cycle", "swap", "transposition", "transposition with fixed terms"],
)
def test_neighbours_of_symmetric_schemes_are_symmetric(symmetry, neighbours):
    walkers = flip_graph.start([flip_symmetry.generators(symmetry, Z2)], 16, 16, seed=0)
    walkers = flip_graph.run(
        walkers, rounds=400, sweeps=20, margin=3, patience=3, symmetry=symmetry
    )
    target = flip_symmetry.generators(symmetry, Z2).target
    best = walkers.best[..., int(walkers.best_rank.argmin())]
    f = bitmasks.from_masks(np.array(best), target, {})
    f = flip_symmetry.expand(f, symmetry)
    assert f.rank < np.prod(symmetry.sizes)
    for other in neighbours(f):
        its = type(symmetry)(other.sizes)
        parts = flip_symmetry.split(other, its)
        assert parts.verify().ok
        whole = flip_symmetry.expand(parts, its)
        assert bitmasks.key(whole) == bitmasks.key(other)


@pytest.mark.parametrize("symmetry", [Rotation((1, 1)), Reversal((2, 1))], ids=str)
def test_hints_miss_no_pair_of_orbits(symmetry):
    start = flip_symmetry.generators(symmetry, Z2)
    slots = 6
    walkers = flip_graph.start([start], 16, slots=slots, seed=0)
    factors = (walkers.terms[0].reshape(3 * slots, 16),)
    hints, seeds = [jnp.full(16, 8**slots - 1, jnp.uint32)], walkers.seeds
    turns = flip_graph._turns(symmetry)
    flip = jax.jit(lambda *x: flip_moves.flip_orbits(*x, jnp.array(False), False, turns))
    generator, made = np.arange(3 * slots) % slots, 0
    for _ in range(60):
        factors, hints, seeds, flipped = flip(factors, hints, seeds)
        made += int(flipped.sum())
        rows = np.array(factors[0])
        images = np.stack([np.array(turn((rows,))[0]) for turn in turns[0]])
        same = (images[:, :, None] == rows).any(0) & (rows != 0)
        same &= (generator[:, None] != generator)[:, :, None]
        has_partner = (same.any(1) << np.arange(3 * slots)[:, None]).sum(0)
        assert not (has_partner & ~np.array(hints[0])).any()
    assert made > 100


@pytest.mark.parametrize(
    "symmetry", [Swap((2, 2, 2)), Transposition((2, 2, 2)), Reversal((2,))], ids=str
)
def test_terms_that_equal_their_image_vanish(symmetry):
    """Over Z2 they count twice; a walk from them alone is rid of them at once."""
    f = flip_symmetry.generators(symmetry, Z2)
    even = np.ones((4, 1), int)
    factors = [np.hstack([np.array(x), y]) for x, y in zip(f.factors, [even] * 3, strict=True)]
    doubled = flip_symmetry._with_own_target("doubled", Z2, factors)
    walkers = flip_graph.start([doubled], 8, 8, seed=0)
    own = np.array(flip_graph._is_own_image(walkers.terms, symmetry))
    assert own[: f.rank + 1].sum() == 8 and own[f.rank].all(), "the last one, and free slots"
    walkers = flip_graph.run(walkers, rounds=1, sweeps=1, margin=3, patience=9, symmetry=symmetry)
    assert int(walkers.best_rank.max()) <= f.rank


@pytest.mark.parametrize("symmetry", [Cycle((3, 3, 4)), Swap((2, 3, 4))], ids=str)
def test_hints_miss_no_pair_of_images(symmetry):
    f = flip_symmetry.generators(symmetry, Z2)
    walkers = flip_graph.start([f], 16, slots=-(-f.rank // 8) * 8, seed=0)
    turns = flip_graph._turns(symmetry)
    factors = [(walkers.terms[0, mode],) for mode in range(3)]
    slots = walkers.terms.shape[2]
    hints = [[jnp.full(16, 2**slots - 1, jnp.uint32)] for _ in range(3)]
    flip = jax.jit(lambda *x: flip_moves.flip(*x, jnp.array(False), False, turns))
    seeds, made = walkers.seeds, 0
    for _ in range(60):
        factors, hints, seeds, flipped = flip(factors, hints, seeds)
        made += int(flipped.sum())
        for mode in range(3):
            rows = np.array(factors[mode][0])
            images = np.stack([np.array(turn((rows,))[0]) for turn in turns[mode]])
            same = (images[:, :, None] == rows).any(0) & (rows != 0)
            same &= ~np.eye(slots, dtype=bool)[:, :, None]
            has_partner = (same.any(1) << np.arange(slots)[:, None]).sum(0)
            assert not (has_partner & ~np.array(hints[mode][0])).any()
    assert made > 100


def test_hints_miss_no_pair_of_transposed_terms():
    symmetry = Transposition((2, 3, 3))
    f = flip_symmetry.generators(symmetry, Z2)
    walkers = flip_graph.start([f], 16, slots=12, seed=0)
    first, inner, last = ((walkers.terms[0, mode],) for mode in range(3))
    there = flip_graph._turn(symmetry, 2, 1)
    turns = [flip_graph._turn(symmetry, 1, k) for k in range(2)]
    outer = (jnp.concatenate([*first, *there(last)]),)
    hints = [[jnp.full(16, 2**slots - 1, jnp.uint32)] for slots in (24, 12)]
    flip = jax.jit(
        lambda *x, is_inner: flip_moves.flip_transposed(
            *x, jnp.array(False), False, turns, is_inner
        ),
        static_argnames="is_inner",
    )
    seeds, made = walkers.seeds, [0, 0]
    for step in range(80):
        is_inner = step % 2 == 1
        outer, inner, hints, seeds, flipped = flip(outer, inner, hints, seeds, is_inner=is_inner)
        made[is_inner] += int(flipped.sum())
        for planes, images, (words,) in [
            (outer, [outer[0]], hints[0]),
            (inner, [turn(inner)[0] for turn in turns], hints[1]),
        ]:
            rows = np.array(planes[0])
            same = (np.stack(images)[:, :, None] == rows).any(0) & (rows != 0)
            number = np.arange(len(rows))
            same &= (number[:, None] % 12 != number % 12)[:, :, None]
            has_partner = (same.any(1) << number[:, None]).sum(0)
            assert not (has_partner & ~np.array(words)).any()
    assert min(made) > 50


def test_symmetric_walks_reach_known_ranks():
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=100, rounds=20, patience=20, margin=3, slice_seconds=1.0,
        pool=8, seed=0, turns=flip_search.TURNS,
    )  # fmt: skip
    for symmetry, rank in [
        (Rotation((2,)), 7), (Rotation((2, 1)), 26), (Cycle((3, 3, 4)), 33), (Swap((2, 2, 2)), 8),
        (Transposition((3, 3, 3)), 25), (Reversal((2,)), 7), (Reversal((2, 1)), 26),
    ]:  # fmt: skip
        starts = [flip_symmetry.generators(symmetry, Z2)]
        pool, flips, _ = flip_search.walk(starts, config, 0.1, seed=0, symmetry=symmetry)
        assert pool[0].rank <= rank and flips > 0
        for f in pool:
            assert f.verify().ok
            if isinstance(symmetry, flip_symmetry.Relabelling):
                assert flip_symmetry.split(f, symmetry) is not None


def test_a_search_takes_the_symmetries_of_a_format_in_turn():
    def kinds(sizes, number, turns=flip_search.TURNS, symmetries=tuple(flip_symmetry.KINDS)):
        config = flip_search.SearchConfig(
            "Z2", 64, 20, 5, 20, 3, 0.1, 8, 0, turns=turns, symmetries=symmetries
        )
        return [flip_search._kind(turn, config, sizes) for turn in range(number)]

    first, cube = Reversal((3,)), (3, 3, 3)
    relabellings = [Cycle(cube), Swap(cube), Transposition(cube)]
    assert kinds((3, 3, 3), 3) == [("descent", None), ("best", None), ("symmetric", first)]
    rotations = [Rotation((3,)), Rotation((2, 1)), Rotation((1, 1, 1))]
    rotations = [first, Reversal((2, 1)), *rotations]
    choices = [*rotations, *relabellings, first]
    assert [symmetry for _, symmetry in kinds((3, 3, 3), 27)[2::3]] == choices
    two = [Reversal((2,)), Rotation((2,)), Rotation((1, 1)), Swap((2, 2, 2))]
    two += [Transposition((2, 2, 2))]
    assert kinds((2, 2, 2), 6, ("symmetric",)) == [("symmetric", x) for x in [*two, two[0]]]
    assert kinds((2, 3, 3), 2, ("symmetric",))[1] == ("symmetric", Reflection((2, 3, 3), (2, 1)))
    pairs = [kinds(sizes, 3, ("symmetric",))[2][1] for sizes in [(3, 3, 5), (3, 5, 5)]]
    assert pairs == [Transposition((5, 3, 3)), Transposition((3, 5, 5))]
    assert kinds((3, 3, 5), 2, ("symmetric",), ("swap",)) == [("symmetric", Swap((3, 3, 5)))] * 2
    assert kinds((3, 3, 5), 1, ("symmetric",), ("rotation",)) == [("descent", None)]
    assert kinds((3, 4, 5), 1, ("symmetric",)) == [("symmetric", Cycle((3, 4, 5)))]
    assert kinds((1, 1, 1), 1, ("symmetric",)) == [("descent", None)], "has no orbits"
    assert kinds((1, 3, 3), 3) == [("descent", None), ("best", None), ("descent", None)]


def test_a_search_comes_to_a_format_from_smaller_ones(tmp_path):
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=20, rounds=50, patience=20, margin=3, slice_seconds=0.1,
        pool=8, seed=0, turns=("symmetric",),
    )  # fmt: skip
    found = flip_search.search([(3, 4, 4)], str(tmp_path), config, 1e6)
    turns = [next(found) for _ in range(7)]
    cycles = [turn for turn in turns if turn.kind == "symmetric cycle"]
    assert [turn.sizes for turn in cycles] == [(3, 3, 3), (3, 3, 4), (3, 4, 4)]
    assert {turn.sizes for turn in turns if turn.kind == "symmetric swap"} == {(3, 4, 4)}
    assert cycles[2].reached <= cycles[1].reached + 12 < 48, "starts from 3x3x4, extended"
    others = [turn for turn in turns if turn.kind == "symmetric transposition"]
    assert [turn.sizes for turn in others] == [(3, 3, 3), (3, 4, 4)]
    assert others[1].reached <= others[0].reached + 21 < 48, "starts from 3x3x3, extended twice"


def test_reflections_come_from_reversals(tmp_path):
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=20, rounds=50, patience=5, margin=3, slice_seconds=0.1,
        pool=8, seed=0, turns=("symmetric",), symmetries=("reflection",),
    )  # fmt: skip
    found = flip_search.search([(2, 2, 3)], str(tmp_path), config, 1e6)
    turns = [next(found) for _ in range(8)]
    kinds = [(turn.sizes, turn.kind.removeprefix("symmetric ")) for turn in turns]
    assert kinds[:2] == [((3, 3, 3), "reversal (3,)"), ((3, 3, 3), "reversal (2, 1)")]
    assert ((2, 3, 3), "reflection (2, 1)") in kinds and ((2, 2, 3), "reflection (3,)") in kinds
    assert library.best(tmp_path, (2, 3, 3), "Z2").rank <= 16


def test_a_symmetric_search_fills_a_library(tmp_path):
    config = flip_search.SearchConfig(
        ring="Z2", walkers=64, sweeps=100, rounds=5, patience=20, margin=3, slice_seconds=0.1,
        pool=8, seed=0, turns=("symmetric",),
    )  # fmt: skip
    turn = next(flip_search.search([(2, 2, 2)], str(tmp_path), config, 1e6))
    assert turn.rank == 7
    assert library.best(tmp_path, (2, 2, 2), "Z").rank == 7


def test_symmetric_walks_go_on_from_schemes_that_may_lift():
    schemes = [naive((1, 1, size), Z2) for size in range(1, 6)]
    keys = [bitmasks.key(f) for f in schemes]
    lifted = dict(zip(keys[:2], schemes[:2], strict=True))
    promising = flip_search._promising
    assert promising(schemes, [], {}) == schemes
    assert promising(schemes, schemes[:2], lifted) == schemes
    assert promising(schemes, schemes[:2], lifted | {keys[2]: None}) == [*schemes[:2], *schemes[3:]]
    most = lifted | dict.fromkeys(keys[2:])
    assert promising(schemes, schemes[:2], most) == schemes[:2], "most that were tried do not lift"
    assert promising(schemes, [], dict.fromkeys(keys)) == schemes, "none lifts"
