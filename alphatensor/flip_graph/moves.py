"""Moves in the flip graph, for many walkers at once: flips and plus transitions, see `flip_graph`.

A scheme of low rank has few pairs of terms that share a factor, so most random pairs are in vain.
Each walker therefore keeps *hints*: one bit for each factor, set where an equal one may exist. A
flip changes two factors; comparing the new ones with all others keeps the hints, and a try that
finds no partner clears its bit.
"""

import functools
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.bitmasks import NONE, Planes

Hints = list[jax.Array]  # words of bits, uint32 [W] each
Turn = Callable[[Planes], Planes]  # a symmetry's image of factors
UNTURNED = ((lambda x: x,),) * 3  # no symmetry


def flip(
    factors: list[Planes],
    hints: list[Hints],
    seeds: jax.Array,
    never: jax.Array,
    prefer_sparse: bool,
    turns: Sequence[Sequence[Turn]] = UNTURNED,
):
    """Tries one flip of every walker in terms that share a factor of the first mode given.

    Args:
      factors: the modes a, b and c, each `Planes` of [R, W].
      hints: of each of them.
      seeds: uint32 [W].
      never: false, see `bitmasks.fence`.
      prefer_sparse: a flip that adds d entries is made with probability 2^-d.
      turns: for each mode, the images of a factor under all elements of a cyclic group, in order.
        Each term stands for its orbit; a flip takes any image of the second term.

    Returns:
      (factors, hints, seeds, whether flipped bool [W]).
    """
    (a, b, c), (hints_a, hints_b, hints_c) = factors, hints
    own = functools.partial(bitmasks.one_hot, words=len(hints_a))
    drawn = _draw(a, b, c, hints_a, own, lambda x, *_: x, seeds, never, prefer_sparse, turns)
    i, j, _, new_b, new_c, flipped, hints_a, seeds = drawn
    hints_b = _new_hints(hints_b, b, new_b, i, own(i), never, turns[1])
    hints_c = _new_hints(hints_c, c, new_c, j, own(j), never, turns[2])
    index = jnp.arange(len(a[0]), dtype=jnp.int32)[:, None]
    is_i, is_j = index == i, index == j
    vanished = (is_i & (new_b[0] == 0)) | (is_j & (new_c[0] == 0))
    factors = a, _put(b, is_i, new_b), _put(c, is_j, new_c)
    factors = jax.tree.map(lambda x: jnp.where(vanished, 0, x), factors)
    return list(factors), [hints_a, hints_b, hints_c], seeds, flipped


def flip_orbits(
    factors: Planes,
    hints: Hints,
    seeds: jax.Array,
    never: jax.Array,
    prefer_sparse: bool,
    turns: Sequence[Sequence[Turn]] = UNTURNED,
):
    """Tries one flip of every walker in two orbits of terms under the rotation of the modes.

    A generator a⊗b⊗c stands for itself, b⊗c⊗a and c⊗a⊗b. Where any factor of one generator equals
    any of another, both are rotated until those lie in the first mode; the flip there and its two
    rotations are one move. With `turns`, the same for all modes, it stands for their images too.

    Args:
      factors: `Planes` of [3R, W]: the modes of R generators below each other.
      hints: of these factors.
      seeds, never, prefer_sparse, turns: as for `flip`.

    Returns:
      As for `flip`.
    """
    total = len(factors[0])
    slots = total // 3

    def place(index: jax.Array, rotations: int, _) -> jax.Array:
        moved = index + rotations * slots
        moved = jnp.where(moved >= total, moved - total, moved)
        return jnp.where(index == NONE, NONE, moved)

    def own(index: jax.Array) -> Hints:
        orbit = [bitmasks.one_hot(place(index, k, 0), len(hints)) for k in range(3)]
        return [functools.reduce(operator.or_, words) for words in zip(*orbit, strict=True)]

    drawn = _draw(factors, factors, factors, hints, own, place, seeds, never, prefer_sparse, turns)
    i, j, _, new_b, new_c, flipped, hints, seeds = drawn
    row = jnp.arange(total, dtype=jnp.int32)[:, None]
    for index, rotations, new in ((i, 1, new_b), (j, 2, new_c)):
        target = place(index, rotations, 0)
        hints = _new_hints(hints, factors, new, target, own(index), never, turns[0])
        factors = _put(factors, row == target, new)
        vanished = (row % slots == index % slots) & (new[0] == 0) & flipped
        factors = jax.tree.map(lambda x, v=vanished: jnp.where(v, 0, x), factors)
    return factors, hints, seeds, flipped


