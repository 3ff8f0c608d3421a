"""Rank-1 terms as bit masks: their arithmetic for many walkers at once, in JAX.

A factor is stored in *planes*. Over Z2 there is one, the support: bit k is set where entry k is not
zero. Over the integers a second plane holds the signs: bit k is set where entry k is -1, and all
entries are -1, 0 or 1. A plane has as many 32-bit words as the entries of its mode need, K: one up
to 5x5 matrices, two up to 8x8, and at most eight. Words are separate arrays, so that one word costs
what it would cost alone.

The last axis of every array counts the walkers. All work is elementwise in it, except that single
terms are gathered. XLA for CPUs fuses the operations that lead to such a term into every consumer
and would repeat them for each of the R terms; `materializer` prevents that.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Sizes, Target

WORD_BITS = 32  # bits of a word
MAX_ENTRIES = 8 * WORD_BITS  # of a mode
MAX_PRODUCTS = 1_024  # terms of the naive algorithm of a format; more take minutes to compile
NO_TERM = 2**15  # the index that stands for no term

Plane = tuple[jax.Array, ...]  # its words, uint32 [R, W] or [W] each
Planes = tuple[Plane, ...]  # of factors: support, and over the integers signs
Terms = tuple[jax.Array, ...]  # for each mode uint32 [P, K, R, W]; K is that of the mode
Words = tuple[jax.Array, ...]  # a set of terms: bit r % 32 of word r // 32 is term r, uint32 [W]
Materialize = Callable[[Any], Any]  # a tree of arrays -> the same tree, see `materializer`


def fits(sizes: Sizes) -> bool:
    """Says whether walkers can hold schemes of a format, its naive algorithm among them."""
    n, m, p = sizes
    return max(n * m, m * p, p * n) <= MAX_ENTRIES and n * m * p <= MAX_PRODUCTS


def is_ternary(f: Factorization) -> bool:
    """Says whether all entries of a factorization are -1, 0 or 1."""
    return f.is_integral and all(np.abs(np.array(x)).max(initial=0) <= 1 for x in f.factors)


def to_masks(f: Factorization) -> tuple[np.ndarray, ...]:
    """Returns the factors as bit masks.

    Returns:
      For each mode uint32 [P, K, rank]: P = 1 (supports) over Z2, P = 2 (supports, signs) over the
      integers.
    """

    def pack(is_set: np.ndarray) -> np.ndarray:
        padded = np.pad(is_set, ((0, -len(is_set) % WORD_BITS), (0, 0)))
        weight = 1 << np.arange(WORD_BITS, dtype=np.uint32)
        words = padded.reshape(-1, WORD_BITS, is_set.shape[1])
        return (words * weight[:, None]).sum(1, dtype=np.uint32)

    factors = [np.array(x, np.int64) for x in f.factors]
    if f.ring.is_modular:
        return tuple(pack(x != 0)[None] for x in factors)
    return tuple(np.stack([pack(x != 0), pack(x < 0)]) for x in factors)


def from_masks(masks: Sequence[np.ndarray], target: Target, provenance: dict) -> Factorization:
    """Returns the factorization of masks uint32 [P, K, R], without their terms that are zero."""
    masks = [np.asarray(x) for x in masks]
    alive = np.all([x[0].any(axis=0) for x in masks], axis=0)
    factors = []
    for words, size in zip(masks, target.shape, strict=True):
        place = np.arange(WORD_BITS, dtype=np.uint32)[:, None]
        bits = (words[:, :, None, alive] >> place) & 1
        entries, *signs = bits.astype(np.int64).reshape(len(words), -1, alive.sum())[:, :size]
        for sign in signs:
            entries *= 1 - 2 * sign
        factors.append(entries)
    ring = rings.IntegersMod(2) if len(masks[0]) == 1 else rings.Integers()
    return Factorization(target, ring, *factors, provenance)


def scheme_key(f: Factorization) -> bytes:
    """Returns a key that schemes share if they differ only in signs and in the order of terms."""
    supports = np.concatenate([x[0] for x in to_masks(f)])
    return supports[:, np.lexsort(supports)].tobytes()


def planes_of(mode: jax.Array) -> Planes:
    """Returns the planes of the factors of a mode, uint32 [P, K, ...]."""
    return tuple(map(tuple, mode))


def stacked(planes: Planes) -> jax.Array:
    """Returns planes as one array uint32 [P, K, ...]."""
    return jnp.stack([jnp.stack(words) for words in planes])


def is_zero(planes: Planes) -> jax.Array:
    """Says which factors are zero."""
    return tree_reduce(operator.or_, planes[0]) == 0


def ranks(terms: Terms) -> jax.Array:
    """Counts the terms that are not zero, int32 [W]."""
    return jnp.sum(~is_zero(planes_of(terms[0])), axis=0, dtype=jnp.int32)


def entries(planes: Planes) -> jax.Array:
    """Counts the entries of factors that are not zero, uint32."""
    return tree_reduce(operator.add, map(jax.lax.population_count, planes[0]))


def weights(terms: Terms) -> jax.Array:
    """Counts the entries of all factors that are not zero, int32 [W]."""
    return sum(jnp.sum(entries(planes_of(x)), axis=0) for x in terms).astype(jnp.int32)


def next_random(seeds: jax.Array) -> jax.Array:
    """Returns the next states of Marsaglia's xorshift32 generators, uint32 [W] -> uint32 [W]."""
    seeds ^= seeds << 13
    seeds ^= seeds >> 17
    return seeds ^ (seeds << 5)


