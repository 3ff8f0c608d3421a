"""Rank-1 terms as bit masks: their arithmetic for many walkers at once, in JAX.

A factor is stored in *planes*, one 32-bit word each. Over Z2 there is one plane, the support: bit k
is set where entry k is not zero. Over the integers a second plane holds the signs: bit k is set
where entry k is -1, and all entries are -1, 0 or 1. A mode may have up to 32 entries; 5x5 matrices
have 25.

The last axis of every array counts the walkers. All work is elementwise in it, except that single
terms are gathered. XLA for CPUs fuses the operations that lead to such a term into every consumer
and would repeat them for each of the R terms; `materializer` prevents that.
"""

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Target

WORD_BITS = 32  # bits of a word, and the most entries of a mode
NO_TERM = 2**15  # the index that stands for no term

Planes = tuple[jax.Array, ...]  # support, and over the integers signs: uint32 [R, W] or [W]
Words = tuple[jax.Array, ...]  # a set of terms: bit r % 32 of word r // 32 is term r, uint32 [W]
Materialize = Callable[[Any], Any]  # a tree of arrays -> the same tree, see `materializer`


def is_ternary(f: Factorization) -> bool:
    """Says whether all entries of a factorization are -1, 0 or 1."""
    return f.is_integral and all(np.abs(np.array(x)).max(initial=0) <= 1 for x in f.factors)


def to_masks(f: Factorization) -> np.ndarray:
    """Returns the factors as bit masks.

    Returns:
      uint32 [P, 3, rank]: P = 1 (supports) over Z2, P = 2 (supports, signs) over the integers.
    """

    def pack(is_set: np.ndarray) -> np.ndarray:
        weight = 1 << np.arange(len(is_set), dtype=np.uint32)
        return (is_set * weight[:, None]).sum(0, dtype=np.uint32)

    factors = [np.array(x, np.int64) for x in f.factors]
    planes = [[pack(x != 0) for x in factors]]
    if not f.ring.is_modular:
        planes.append([pack(x < 0) for x in factors])
    return np.array(planes)


def from_masks(masks: np.ndarray, target: Target, provenance: dict) -> Factorization:
    """Returns the factorization of masks uint32 [P, 3, R], without their terms that are zero."""
    masks = masks[:, :, np.all(masks[0] != 0, axis=0)]
    factors = []
    for mode, size in enumerate(target.shape):
        place = np.arange(size, dtype=np.uint32)[:, None]
        entries = ((masks[0, mode] >> place) & 1).astype(np.int64)
        if len(masks) == 2:
            entries *= 1 - 2 * ((masks[1, mode] >> place) & 1).astype(np.int64)
        factors.append(entries)
    ring = rings.IntegersMod(2) if len(masks) == 1 else rings.Integers()
    return Factorization(target, ring, *factors, provenance)


def scheme_key(f: Factorization) -> bytes:
    """Returns a key that schemes share if they differ only in signs and in the order of terms."""
    supports = np.ascontiguousarray(to_masks(f)[0].T)
    return np.sort(supports.view([("u", "u4"), ("v", "u4"), ("w", "u4")])[:, 0]).tobytes()


def ranks(terms: jax.Array) -> jax.Array:
    """Counts the terms that are not zero: terms uint32 [P, 3, R, W] -> int32 [W]."""
    return jnp.sum(terms[0, 0] != 0, axis=0, dtype=jnp.int32)


def weights(terms: jax.Array) -> jax.Array:
    """Counts the entries that are not zero: terms uint32 [P, 3, R, W] -> int32 [W]."""
    return jnp.sum(jax.lax.population_count(terms[0]), axis=(0, 1)).astype(jnp.int32)


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
      planes: uint32 [R, W] each.
      index: int32 [W].

    Returns:
      Planes of [W].
    """
    exists = index < len(planes[0])
    row = jnp.where(exists, index, 0)[None]
    return tuple(
        jnp.where(exists, jnp.take_along_axis(x, row, axis=0, mode="promise_in_bounds")[0], 0)
        for x in planes
    )


def add(x: Planes, y: Planes, negated: jax.Array) -> tuple[Planes, jax.Array]:
    """Adds factors, or subtracts them where `negated`.

    Args:
      x, y: planes of one shape.
      negated: bool [W]; without effect over Z2.

    Returns:
      (x + y or x - y, whether an entry leaves {-1, 0, 1} bool [W]).
    """
    support = x[0] ^ y[0]
    if len(x) == 1:
        return (support,), jnp.zeros(support.shape, bool)
    sign = jnp.where(negated, y[1] ^ y[0], y[1])
    overflow = (x[0] & y[0] & ~(x[1] ^ sign)) != 0
    return (support, (x[1] | sign) & support), overflow


def permute_entries(planes: Planes, shifts: dict[int, int]) -> Planes:
    """Permutes the entries of factors.

    Args:
      planes: uint32 of any shape.
      shifts: for each shift to the left, the bits that it moves.
    """

    def shifted(x: jax.Array, shift: int, mask: int) -> jax.Array:
        x = x & jnp.uint32(mask)
        return x << shift if shift >= 0 else x >> -shift

    return tuple(
        tree_reduce(operator.or_, [shifted(x, shift, mask) for shift, mask in shifts.items()])
        for x in planes
    )


def terms_with(planes: Planes, factor: Planes, excluded: Words) -> Words:
    """Finds the terms that have a given factor up to sign; none where the factor is zero.

    Args:
      planes: the factors of all terms, uint32 [R, W] each.
      factor: the one sought by each walker, uint32 [W] each.
      excluded: terms that do not count.
    """
    support, *signs = planes
    bits = []
    for r in range(len(support)):
        is_equal = support[r] == factor[0]
        for sign in signs:
            is_equal &= (sign[r] == factor[1]) | (sign[r] == factor[1] ^ factor[0])
        bits.append(jnp.where(is_equal, jnp.uint32(1 << r % WORD_BITS), 0))
    words = [
        tree_reduce(operator.or_, bits[k : k + WORD_BITS]) for k in range(0, len(bits), WORD_BITS)
    ]
    exists = factor[0] != 0
    return tuple(jnp.where(exists, x & ~y, 0) for x, y in zip(words, excluded, strict=True))


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