def flip_transposed(
    outer: Planes,
    inner: Planes,
    hints: list[Hints],
    seeds: jax.Array,
    never: jax.Array,
    prefer_sparse: bool,
    turns: Sequence[Turn],
    is_inner: bool,
):
    """Tries one flip of every walker in two orbits of terms under the transposition.

    A generator a⊗b⊗c stands for itself and for c'⊗b'⊗a', where x' is transposed.

    Args:
      outer: `Planes` of [2R, W]: the factors a of R generators and, below them, their c'.
      inner: [R, W], their b.
      hints: of both.
      seeds, never, prefer_sparse: as for `flip`.
      turns: b -> b and b -> b'.
      is_inner: whether terms share a factor of `inner`.

    Returns:
      (outer, inner, hints, seeds, whether flipped bool [W]).
    """
    slots = len(inner[0])
    hints_outer, hints_inner = hints

    def other(index: jax.Array) -> jax.Array:
        """The other outer factor of a term."""
        moved = jnp.where(index >= slots, index - slots, index + slots)
        return jnp.where(index == NONE, NONE, moved)

    def term(index: jax.Array) -> jax.Array:
        return jnp.where(index == NONE, NONE, index % slots)

    def own(index: jax.Array) -> Hints:
        orbit = [bitmasks.one_hot(x, len(hints_outer)) for x in (index, other(index))]
        return [x | y for x, y in zip(*orbit, strict=True)]

    def own_inner(index: jax.Array) -> Hints:
        return bitmasks.one_hot(index, len(hints_inner))

    still = UNTURNED[0]
    if is_inner:

        def place(index: jax.Array, part: int, turn) -> jax.Array:
            return jnp.where((turn == 1) == (part == 1), other(index), index)

        drawn = _draw(
            inner, outer, outer, hints_inner, own_inner, place,
            seeds, never, prefer_sparse, (turns, still, still),
        )  # fmt: skip
        i, j, turn, new_i, new_j, flipped, hints_inner, seeds = drawn
        changes = (i, new_i), (place(j, 2, turn), new_j)
    else:

        def place(index: jax.Array, part: int, _) -> jax.Array:
            return other(index) if part == 1 else term(index)

        drawn = _draw(
            outer, outer, inner, hints_outer, own, place,
            seeds, never, prefer_sparse, (still, still, turns),
            turn_between=lambda i, j: ((i >= slots) != (j >= slots)).astype(jnp.int32),
        )  # fmt: skip
        i, j, _, new_i, new_j, flipped, hints_outer, seeds = drawn
        changes = ((other(i), new_i),)
        hints_inner = _new_hints(
            hints_inner, inner, new_j, term(j), own_inner(term(j)), never, turns
        )
    row = jnp.arange(2 * slots, dtype=jnp.int32)[:, None]
    for index, new in changes:
        hints_outer = _new_hints(hints_outer, outer, new, index, own(index), never)
        outer = _put(outer, row == index, new)
    if not is_inner:
        inner = _put(inner, row[:slots] == term(j), new_j)
    for index, new in ((i, new_i), (j, new_j)):
        vanished = (row % slots == term(index)) & (new[0] == 0) & flipped
        outer, inner = (
            jax.tree.map(lambda x, v=vanished: jnp.where(v[: len(x)], 0, x), planes)
            for planes in (outer, inner)
        )
    return outer, inner, [hints_outer, hints_inner], seeds, flipped


