"""Moves in the flip graph, for many walkers at once: flips and plus transitions.

A scheme of low rank has few pairs of terms that share a factor, so most random pairs would be in
vain. Each walker therefore keeps *partner hints*: one bit for each factor, set where another term
may have an equal one. A flip changes two factors; comparing the new ones with all others keeps the
hints complete, and a try that finds no partner clears its bit.
"""

import functools
import operator
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.bitmasks import NO_TERM, Materialize, Planes, Terms, Words
from alphatensor.flip_graph.layouts import Image, Layout


class FactorList(NamedTuple):
    """One list of a layout, of L factors.

    Attributes:
      planes: the factors, words of [L, W].
      partner_hints: the factors that may have an equal one in another generator, uint32 [W] each.
    """

    planes: Planes
    partner_hints: Words


class MoveOptions(NamedTuple):
    """What all tries of a walk have in common.

    Attributes:
      materialize: the optimisation fence of `bitmasks.materializer`.
      prefer_sparse: whether a flip that adds d entries is made with probability 2^-d alone.
    """

    materialize: Materialize
    prefer_sparse: bool = False


class Pair(NamedTuple):
    """Two factors of a list that are equal up to sign, one of the second as an image.

    Attributes:
      first, second: numbers of the factors, int32 [W]; the second is `NO_TERM` where the first has
        no partner.
      image: number of the second generator's image that shares the factor, int32 [W].
      random: random words, uint32 [W]; their last bits have not been used.
    """

    first: jax.Array
    second: jax.Array
    image: jax.Array
    random: jax.Array


class Proposal(NamedTuple):
    """A flip of two generators a⊗b⊗c and a⊗b'⊗c' that share a factor a of some list.

    Attributes:
      first, second: numbers of a in that list for each, int32 [W]; `NO_TERM` where no flip is made.
      image: number of the image of the second generator that is taken, int32 [W].
      new_b: b + b', the first one's new factor, words of [W].
      new_c: c' - c, the second one's new factor, words of [W].
      is_made: whether the walker makes the flip, bool [W].
    """

    first: jax.Array
    second: jax.Array
    image: jax.Array
    new_b: Planes
    new_c: Planes
    is_made: jax.Array


def flip(
    lists: Sequence[FactorList],
    seeds: jax.Array,
    shared: int,
    layout: Layout,
    options: MoveOptions,
) -> tuple[tuple[FactorList, ...], jax.Array, jax.Array]:
    """Tries one flip of every walker, in generators that share a factor of one list.

    Args:
      lists: the factors of all generators.
      seeds: states of the random generators, uint32 [W].
      shared: number of the list.
      layout: how the factors lie in the lists.
      options: of all tries.

    Returns:
      (lists, seeds, whether the walker flipped bool [W]).
    """
    proposal, hints, seeds = _propose(lists, seeds, shared, layout, options)
    lists = list(lists)
    lists[shared] = lists[shared]._replace(partner_hints=hints)
    first, second, image = proposal.first, proposal.second, proposal.image
    list_b, list_c = layout.others(shared)

    place = layout.place(shared, first, 1, 0)
    lists[list_b] = _put(lists[list_b], place, proposal.new_b, list_b, layout, options)
    vanished = [(layout.generator(shared, first), bitmasks.is_zero(proposal.new_b))]
    if layout.clears_at_once:
        lists, vanished = _clear(lists, vanished, layout), []
    place = layout.place(shared, second, 2, image)
    lists[list_c] = _put(lists[list_c], place, proposal.new_c, list_c, layout, options)
    vanished.append((layout.generator(shared, second), bitmasks.is_zero(proposal.new_c)))
    return tuple(_clear(lists, vanished, layout)), seeds, proposal.is_made


