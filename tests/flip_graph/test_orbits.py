"""Walks that keep swaps, or three: flips by hand, sums, ranks, partners, starts."""

import itertools

import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.factorization import naive, strassen
from alphatensor.flip_graph import (
    bitmasks,
    groups,
    kernel,
    orbits,
    rows,
    subgroups,
    symmetries,
    walkers,
)
from alphatensor.flip_graph.symmetries import Fours, Swap
from alphatensor.flip_graph.symmetries.base import with_own_target
from alphatensor.flip_graph.symmetries.swap import RELAXED
from alphatensor.flip_graph.walkers import WalkOptions

Z2 = rings.IntegersMod(2)
SWAPS = [
    Swap((2, 2, 2), (1, 1, 1)), Swap((2, 2, 3), (0, 0, 1)), Swap((2, 3, 4), (1, 0, 2)),
    Swap((3, 3, 3), (1, 1, 1)), Swap((3, 3, 4), (0, 1, 2)), Swap((2, 9, 9), (1, 4, 3)),
]  # fmt: skip
FOURS = [Fours((4, 4, 4), (0, 0, 0)), Fours((2, 3, 4), (1, 2, 0)), Fours((3, 4, 6), (1, 0, 1))]
FEW = Swap((1, 2, 2), (0, 0, 1))  # exchanges the columns of B and of C; entries of A stay


def terms(*rows_of):
    """Returns a factorization of its own sum, from the factors of each term."""
    factors = [np.array(x).T for x in zip(*rows_of, strict=True)]
    return with_own_target("terms", Z2, factors)


def flipped(f, swap=FEW, calls=1, walkers_number=32):
    """Returns the different schemes, as sets of terms, that one try of a flip leads to."""
    held = walkers.start([f], walkers_number, f.rank + 2, seed=0, symmetry=swap)
    options = WalkOptions(tries=calls, margin=9, patience=99, symmetry=swap)
    held = walkers.run(held, options)
    found = [bitmasks.from_masks(x, f.target, f.ring) for x in held.terms]
    return {
        frozenset(tuple(map(tuple, x)) for x in zip(g.u.T, g.v.T, g.w.T, strict=True))
        for g in found
    }


A, OTHER = (1, 0), (1, 1)
FIXED, MOVED, IMAGE = (1, 1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0)  # of a 2x2 matrix B
LAST = (0, 0, 1, 1)  # another one that is fixed
C_MOVED, C_IMAGE, C_FIXED = (1, 0), (0, 1), (1, 1)  # of a 2x1 matrix


def test_a_fixed_term_and_a_pair_by_hand():
    """Whichever is first: a⊗(b + tr b')⊗c and a pair, or a pair and a⊗b'⊗(c' - tr c)."""
    f = terms((A, LAST, C_FIXED), (A, MOVED, C_MOVED))
    assert flipped(f) == {
        frozenset({(A, (1, 1, 1, 1), C_FIXED), (A, MOVED, C_IMAGE)}),
        frozenset({(A, (1, 0, 1, 1), C_MOVED)}),  # tr c = c', and the fixed term vanishes
    }


def test_pairs_with_two_fixed_factors_become_one_term():
    """a⊗b⊗c + a⊗b'⊗c' with b + b' fixed: its pair has two fixed factors."""
    f = terms((A, MOVED, C_MOVED), (A, IMAGE, C_MOVED))
    merged = frozenset({(A, FIXED, C_FIXED)})
    held = walkers.start([f], 32, 6, seed=0, symmetry=FEW)
    assert set(held.best_rank) == {4}
    held = walkers.run(held, WalkOptions(tries=1, margin=9, patience=99, symmetry=FEW))
    assert int(held.best_rank.min()) == 1
    assert merged in flipped(f)


def test_pairs_of_fixed_factors_add_up_to_nothing():
    f = terms((A, MOVED, C_FIXED), (A, FIXED, C_MOVED), (OTHER, MOVED, C_MOVED))
    assert FEW.expand(f).rank == 6
    walked = flipped(f, calls=40)
    for scheme in walked:
        total = sum(np.einsum("i,j,k->ijk", *x) for term in scheme for x in images(term))
        start = sum(np.einsum("i,j,k->ijk", *x) for term in rows_of(f) for x in images(term))
        assert np.array_equal(total % 2, start % 2)


def rows_of(f):
    return [tuple(map(tuple, x)) for x in zip(f.u.T, f.v.T, f.w.T, strict=True)]


def images(term):
    """Returns the different images of a term under `FEW`."""
    u, v, w = map(np.array, term)
    return {tuple(map(tuple, x)) for x in [(u, v, w), (u, v[[1, 0, 3, 2]], w[[1, 0]])]}


@pytest.mark.parametrize("swap", SWAPS + FOURS, ids=str)
def test_moves_keep_the_sum_and_ranks_count_terms(swap):
    start = swap.generators(Z2)
    assert swap.expand(start).rank == np.prod(swap.sizes)
    held = walkers.start([start], 16, start.rank + 8, seed=1, symmetry=swap)
    options = WalkOptions(tries=12_000, margin=5, patience=180, symmetry=swap)
    for _ in range(3):
        held = walkers.run(held, options)
        ranks = held.states[:, kernel.RANK], held.best_rank
        for both in zip((held.terms, held.best), ranks, strict=True):
            for masks, rank in zip(*both, strict=True):
                whole = swap.expand(bitmasks.from_masks(masks, start.target, start.ring))
                assert whole.verify().ok and whole.rank == rank
                again = swap.split(whole)
                assert again is not None and swap.expand(again).rank == rank
    assert int(held.flips.min()) > 1_000
    if swap.sizes in [(2, 2, 2), (2, 3, 4), (3, 3, 3), (3, 3, 4)]:
        assert int(held.best_rank.min()) < np.prod(swap.sizes)