def _draw(
    a: Planes,
    b: Planes,
    c: Planes,
    hints: Hints,
    own: Callable[[jax.Array], Hints],
    place: Callable[[jax.Array, int, jax.Array | int], jax.Array],
    seeds: jax.Array,
    never: jax.Array,
    prefer_sparse: bool,
    turns: Sequence[Sequence[Turn]] = UNTURNED,
    turn_between: Callable[[jax.Array, jax.Array], jax.Array] | None = None,
):
    """Draws a pair that shares a factor of `a`, and computes the two factors that a flip changes.

    Args:
      a, b, c: the shared mode and the two others, [R, W].
      hints: of `a`.
      own: number of a factor -> bits of its own term, which is no partner.
      place: number of a factor of `a`, 1 or 2, number of a turn -> that of the image of its term
        in `b` or `c`.
      seeds, never, prefer_sparse, turns: as for `flip`.
      turn_between: i, j -> the turn to take of j's term; by default one that makes the factors of
        `a` equal.

    Returns:
      (i and j int32 [W], NONE where no flip is made; the turn of j's term; i's new factor of `b`,
      j's of `c`; whether a flip is made bool [W]; hints; seeds).
    """
    slots = len(a[0])
    first = bitmasks.next_random(seeds)
    seeds = bitmasks.next_random(first)
    i = bitmasks.random_bit(hints, first, slots)
    a_i, order = bitmasks.pick(a, i), len(turns[0])
    partners = [x for back in _back(turns[0]) for x in bitmasks.matches(a, back(a_i), own(i))]
    bits = slots if order == 1 else bitmasks.WORD * len(partners)
    j = bitmasks.random_bit(partners, seeds, bits)
    i, j, first, seeds = bitmasks.fence(never, (i, j, first, seeds))
    is_pair = j != NONE
    turn = j // (bits // order)
    j = jnp.where(is_pair, j % (bits // order), NONE)
    turn = turn_between(i, j) if turn_between else turn
    bit = bitmasks.one_hot(i, len(hints))
    hints = [jnp.where(is_pair, x, x & ~y) for x, y in zip(hints, bit, strict=True)]

    # Subtracting instead of adding and taking a_j = -a_i change signs alone: nothing over Z2.
    is_opposite = (first & 1) == 1
    b_i, b_j = (bitmasks.pick(b, place(x, 1, k)) for x, k in ((i, 0), (j, turn)))
    c_i, c_j = (bitmasks.pick(c, place(x, 2, k)) for x, k in ((i, 0), (j, turn)))
    b_j, c_i = _turned(b_j, turns[1], turn), _turned(c_i, _back(turns[2]), turn)
    negated = is_opposite
    if len(a) == 2:
        a_j = _turned(bitmasks.pick(a, j), turns[0], turn)
        negated ^= bitmasks.pick(a, i)[1] != a_j[1]
    if len(a) == 2 or prefer_sparse:  # where more than one array comes of them
        b_i, b_j, c_i, c_j, negated = bitmasks.fence(never, (b_i, b_j, c_i, c_j, negated))
    new_b, large_b = bitmasks.add(b_i, b_j, negated)
    new_c, large_c = bitmasks.add(c_j, c_i, ~is_opposite)
    flipped = is_pair & ~large_b & ~large_c
    if prefer_sparse:
        count = jax.lax.population_count
        added = count(new_b[0]) + count(new_c[0]) - count(b_i[0]) - count(c_j[0])
        seeds = bitmasks.next_random(seeds)
        flipped &= added.astype(jnp.int32) <= jax.lax.clz(seeds).astype(jnp.int32)
    i, j = jnp.where(flipped, i, NONE), jnp.where(flipped, j, NONE)
    new_b, new_c, flipped, i, j = bitmasks.fence(never, (new_b, new_c, flipped, i, j))
    return i, j, turn, new_b, new_c, flipped, hints, seeds


def _back(turns: Sequence[Turn]) -> list[Turn]:
    """The inverses of a cyclic group's elements."""
    return [turns[0], *reversed(turns[1:])]


def _turned(factor: Planes, turns: Sequence[Turn], number: jax.Array) -> Planes:
    """Each walker's image of a factor under the element of a number int32 [W]."""
    result = factor
    for k, turn in enumerate(turns[1:], 1):
        images = zip(turn(factor), result, strict=True)
        result = tuple(jnp.where(number == k, x, y) for x, y in images)
    return result


def _put(planes: Planes, where: jax.Array, factor: Planes) -> Planes:
    return tuple(jnp.where(where, new, old) for new, old in zip(factor, planes, strict=True))


def _new_hints(
    hints: Hints,
    planes: Planes,
    factor: Planes,
    index: jax.Array,
    own: Hints,
    never: jax.Array,
    turns: Sequence[Turn] = UNTURNED[0],
) -> Hints:
    """Hints when number `index` of `planes` becomes `factor`; nothing changes for NONE.

    Factors that are `own` bits are no partners.
    """
    bit = bitmasks.one_hot(index, len(hints))
    images = [bitmasks.matches(planes, turn(factor), own) for turn in turns]
    partners = [bitmasks.fold(operator.or_, words) for words in zip(*images, strict=True)]
    partners = bitmasks.fence(never, [jnp.where(index == NONE, 0, x) for x in partners])
    some = bitmasks.fold(operator.or_, partners) != 0
    return [
        jnp.where(some, old | new | one, old & ~one)
        for old, new, one in zip(hints, partners, bit, strict=True)
    ]


def plus(terms: jax.Array, seeds: jax.Array, wanted: jax.Array):
    """A plus transition of random terms where `wanted` bool [W] and a slot is free."""
    slots = terms.shape[2]
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    first = bitmasks.next_random(seeds)
    seeds = bitmasks.next_random(first)
    place_1, place_2 = bitmasks.below(first, slots), bitmasks.below(seeds, slots)
    free = jnp.min(jnp.where(terms[0, 0] == 0, index, slots), axis=0)
    a, b, c = (tuple(terms[:, mode]) for mode in range(3))
    (a1, b1, c1), (a2, b2, c2) = (
        [bitmasks.pick(x, i) for x in (a, b, c)] for i in (place_1, place_2)
    )
    # The second term's b and c may both be negated first, which changes signs alone.
    is_opposite = (first & 1) == 1
    b2, c2 = ((x[0], *(jnp.where(is_opposite, x[0] ^ y, y) for y in x[1:])) for x in (b2, c2))
    everywhere = jnp.ones(seeds.shape, bool)
    (b12, large_b), (c12, large_c), (a12, large_a) = (
        bitmasks.add(b1, b2, ~everywhere),
        bitmasks.add(c2, c1, everywhere),
        bitmasks.add(a2, a1, everywhere),
    )
    # Terms that share a factor would give a zero one: leave those to flips.
    differ = (a12[0] != 0) & (b12[0] != 0) & (c12[0] != 0) & (a1[0] != 0) & (a2[0] != 0)
    go = wanted & differ & ~(large_a | large_b | large_c) & (free < slots)
    is_1, is_2, is_3 = ((index == jnp.where(go, place, NONE)) for place in (place_1, place_2, free))

    def put(old: Planes, *changes) -> jax.Array:
        for where, new in changes:
            old = [jnp.where(where, y, x) for x, y in zip(old, new, strict=True)]
        return jnp.stack(old)

    a = put(a, (is_2, a12), (is_3, a1))
    b = put(b, (is_1, b12), (is_2, b2), (is_3, b2))
    c = put(c, (is_2, c2), (is_3, c12))
    return jnp.stack([a, b, c], axis=1), seeds, go