def _propose(
    lists: Sequence[FactorList],
    seeds: jax.Array,
    shared: int,
    layout: Layout,
    options: MoveOptions,
) -> tuple[Proposal, Words, jax.Array]:
    """Draws a pair and computes the two factors that its flip changes.

    Returns:
      (proposal, the partner hints of the shared list, seeds).
    """
    planes, hints = lists[shared]
    pair, seeds = _draw_pair(lists[shared], seeds, shared, layout, options)
    first, second, image = pair.first, pair.second, pair.image
    is_pair = second != NO_TERM
    drawn = bitmasks.one_hot(first, len(hints))
    hints = tuple(jnp.where(is_pair, x, x & ~y) for x, y in zip(hints, drawn, strict=True))

    list_b, list_c = layout.others(shared)
    b_i, c_i, b_j, c_j = (
        bitmasks.factor_at(lists[number].planes, layout.place(shared, index, part, its_image))
        for index, its_image in ((first, 0), (second, image))
        for part, number in ((1, list_b), (2, list_c))
    )
    b_j = _image(b_j, layout.images[list_b], image)
    c_i = _image(c_i, _inverses(layout.images[list_c]), image)  # as the second one holds c
    # Subtracting instead of adding and taking a_j = -a_i change signs alone: nothing over Z2.
    is_opposite = (pair.random & 1) == 1
    negated = is_opposite
    has_signs = len(planes) == 2
    if has_signs:
        a_j = _image(bitmasks.factor_at(planes, second), layout.images[shared], image)
        signs = zip(bitmasks.factor_at(planes, first)[1], a_j[1], strict=True)
        negated ^= bitmasks.tree_reduce(operator.or_, [x != y for x, y in signs])
    if has_signs or options.prefer_sparse:  # where more than one array comes of them
        b_i, b_j, c_i, c_j, negated = options.materialize((b_i, b_j, c_i, c_j, negated))
    new_b, large_b = bitmasks.add(b_i, b_j, negated)
    new_c, large_c = bitmasks.add(c_j, c_i, ~is_opposite)
    is_made = is_pair & ~large_b & ~large_c
    if options.prefer_sparse:
        count = bitmasks.entries
        added = count(new_b) + count(new_c) - count(b_i) - count(c_j)
        seeds = bitmasks.next_random(seeds)
        is_made &= added.astype(jnp.int32) <= jax.lax.clz(seeds).astype(jnp.int32)
    first, second = (jnp.where(is_made, x, NO_TERM) for x in (first, second))
    new_b, new_c, is_made, first, second = options.materialize(
        (new_b, new_c, is_made, first, second)
    )
    proposal = Proposal(
        first=first, second=second, image=image, new_b=new_b, new_c=new_c, is_made=is_made
    )
    return proposal, hints, seeds


def _draw_pair(
    factors: FactorList, seeds: jax.Array, shared: int, layout: Layout, options: MoveOptions
) -> tuple[Pair, jax.Array]:
    """Draws a pair of each walker; returns (pair, seeds)."""
    planes, hints = factors
    images, length = layout.images[shared], layout.lengths[shared]
    random = bitmasks.next_random(seeds)
    seeds = bitmasks.next_random(random)
    first = bitmasks.random_member(hints, random, length)
    factor, own = bitmasks.factor_at(planes, first), layout.own(shared, first)
    partners = [
        word
        for back in _inverses(images)
        for word in bitmasks.terms_with(planes, back(factor), own)
    ]
    # Partners by several images lie in whole words each, one image after the other.
    places = length if len(images) == 1 else bitmasks.WORD_BITS * len(partners)
    second = bitmasks.random_member(partners, seeds, places)
    first, second, random, seeds = options.materialize((first, second, random, seeds))
    each = places // len(images)
    image = second // each
    second = jnp.where(second != NO_TERM, second % each, NO_TERM)
    image = layout.image_between(shared, first, second, image)
    return Pair(first=first, second=second, image=image, random=random), seeds


def _inverses(images: Sequence[Image]) -> list[Image]:
    """Returns the inverses of a cyclic group's elements."""
    return [images[0], *reversed(images[1:])]


def _image(factor: Planes, images: Sequence[Image], number: jax.Array) -> Planes:
    """Returns each walker's image of a factor under the element of a number int32 [W]."""
    result = factor
    for k, image in enumerate(images[1:], 1):
        chosen = functools.partial(jnp.where, number == k)
        result = jax.tree.map(chosen, image(factor), result)
    return result


