"""The inner loop: flips and plus transitions by hand, no pair of equal factors is missed."""

import itertools

import numpy as np
import pytest
from brute_force import tensors

from alphatensor import rings
from alphatensor.factorization import naive, strassen
from alphatensor.flip_graph import bitmasks, groups, kernel, rows, walkers
from alphatensor.flip_graph.exchange import Exchange
from alphatensor.flip_graph.symmetries import Cycle, Reversal, Rotation, Swap, Transposition
from alphatensor.flip_graph.symmetries.base import with_own_target
from alphatensor.flip_graph.walkers import WalkOptions

Z2, Z = rings.IntegersMod(2), rings.Integers()
SYMMETRIES = [
    None, Rotation((2, 1)), Reversal((2, 1)), Cycle((3, 3, 4)), Swap((2, 3, 4), (1, 0, 2)),
    Transposition((2, 3, 3)), Transposition((2, 9, 9)), Exchange(),
]  # fmt: skip


def orbits(masks, group):
    """Returns for each row the images of its factor, up to sign, with the modes they lie in."""
    bits = masks[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    bits = bits.astype(int).reshape(*masks.shape[:3], -1)
    values = bits[:, :, 0] * (1 - 2 * bits[:, :, 1] if masks.shape[2] == 2 else 1)
    found = []
    for mode, row in itertools.product(range(3), range(masks.shape[1])):
        images = set()
        for element in group:
            value = values[mode, row].copy()
            moves = element.entries[mode]
            value[moves] = values[mode, row][: len(moves)]
            lead = value[np.flatnonzero(value)[:1]].sum()
            images.add((element.modes[mode], (value * (lead or 1)).tobytes()))
        found.append(images if values[mode, row].any() else set())
    return found


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_rows_with_partners_are_active(ring, symmetry):
    plain = symmetry is None or isinstance(symmetry, Exchange)
    f = naive((2, 3, 3), ring) if plain else symmetry.generators(ring)
    group = symmetry.group() if symmetry else [groups.identity(0, 0, 0)]
    slots = f.rank + 4
    masks = np.pad(bitmasks.to_masks(f), ((0, 0), (0, 4), (0, 0), (0, 0)))
    tables = groups.tables(group, masks.shape[3])
    work = rows.work(slots, *masks.shape[2:], tables)
    scheme = masks.reshape(3 * slots, -1).copy()
    best, state = scheme.copy(), np.array([f.rank, f.rank, 0, 0, 0, 0])
    options = kernel.Options(
        tries=25,
        patience=9,
        margin=3,
        prefer_sparse=False,
        is_simple=tables.is_simple,
        cancels=False,
    )
    made = 0
    for _ in range(30):
        kernel._core(work, options, scheme, best, state)
        images = orbits(scheme.reshape(masks.shape), group)
        has_partner = [
            any(x & y for other, y in enumerate(images) if other != row)
            for row, x in enumerate(images)
        ]
        active = work.active[: work.counts[0]].tolist()
        assert sorted(active) == np.flatnonzero(has_partner).tolist()
        made = int(state[kernel.FLIPS])
    assert made > 100


@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_one_flip_by_hand(ring):
    """a⊗b⊗c + a⊗b⊗c' becomes a⊗b⊗(c+c') whichever way it is flipped."""
    factors = [np.array(x).T for x in ([[1, 0, 0]] * 2, [[0, 1, 0]] * 2, [[1, 0, 0], [0, 0, 1]])]
    f = with_own_target("two terms", ring, factors)
    held = walkers.run(walkers.start([f], 20, 3, seed=0), WalkOptions(1, 9, 9))
    found = held.best_rank == 1
    assert found.all() if ring.is_modular else 3 < found.sum() < 20, "an entry may become 2"
    for terms in held.best[found]:
        (u, v, w) = bitmasks.from_masks(terms, f.target, f.ring).factors
        assert np.abs(u).T.tolist() == [[1, 0, 0]] and np.abs(v).T.tolist() == [[0, 1, 0]]
        assert np.abs(w).T.tolist() == [[1, 0, 1]]
    assert (tensors(held.best, f.target, f.ring) == f.target.tensor).all()


@pytest.mark.parametrize("ring", [Z2, Z], ids=str)
def test_a_plus_transition_adds_one_term_where_a_slot_is_free(ring):
    f = strassen(ring)  # which has no flip
    held = walkers.run(walkers.start([f], 20, 8, seed=0), WalkOptions(1, 9, 9))
    assert (tensors(held.terms, f.target, f.ring) == f.target.tensor).all()
    assert set(bitmasks.ranks(held.terms)) == {8} and not held.flips.any()
    full = walkers.start([f], 20, 7, seed=0)
    assert np.array_equal(walkers.run(full, WalkOptions(1, 9, 9)).terms, full.terms)


def test_a_group_is_closed_and_its_tables_move_entries():
    for symmetry in SYMMETRIES[1:]:
        group = symmetry.group()
        assert group[0].is_identity
        keys = {(x.modes, *(y.tobytes() for y in x.entries)) for x in group}
        assert len(keys) == len(group)
        for x, y in itertools.product(group, repeat=2):
            both = x.after(y)
            assert (both.modes, *(z.tobytes() for z in both.entries)) in keys
    order = np.random.default_rng(0).permutation(70)
    modes = (0, 1, 2)
    there = groups.Element(modes, (order,) * 3)
    back = groups.Element(modes, (np.argsort(order),) * 3)
    found = groups.tables([groups.identity(70, 70, 70), there, back], words=2)
    assert found.elements[:, 2, 0].tolist() == [0, 2, 1] and not found.is_simple
    for entry, image in enumerate(order.tolist()):
        moved = found.tables[found.elements[1, 1, 0], entry // 8, 1 << entry % 8]
        assert sum(int(x) << 64 * k for k, x in enumerate(moved)) == 1 << image
