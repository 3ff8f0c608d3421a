"""Rank-1 terms as bit masks: their arithmetic for many walkers at once, in JAX.

Over Z2 a factor is one 32-bit word, its support; over the integers a second word holds the signs,
and entries are -1, 0 and 1. Modes may have up to 32 entries (5x5 matrices have 25).

Walkers lie in the last axis and all work is elementwise in it, but for gathers of single terms. XLA
for CPUs fuses what leads to such terms into every consumer and would repeat it for each of the R
terms; `fence` stops that.
"""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Target

WORD = 32  # bits of a factor
NONE = 2**15  # index of no term

Planes = tuple[jax.Array, ...]  # support, and over the integers signs: uint32 [R, W] or [W]


def is_ternary(f: Factorization) -> bool:
    """Whether all entries are -1, 0 or 1."""
    return f.is_integral and all(np.abs(np.array(x)).max(initial=0) <= 1 for x in f.factors)


def to_masks(f: Factorization) -> np.ndarray:
    """The factors as bit masks, uint32 [P, 3, rank]."""

    def pack(is_set: np.ndarray) -> np.ndarray:
        weight = 1 << np.arange(len(is_set), dtype=np.uint32)
        return (is_set * weight[:, None]).sum(0, dtype=np.uint32)

    factors = [np.array(x, np.int64) for x in f.factors]
    planes = [[pack(x != 0) for x in factors]]
    if not f.ring.is_modular:
        planes.append([pack(x < 0) for x in factors])
    return np.array(planes)


def from_masks(masks: np.ndarray, target: Target, provenance: dict) -> Factorization:
    """The inverse of `to_masks` for masks [P, 3, R]; zero terms are dropped."""
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


def key(f: Factorization) -> bytes:
    """The same for schemes that differ in the order of terms or in signs alone."""
    supports = np.ascontiguousarray(to_masks(f)[0].T)
    return np.sort(supports.view([("u", "u4"), ("v", "u4"), ("w", "u4")])[:, 0]).tobytes()


def ranks(terms: jax.Array) -> jax.Array:
    """Number of terms that are not zero, int32 [W], of terms [P, 3, R, W]."""
    return jnp.sum(terms[0, 0] != 0, axis=0, dtype=jnp.int32)


def weights(terms: jax.Array) -> jax.Array:
    """Number of entries that are not zero, int32 [W], of terms [P, 3, R, W]."""
    return jnp.sum(jax.lax.population_count(terms[0]), axis=(0, 1)).astype(jnp.int32)


def next_random(seeds: jax.Array) -> jax.Array:
    """The next state of Marsaglia's xorshift32 generators."""
    seeds ^= seeds << 13
    seeds ^= seeds >> 17
    return seeds ^ (seeds << 5)


def below(random: jax.Array, n: int) -> jax.Array:
    """The high 16 bits of random words as integers below n <= 65,536, int32."""
    return (((random >> 16) * n) >> 16).astype(jnp.int32)


def fold(operation, values):
    """A balanced tree of a binary operation."""
    values = list(values)
    while len(values) > 1:
        odd = values[len(values) & ~1 :]
        values = [operation(x, y) for x, y in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def pick(planes: Planes, index: jax.Array) -> Planes:
    """Each walker's term of a number int32 [W]; zero for NONE: planes [R, W] -> [W]."""
    exists = index < len(planes[0])
    row = jnp.where(exists, index, 0)[None]
    return tuple(
        jnp.where(exists, jnp.take_along_axis(x, row, axis=0, mode="promise_in_bounds")[0], 0)
        for x in planes
    )


def add(x: Planes, y: Planes, negated: jax.Array) -> tuple[Planes, jax.Array]:
    """x + y, or x - y where `negated`; and whether an entry would leave {-1, 0, 1}."""
    support = x[0] ^ y[0]
    if len(x) == 1:
        return (support,), jnp.zeros(support.shape, bool)
    sign = jnp.where(negated, y[1] ^ y[0], y[1])
    overflow = (x[0] & y[0] & ~(x[1] ^ sign)) != 0
    return (support, (x[1] | sign) & support), overflow


def moved(planes: Planes, places: dict[int, int]) -> Planes:
    """Factors with their entries elsewhere; `places` maps shifts to the left to the bits moved."""

    def shifted(x: jax.Array, shift: int, mask: int) -> jax.Array:
        x = x & jnp.uint32(mask)
        return x << shift if shift >= 0 else x >> -shift

    return tuple(
        fold(operator.or_, [shifted(x, shift, mask) for shift, mask in places.items()])
        for x in planes
    )


def matches(planes: Planes, factor: Planes, excluded: list[jax.Array]) -> list[jax.Array]:
    """The terms with a factor, up to sign, that is not zero, as words of bits: uint32 [W] each."""
    support, *signs = planes
    bits = []
    for r in range(len(support)):
        is_equal = support[r] == factor[0]
        for sign in signs:
            is_equal &= (sign[r] == factor[1]) | (sign[r] == factor[1] ^ factor[0])
        bits.append(jnp.where(is_equal, jnp.uint32(1 << r % WORD), 0))
    words = [fold(operator.or_, bits[k : k + WORD]) for k in range(0, len(bits), WORD)]
    exists = factor[0] != 0
    return [jnp.where(exists, x & ~y, 0) for x, y in zip(words, excluded, strict=True)]


def one_hot(index: jax.Array, words: int) -> list[jax.Array]:
    """A number as a one-hot bit of words; none for NONE."""
    bit = jnp.uint32(1) << (index % WORD).astype(jnp.uint32)
    return [jnp.where(index // WORD == k, bit, 0) for k in range(words)]


def random_bit(words: list[jax.Array], random: jax.Array, slots: int) -> jax.Array:
    """Number of the first set bit from a random place on, cyclically; NONE if there is none."""
    place = below(random, slots)
    full = jnp.uint32(2**WORD - 1)
    after = []
    for k, word in enumerate(words):
        shift = jnp.clip(place - k * WORD, 0, WORD - 1).astype(jnp.uint32)
        after.append(jnp.where(place >= (k + 1) * WORD, 0, word & (full << shift)))
    wrapped = fold(operator.or_, after) == 0
    index = jnp.full(random.shape, NONE, jnp.int32)
    for k in reversed(range(len(words))):
        word = jnp.where(wrapped, words[k], after[k])
        lowest = jax.lax.population_count((word & (~word + 1)) - 1).astype(jnp.int32)
        index = jnp.where(word != 0, lowest + k * WORD, index)
    return index


def fence(never: jax.Array, values):
    """Has XLA compute some small arrays once; `never` is a false that it cannot foresee."""
    if jax.default_backend() != "cpu":
        return jax.lax.optimization_barrier(values)
    other = functools.partial(jax.tree.map, operator.invert)
    return jax.lax.cond(never, other, lambda x: x, values)
