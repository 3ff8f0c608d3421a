"""Moves: every flip and plus transition keeps the sum, hints miss no pair."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brute_force import tensors

from alphatensor import rings
from alphatensor.factorization import naive, strassen
from alphatensor.flip_graph import bitmasks, layouts, moves, walkers
from alphatensor.flip_graph.moves import FactorList, MoveOptions
from alphatensor.flip_graph.symmetries import Cycle, Reversal, Rotation, Swap, Transposition

Z2 = rings.IntegersMod(2)
RINGS = [Z2, rings.Integers()]


@pytest.mark.parametrize(
    ("symmetry", "least"),
    [
        (None, 300), (Cycle((3, 3, 4)), 100), (Swap((2, 3, 4)), 100), (Rotation((1, 1)), 100),
        (Reversal((2, 1)), 100), (Transposition((2, 3, 3)), 100), (Transposition((2, 6, 6)), 100),
    ],
    ids=lambda x: str(x) if not isinstance(x, int) else "",
)  # fmt: skip
def test_hints_miss_no_pair(symmetry, least):
    """A walk of single tries: after each, every factor with a partner has its bit set."""
    f = symmetry.generators(Z2) if symmetry else naive((2, 2, 2), Z2)
    slots = -(-f.rank // 4) * 4
    held = walkers.start([f], 16, slots=slots, seed=0)
    layout = symmetry.layout(slots) if symmetry else layouts.TermsLayout(slots)
    lists = tuple(
        FactorList(planes=planes, partner_hints=tuple(hints | jnp.zeros(16, jnp.uint32)))
        for planes, hints in zip(
            layout.pack(held.terms), map(bitmasks.all_terms, layout.lengths), strict=True
        )
    )
    options = MoveOptions(materialize=lambda x: x)
    flip = jax.jit(
        lambda lists, seeds, shared: moves.flip(lists, seeds, shared, layout, options),
        static_argnames="shared",
    )
    seeds, made = held.seeds, dict.fromkeys(layout.sweep, 0)
    for step in range(80):
        shared = layout.sweep[step % len(layout.sweep)]
        lists, seeds, is_made = flip(lists, seeds, shared=shared)
        made[shared] += int(is_made.sum())
        for number, (planes, hints) in enumerate(lists):
            images = np.stack([np.array(x(planes)[0]) for x in layout.images[number]], axis=1)
            rows = np.array(planes[0])
            is_equal = (images[:, :, :, None] == rows[:, None, None]).all(0)
            same = is_equal.any(0) & (rows != 0).any(0)
            generator = np.arange(rows.shape[1]) % slots
            same &= (generator[:, None] != generator)[:, :, None]
            has_partner = same.any(1)
            place = np.arange(rows.shape[1])
            bits = np.array(hints)[place // 32] >> (place % 32)[:, None] & 1
            assert not (has_partner & (bits == 0)).any()
    assert min(made.values()) > 50 and sum(made.values()) > least


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_one_flip_by_hand(ring):
    """a⊗b⊗c + a⊗b⊗c' becomes a⊗b⊗(c+c') whichever way it is flipped."""
    support = [[[1], [1], [0]], [[2], [2], [0]], [[1], [4], [0]]]
    planes = [support, np.zeros((3, 3, 1))] if not ring.is_modular else [support]
    a, b, c = (tuple((jnp.array(x[m], jnp.uint32),) for x in planes) for m in range(3))
    lists = [FactorList(x, (jnp.array([7], jnp.uint32),)) for x in (a, b, c)]
    layout, options = layouts.TermsLayout(3), MoveOptions(materialize=lambda x: x)
    seen = set()
    for seed in range(1, 40):
        seeds = jnp.array([seed * 2654435761 % 2**32], jnp.uint32)
        new, _, flipped = moves.flip(lists, seeds, 0, layout, options)
        if not bool(flipped[0]):
            continue  # the empty slot was drawn first, or, with signs, an entry would become 2
        terms = np.array([[x[..., 0] for (x,) in mode.planes] for mode in new])  # [3, P, R]
        alive = terms[:, 0].all(0)
        assert alive.sum() == 1 and terms[:, 0, alive].T.tolist() == [[1, 2, 5]]
        seen.add(int(np.flatnonzero(alive)[0]))
        if not ring.is_modular:  # all three signs multiply to the same tensor
            mask = terms[:, 1, alive][:, 0]
            assert mask[0] in (0, 1) and mask[1] in (0, 2) and mask[2] in (0, 5)
            assert ((mask != 0).sum() % 2) == 0
    assert seen == {0, 1}


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_plus_adds_one_term_and_only_where_wanted(ring):
    f = strassen(ring)
    terms = walkers.start([f], 40, slots=8, seed=0).terms
    wanted = jnp.arange(40) < 20
    seeds = jax.random.bits(jax.random.key(0), (40,), jnp.uint32) | 1
    new, _, made = moves.plus(terms, seeds, wanted)
    assert (tensors(new, f.target) == f.target.tensor).all()
    ranks = np.array(bitmasks.ranks(new))
    assert set(ranks[:20]) == {7, 8} and set(ranks[20:]) == {7}
    assert np.array_equal(made, ranks == 8)
    again, _, _ = moves.plus(new, seeds, ranks == 8)
    for x, y in zip(again, new, strict=True):
        assert np.array_equal(x[..., ranks == 8], y[..., ranks == 8]), "no slot is free"
