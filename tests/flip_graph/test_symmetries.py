"""Symmetries: exact starts, images by hand, schemes that keep them are split and found again."""

import dataclasses

import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.factorization import extend, naive, permute_sizes, project
from alphatensor.factorization.library import store
from alphatensor.flip_graph import bitmasks, symmetries, walkers
from alphatensor.flip_graph.symmetries import (
    Cycle,
    Reflection,
    Reversal,
    Rotation,
    Swap,
    Symmetry,
    Transposition,
    base,
    rotation,
)
from alphatensor.flip_graph.walkers import WalkOptions

Z2, Z = rings.IntegersMod(2), rings.Integers()
ROTATIONS = [Rotation(blocks) for blocks in [(2,), (1, 1), (3,), (2, 1), (1, 1, 1), (2, 2)]]
REVERSALS = [Reversal(blocks) for blocks in [(2,), (3,), (2, 1), (2, 2), (3, 2), (2, 2, 1)]]


def test_partitions_are_all_of_them():
    assert list(rotation.partitions(4)) == [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]


@pytest.mark.parametrize("symmetry", ROTATIONS + REVERSALS, ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_simplest_generators_expand_to_the_target(ring, symmetry):
    f = symmetry.generators(ring)
    whole = symmetry.expand(f)
    blocks = symmetry.blocks
    n = sum(blocks)
    assert f.verify().ok and whole.verify().ok
    assert np.array_equal(whole.target.tensor, targets.matmul(n, n, n).tensor)
    assert whole.rank == len(blocks) + (6 if symmetry in REVERSALS else 3) * f.rank
    keys = map(base.term_key, zip(*(np.array(x).T for x in whole.factors), strict=True))
    assert len(set(keys)) == whole.rank
    fixed = rotation.block_units(blocks)
    assert np.array_equal(fixed.sum(1).reshape(n, n), np.eye(n))


@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 5, 5), (5, 4, 4)], ids=str)
@pytest.mark.parametrize("kind", [Cycle, Transposition])
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_the_naive_algorithm_keeps_relabellings(ring, kind, sizes):
    n, m, p = sizes
    symmetry = kind(sizes)
    f = symmetry.generators(ring)
    fixed = {
        Cycle: (n - 3) * (m - 3) * (p - 3),
        Transposition: (n % 2) * m,
    }[kind]
    assert f.verify().ok and symmetry.order * f.rank == n * m * p - fixed
    whole = symmetry.expand(f)
    assert whole.verify().ok and whole.rank == n * m * p
    again = symmetry.split(whole)
    assert bitmasks.scheme_key(symmetry.expand(again)) == bitmasks.scheme_key(whole)


@pytest.mark.parametrize(
    ("symmetry", "mode", "places"),
    [
        (Cycle((3, 4, 5)), 0, {4: 9, 11: 3}),  # (1, 0) of a 3x4 matrix to (2, 1), (2, 3) to (0, 3)
        (Swap((3, 4, 5), (1, 0, 2)), 0, {4: 0, 11: 11}),  # (1, 0) to (0, 0), (2, 3) stays
        (
            Swap((3, 4, 5), (1, 0, 2)),
            2,
            {7: 9, 12: 13},
        ),  # (2, 1) of a 5x3 matrix to (3, 0), (4, 0) to (4, 1)
        (
            Reflection(sizes=(2, 3, 3), blocks=(3,)),
            0,
            {0: 5, 4: 1},
        ),  # (0, 0) of a 2x3 matrix to (1, 2)
        (Reversal((3, 2)), 1, {3: 14, 12: 0}),  # (0, 3) to (2, 4), (2, 2) to (0, 0)
        (Transposition((3, 4, 4)), 0, {1: 4, 11: 11}),  # (0, 1) of 3x4 to (1, 1) of 4x3
        (Transposition((3, 4, 4)), 1, {1: 4, 14: 11}),  # (0, 1) of a 4x4 matrix to (1, 0)
        (Transposition((3, 4, 4)), 2, {3: 5, 11: 11}),  # (1, 0) of 4x3 to (1, 1) of 3x4
    ],
)
def test_relabellings_by_hand(symmetry, mode, places):
    images = symmetry.entry_images(mode, 1)
    assert {place: images[place] for place in places} == places