def _put(
    factors: FactorList,
    place: jax.Array,
    new: Planes,
    number: int,
    layout: Layout,
    options: MoveOptions,
) -> FactorList:
    """Replaces one factor of a list and brings its hints up to date; not where `NO_TERM`.

    Args:
      factors: the list.
      place: number of the factor, int32 [W].
      new: the new factor, words of [W].
      number: of the list in the layout.
      layout: how the factors lie in the lists.
      options: of all tries.
    """
    planes, hints = factors
    own = layout.own(number, place)
    bit = bitmasks.one_hot(place, len(hints))
    images = [bitmasks.terms_with(planes, image(new), own) for image in layout.images[number]]
    partners = [bitmasks.tree_reduce(operator.or_, words) for words in zip(*images, strict=True)]
    partners = options.materialize([jnp.where(place == NO_TERM, 0, x) for x in partners])
    has_some = bitmasks.tree_reduce(operator.or_, partners) != 0
    hints = tuple(
        jnp.where(has_some, old | other | one, old & ~one)
        for old, other, one in zip(hints, partners, bit, strict=True)
    )
    is_place = jnp.arange(len(planes[0][0]), dtype=jnp.int32)[:, None] == place
    planes = jax.tree.map(functools.partial(jnp.where, is_place), new, planes)
    return FactorList(planes, hints)


def _clear(
    lists: Sequence[FactorList], vanished: list[tuple[jax.Array, jax.Array]], layout: Layout
) -> list[FactorList]:
    """Sets the factors of generators to zero.

    Args:
      lists: the factors of all generators.
      vanished: pairs of a generator's number, int32 [W], and whether it vanishes, bool [W].
      layout: how the factors lie in the lists.
    """
    cleared = []
    for number, (planes, hints) in enumerate(lists):
        rows = layout.rows(number)
        masks = [(rows == generator) & is_zero for generator, is_zero in vanished]
        mask = bitmasks.tree_reduce(operator.or_, masks)
        planes = jax.tree.map(functools.partial(jnp.where, mask, 0), planes)
        cleared.append(FactorList(planes, hints))
    return cleared


def plus(terms: Terms, seeds: jax.Array, wanted: jax.Array) -> tuple[Terms, jax.Array, jax.Array]:
    """Splits two random terms into three where wanted and a slot is free: a plus transition.

    Args:
      terms: of R slots each.
      seeds: states of the random generators, uint32 [W].
      wanted: bool [W].

    Returns:
      (terms, seeds, whether the walker made the transition bool [W]).
    """
    a, b, c = map(bitmasks.planes_of, terms)
    slots = len(a[0][0])
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    first = bitmasks.next_random(seeds)
    seeds = bitmasks.next_random(first)
    place_1, place_2 = bitmasks.random_below(first, slots), bitmasks.random_below(seeds, slots)
    free = jnp.min(jnp.where(bitmasks.is_zero(a), index, slots), axis=0)
    (a1, b1, c1), (a2, b2, c2) = (
        [bitmasks.factor_at(x, i) for x in (a, b, c)] for i in (place_1, place_2)
    )
    # The second term's b and c may both be negated first, which changes signs alone.
    b2, c2 = (bitmasks.negated_where((first & 1) == 1, x) for x in (b2, c2))
    everywhere = jnp.ones(seeds.shape, bool)
    (b12, large_b), (c12, large_c), (a12, large_a) = (
        bitmasks.add(b1, b2, ~everywhere),
        bitmasks.add(c2, c1, everywhere),
        bitmasks.add(a2, a1, everywhere),
    )
    # Terms that share a factor would give a zero one: leave those to flips.
    has_zero = bitmasks.tree_reduce(operator.or_, map(bitmasks.is_zero, (a12, b12, c12, a1, a2)))
    go = wanted & ~(has_zero | large_a | large_b | large_c) & (free < slots)
    is_1, is_2, is_3 = (
        (index == jnp.where(go, place, NO_TERM)) for place in (place_1, place_2, free)
    )

    def put(old: Planes, *changes) -> jax.Array:
        for where, new in changes:
            old = jax.tree.map(functools.partial(jnp.where, where), new, old)
        return bitmasks.stacked(old)

    a = put(a, (is_2, a12), (is_3, a1))
    b = put(b, (is_1, b12), (is_2, b2), (is_3, b2))
    c = put(c, (is_2, c2), (is_3, c12))
    return (a, b, c), seeds, go