@pytest.mark.parametrize("swap", SWAPS + FOURS, ids=str)
def test_rows_with_partners_are_active(swap):
    f = swap.generators(Z2)
    slots = f.rank + 4
    masks = np.pad(bitmasks.to_masks(f), ((0, 0), (0, 4), (0, 0), (0, 0)))
    group = swap.group()
    work = rows.work(slots, *masks.shape[2:], groups.tables(group, masks.shape[3]))
    fixed = subgroups.subgroups(slots, group, masks.shape[3])
    scheme = masks.reshape(3 * slots, -1).copy()
    rank = swap.expand(f).rank
    best, state = scheme.copy(), np.array([rank, rank, 0, 0, 0, 0])
    options = kernel.Options(25, 9, 5, False, False, False)
    for _ in range(30):
        orbits._core(work, fixed, options, scheme, best, state)
        images_of = [images_of_row(x, group, row // slots) for row, x in enumerate(scheme)]
        has_partner = [
            row // slots == other // slots and bool(x & y) and row != other
            for row, x in enumerate(images_of)
            for other, y in enumerate(images_of)
        ]
        has_partner = np.reshape(has_partner, (3 * slots, -1)).any(1)
        active = work.active[: work.counts[0]].tolist()
        assert sorted(active) == np.flatnonzero(has_partner).tolist()


def images_of_row(words, group, mode):
    entries = [k for k in range(64 * len(words)) if int(words[k // 64]) >> k % 64 & 1]
    moved = [element.entries[mode] for element in group]
    return {tuple(sorted(int(x[k]) for k in entries)) for x in moved} if entries else set()


def test_groups_of_eight():
    """Three commuting swaps have 16 subgroups; traces over cosets are fixed by the larger one."""
    index = np.arange(8)
    one, *swaps = (groups.Element((0, 1, 2), (index ^ k,) * 3) for k in (0, 1, 2, 4))
    group = [one]
    for swap in swaps:
        group += [swap.after(x) for x in group]
    o = subgroups.subgroups(2, group, 1)
    assert len(o.images) == 16 and sorted(o.images.tolist()) == [1] + [2] * 7 + [4] * 7 + [8]
    assert o.images[0] == 8 and not o.meet[0].any()
    for a, b in itertools.product(range(16), repeat=2):
        assert o.index[a, b] in (0, o.images[b] // o.images[a])
        assert (o.index[a, b] > 0) == (o.meet[a, b] == b)


def test_fours_of_a_format():
    assert Fours.of_format((3, 3, 3)) == [] and Fours.of_format((5, 5, 6)) == []
    found = [x.pairs for x in Fours.of_format((3, 4, 6))]
    assert found == [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1), (1, 0, 2)]
    fours = Fours((3, 4, 6), (1, 0, 2))
    assert fours.swapped == (0, 2, 3)
    assert fours.permutations(3)[2].tolist() == [3, 2, 1, 0, 5, 4]
    assert fours.generators(Z2).rank == 18


def test_what_keeps_fours_keeps_a_swap():
    fours = Fours((3, 4, 6), (1, 0, 2))
    swap = Swap((3, 4, 6), fours.swapped)
    found = swap.origins(known_schemes, lambda sizes: [])[RELAXED, fours.pairs]
    assert all(swap.expand(g).verify().ok for g in found) and len(found) == 1


def test_swaps_of_a_format_are_all_up_to_the_order_of_equal_sizes():
    found = [x.pairs for x in symmetries.symmetries_of((2, 3, 3), ["swap"])]
    assert found == [(1, 1, 1), (1, 0, 1), (1, 0, 0), (0, 1, 1), (0, 0, 1)]
    assert symmetries.symmetries_of((3, 3, 6), ["swap (0, 1, 3)"]) == [Swap((3, 3, 6), (0, 1, 3))]
    assert symmetries.symmetries_of((1, 1, 1), ["swap"]) == []


def test_a_scheme_without_the_swap_is_not_split():
    swap = Swap((2, 2, 2), (1, 0, 0))
    assert swap.split(strassen(Z2)) is None
    f = naive((2, 2, 2), Z2)
    twice = f.replace(**{x: np.hstack([getattr(f, x)] * 3) for x in "uvw"})
    assert swap.split(twice) is None


def known_schemes(swap):
    return [naive(swap.sizes, Z2)]


@pytest.mark.parametrize("swap", [*SWAPS[1:], Swap((3, 3, 6), (0, 1, 3))], ids=str)
def test_starts_are_schemes_of_the_format(swap):
    strassens = {(2, 2, 2): [strassen(Z2)]}
    found = swap.origins(known_schemes, lambda sizes: strassens.get(sizes, []))
    kinds = {origin[0] for origin in found if origin}
    assert "copies" in kinds and "sum" in kinds and "projection" in kinds
    for generators in itertools.chain(*found.values()):
        assert generators.verify().ok
        whole = swap.expand(generators)
        assert whole.verify().ok
        assert np.array_equal(whole.target.tensor, targets.matmul(*swap.sizes).tensor)
    found = Swap((2, 2, 4), (0, 0, 2)).origins(lambda _: [], lambda sizes: strassens.get(sizes, []))
    assert {fs[0].rank for x, fs in found.items() if x and x[0] == "copies"} == {7}