@pytest.mark.parametrize(
    "symmetry",
    [
        Cycle((3, 4, 4)), Swap((3, 4, 4), (1, 1, 2)), Transposition((3, 4, 4)), Reversal((3, 1)),
        Swap((6, 7, 8), (3, 0, 4)), Transposition((4, 8, 8)), Reversal((4, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_images_lead_back(symmetry):
    for mode in range(3):
        for turns in range(symmetry.order):
            there = symmetry.entry_images(mode, turns)
            rest, image = -turns % symmetry.order, symmetry.modes[mode] if turns else mode
            back = symmetry.entry_images(image, rest)
            assert np.array_equal(back[there], np.arange(len(there))), (mode, turns)


@pytest.mark.parametrize("symmetry", ROTATIONS + REVERSALS, ids=str)
def test_generators_of_rotations_are_found_again(symmetry):
    whole = symmetry.expand(symmetry.generators(Z))
    for its in (symmetry, Rotation(symmetry.blocks)):
        parts = its.split(whole)
        orbits = 6 if isinstance(its, Reversal) else 3
        assert orbits * parts.rank == whole.rank - len(symmetry.blocks)
        assert bitmasks.scheme_key(its.expand(parts)) == bitmasks.scheme_key(whole)
    ones = Rotation((1,) * symmetry.sizes[0])
    assert ones.blocks == symmetry.blocks or ones.split(whole) is None


@pytest.mark.parametrize("sizes", [(2, 2, 3), (2, 3, 3), (4, 4, 5), (4, 5, 5)], ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_reflections_are_what_is_left_of_reversals(ring, sizes):
    choices = symmetries.symmetries_of(sizes, ["reflection"])
    blocks = {3: [(3,), (2, 1)], 5: [(5,), (4, 1), (3, 2), (2, 2, 1)]}[sizes[2]]
    assert [x.blocks for x in choices] == blocks
    for symmetry in choices:
        f = symmetry.generators(ring)
        whole = symmetry.expand(f)
        assert whole.verify().ok and whole.sizes == sizes
        again = symmetry.split(whole)
        assert bitmasks.scheme_key(symmetry.expand(again)) == bitmasks.scheme_key(whole)


def test_fixed_terms_of_a_reflection_by_hand():
    u, v, w = Reflection(sizes=(2, 3, 3), blocks=(2, 1)).fixed_terms()
    assert u.T.tolist() == [[1, 0, 0, 0, 1, 0]]
    assert v.T.tolist() == [[1, 0, 0, 0, 1, 0, 0, 0, 0]]
    assert w.T.tolist() == [[1, 0, 0, 1, 0, 0]]
    single = symmetries.symmetries_of((5, 5, 5), ["rotation (2, 2, 1)"])
    assert single == [symmetries.Rotation((2, 2, 1))]
    assert symmetries.symmetries_of((3, 3, 3), ["reflection"]) == []
    assert symmetries.symmetries_of((3, 4, 4), ["reflection"]) == [], "4 indices, none stays"
    assert symmetries.symmetries_of((3, 5, 5), ["reflection"]) == []


def test_rotations_go_on_from_reversals():
    symmetry = Reversal((2, 1))
    whole = symmetry.expand(symmetry.generators(Z2))
    known = {symmetry: [whole]}
    origins = Rotation((2, 1)).origins(lambda x: known.get(x, []), None)
    assert list(origins) == [symmetry] and origins[symmetry][0].rank == 10
    assert not Rotation((3,)).origins(lambda x: known.get(x, []), None)
    assert not symmetry.origins(lambda x: known.get(x, []), None)


def test_schemes_without_the_cycle_are_not_split():
    cycle = Cycle((3, 3, 3))
    assert cycle.split(store.best("factorizations", (3, 3, 3), "Z2")) is None
    f = naive((3, 3, 3), Z2)
    twice = f.replace(**{x: np.hstack([getattr(f, x)] * 3) for x in "uvw"})
    assert cycle.split(twice) is None


@pytest.mark.parametrize(
    ("symmetry", "neighbours"),
    [
        (
            Cycle((3, 3, 4)),
            lambda f: [extend(f, "m"), project(f, "p"), extend(permute_sizes(f, (4, 3, 3)), "p")],
        ),
        (Transposition((2, 3, 3)), lambda f: [extend(f, "n"), extend(extend(f, "m"), "p")]),
        (Transposition((3, 3, 3)), lambda f: [extend(extend(f, "m"), "p")]),
    ],
    ids=["cycle", "transposition", "transposition with fixed terms"],
)
def test_neighbours_of_symmetric_schemes_are_symmetric(symmetry, neighbours):
    held = walkers.start([symmetry.generators(Z2)], 16, 16, seed=0)
    options = WalkOptions(tries=24_000, margin=3, patience=180, symmetry=symmetry)
    held = walkers.run(held, options)
    target = symmetry.generators(Z2).target
    f = bitmasks.from_masks(held.best[held.best_rank.argmin()], target, Z2)
    f = symmetry.expand(f)
    assert f.rank < np.prod(symmetry.sizes)
    for other in neighbours(f):
        its = type(symmetry)(other.sizes)
        parts = its.split(other)
        assert parts.verify().ok
        whole = its.expand(parts)
        assert bitmasks.scheme_key(whole) == bitmasks.scheme_key(other)


@dataclasses.dataclass(frozen=True)
class Mirror(Symmetry):
    """The order of all indices of n reversed: a symmetry that nothing else knows of."""

    sizes: tuple[int, int, int]
    name = "mirror"
    order = 2

    @classmethod
    def of_format(cls, sizes):
        return [cls(sizes)] if sizes[0] % 2 == 0 else []

    def permutations(self):
        n, m, p = self.sizes
        return [np.arange(n)[::-1], np.arange(m), np.arange(p)]

    def fixed_terms(self):
        n, m, p = self.sizes
        return tuple(np.zeros((size, 0), np.int64) for size in (n * m, m * p, p * n))

    def generators(self, ring):
        return self.split(naive(self.sizes, ring))


def test_a_new_kind_is_one_class():
    mirror = Mirror((2, 2, 3))
    f = mirror.generators(Z2)
    assert f.rank == 6 and mirror.expand(f).verify().ok
    assert mirror.stage(lambda symmetry: [], None) == mirror
    held = walkers.start([f], 16, slots=16, seed=0)
    options = WalkOptions(tries=6_000, margin=3, patience=180, symmetry=mirror)
    held = walkers.run(held, options)
    for w in range(16):
        generators = bitmasks.from_masks(held.best[w], f.target, f.ring)
        assert mirror.expand(generators).verify().ok