def random_below(random: jax.Array, n: int) -> jax.Array:
    """Maps random words uint32 [W] to integers int32 [W] below n <= 65,536, by their high bits."""
    return (((random >> 16) * n) >> 16).astype(jnp.int32)


def tree_reduce(operation, values):
    """Combines values by a binary operation, in a balanced tree."""
    values = list(values)
    while len(values) > 1:
        odd = values[len(values) & ~1 :]
        values = [operation(x, y) for x, y in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def factor_at(planes: Planes, index: jax.Array) -> Planes:
    """Gathers one factor for each walker; zero where the index is `NO_TERM`.

    Args:
      planes: words of [R, W].
      index: int32 [W].

    Returns:
      Words of [W].
    """
    exists = index < len(planes[0][0])
    row = jnp.where(exists, index, 0)[None]

    def gather(x: jax.Array) -> jax.Array:
        return jnp.where(
            exists, jnp.take_along_axis(x, row, axis=0, mode="promise_in_bounds")[0], 0
        )

    return jax.tree.map(gather, planes)


def add(x: Planes, y: Planes, negated: jax.Array) -> tuple[Planes, jax.Array]:
    """Adds factors, or subtracts them where `negated`.

    Args:
      x, y: planes of one shape.
      negated: bool [W]; without effect over Z2.

    Returns:
      (x + y or x - y, whether an entry leaves {-1, 0, 1} bool [W]).
    """
    support = tuple(map(operator.xor, x[0], y[0]))
    if len(x) == 1:
        return (support,), jnp.zeros(negated.shape, bool)
    sign = negated_where(negated, y)[1]
    words = list(zip(*x, y[0], sign, support, strict=True))
    overflow = [(xs & ys & ~(xn ^ yn)) for xs, xn, ys, yn, _ in words]
    signs = tuple((xn | yn) & both for _, xn, _, yn, both in words)
    return (support, signs), tree_reduce(operator.or_, overflow) != 0


def negated_where(condition: jax.Array, planes: Planes) -> Planes:
    """Negates factors where a condition holds, bool [W]; without effect over Z2."""
    support, *signs = planes
    return support, *(
        tuple(jnp.where(condition, x ^ y, y) for x, y in zip(support, words, strict=True))
        for words in signs
    )


def permute_entries(planes: Planes, shifts: Sequence[dict[tuple[int, int], int]]) -> Planes:
    """Permutes the entries of factors.

    Args:
      planes: uint32 of any shape.
      shifts: for each word of the result, {(word, shift to the left): the bits that it moves}.
    """

    def shifted(x: jax.Array, shift: int, mask: int) -> jax.Array:
        x = x & jnp.uint32(mask)
        return x << shift if shift >= 0 else x >> -shift

    return tuple(
        tuple(
            tree_reduce(
                operator.or_,
                [shifted(plane[word], shift, mask) for (word, shift), mask in parts.items()],
            )
            for parts in shifts
        )
        for plane in planes
    )


def terms_with(planes: Planes, factor: Planes, excluded: Words) -> Words:
    """Finds the terms that have a given factor up to sign; none where the factor is zero.

    Args:
      planes: the factors of all terms, words of [R, W].
      factor: the one sought by each walker, words of [W].
      excluded: terms that do not count.
    """
    support, *signs = planes
    bits = []
    opposite = [tuple(map(operator.xor, *factor)) for _ in signs]
    for r in range(len(support[0])):
        is_equal = _are_equal(support, r, factor[0])
        for sign, other in zip(signs, opposite, strict=True):
            is_equal &= _are_equal(sign, r, factor[1]) | _are_equal(sign, r, other)
        bits.append(jnp.where(is_equal, jnp.uint32(1 << r % WORD_BITS), 0))
    words = [
        tree_reduce(operator.or_, bits[k : k + WORD_BITS]) for k in range(0, len(bits), WORD_BITS)
    ]
    exists = ~is_zero(factor)
    return tuple(jnp.where(exists, x & ~y, 0) for x, y in zip(words, excluded, strict=True))


def _are_equal(plane: Plane, row: int, words: Plane) -> jax.Array:
    """Says where a row of a plane of [R, W] has these words of [W]."""
    return tree_reduce(operator.and_, [x[row] == y for x, y in zip(plane, words, strict=True)])


def one_hot(index: jax.Array, words: int) -> Words:
    """Returns the set of one term, in so many words; the empty set for `NO_TERM`."""
    bit = jnp.uint32(1) << (index % WORD_BITS).astype(jnp.uint32)
    return tuple(jnp.where(index // WORD_BITS == k, bit, 0) for k in range(words))


def random_member(words: Words, random: jax.Array, slots: int) -> jax.Array:
    """Draws a term of a set: the first one at or after a random place, cyclically.

    Args:
      words: the set.
      random: random words, uint32 [W].
      slots: number of places.

    Returns:
      int32 [W], `NO_TERM` where the set is empty.
    """
    place = random_below(random, slots)
    full = jnp.uint32(2**WORD_BITS - 1)
    after = []
    for k, word in enumerate(words):
        shift = jnp.clip(place - k * WORD_BITS, 0, WORD_BITS - 1).astype(jnp.uint32)
        after.append(jnp.where(place >= (k + 1) * WORD_BITS, 0, word & (full << shift)))
    wrapped = tree_reduce(operator.or_, after) == 0
    index = jnp.full(random.shape, NO_TERM, jnp.int32)
    for k in reversed(range(len(words))):
        word = jnp.where(wrapped, words[k], after[k])
        lowest = jax.lax.population_count((word & (~word + 1)) - 1).astype(jnp.int32)
        index = jnp.where(word != 0, lowest + k * WORD_BITS, index)
    return index


def all_terms(number: int) -> np.ndarray:
    """Returns the words of the set of all terms, uint32 [words, 1]."""
    everything = np.full(-(-number // WORD_BITS), 2**WORD_BITS - 1, np.uint32)
    if number % WORD_BITS:
        everything[-1] = 2 ** (number % WORD_BITS) - 1
    return everything[:, None]


def materializer(seeds: jax.Array) -> Materialize:
    """Returns an identity function that has XLA compute its argument once: an optimisation fence.

    On accelerators this is `optimization_barrier`, which XLA for CPUs drops. There the function is
    a conditional on a value that is always false, since the random generators never reach 0, but
    that XLA cannot foresee.

    Args:
      seeds: states of random generators, uint32 [W].
    """
    if jax.default_backend() != "cpu":
        return jax.lax.optimization_barrier
    never = jnp.any(seeds == 0)

    def inverted(values):
        return jax.tree.map(operator.invert, values)

    return lambda values: jax.lax.cond(never, inverted, lambda x: x, values)
