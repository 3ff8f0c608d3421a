"""Flip-graph search: many walkers at once on bit masks, in pure JAX.

A scheme is a set of rank-1 tensors that sum to a target. Two terms that share a factor can be
replaced by two others (a *flip*, Kauers and Moosbauer 2022, arXiv 2212.01175):

    a⊗b⊗c + a⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c)

A term with a zero factor vanishes: the rank has dropped by one. A walker that is stuck splits two
terms into three (a *plus transition*, Arai, Ichikawa and Hukushima 2024, arXiv 2312.16960):

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c'

Over Z2 a factor is one 32-bit word, its support; over the integers a second word holds the signs,
entries are -1, 0 and 1, and a step that would leave that range is not made. Factors are shared up
to sign. Modes may have up to 32 entries (5x5 matrices have 25).

Schemes of low rank have few pairs of terms that share a factor, so most random pairs are in vain.
Each walker therefore keeps *hints*: for each mode one bit a term, set where a partner may exist. A
flip changes one factor in each of two modes; comparing the new factor with all terms keeps the
hints, and a try that finds no partner clears its bit.

Walkers lie in the last axis and all work is elementwise in it: what a walker needs of its R terms
is a chain of R selects. XLA for CPUs fuses such chains into every consumer and would repeat
them for each term; `_fence` stops that.
"""

import functools
import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Target

WORD = 32  # bits of a factor
NONE = 255  # index of no term
MAX_TERMS = NONE
SLACK = 1  # ranks

# The shared mode, then the modes that play b and c: one sweep tries each of these once. To change
# the parts of b and c is to change those of the two terms, which are drawn in either order.
_ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
TRIES = len(_ORDERS)  # in a sweep

Planes = tuple[jax.Array, ...]  # support, and over the integers signs: uint32 [R, W] or [W]


class Walkers(NamedTuple):
    """W walkers on schemes of at most R terms; a term that vanished is zero in all modes.

    P is 1 over Z2 (supports) and 2 over the integers (supports, signs).

    Attributes:
      terms: uint32 [P, 3, R, W], the factors as bit masks.
      best: uint32 [P, 3, R, W], the scheme of least rank, then least weight where that counts,
        that each walker has seen.
      best_rank: int32 [W].
      best_weight: int32 [W], entries of `best` that are not zero.
      age: int32 [W], rounds since the rank last changed.
      seeds: uint32 [W], state of each walker's random generator, never 0.
      flips: int32 [W], flips made, for rates; wraps.
    """

    terms: jax.Array
    best: jax.Array
    best_rank: jax.Array
    best_weight: jax.Array
    age: jax.Array
    seeds: jax.Array
    flips: jax.Array


def start(schemes: list[Factorization], num_walkers: int, slots: int, seed: int) -> Walkers:
    """Puts walkers on the given schemes in turn.

    Args:
      schemes: verified factorisations of one target, all over Z2 or all over the integers with
        entries -1, 0 and 1.
      num_walkers: W.
      slots: R, at least the largest rank plus what plus transitions may add.
      seed: of all randomness.

    Raises:
      ValueError: if a scheme is over another ring, is wrong, has larger entries, more than 32
        entries in a mode, or more terms than slots.
    """
    if not schemes:
        raise ValueError("start schemes: expected at least one.")
    if not slots <= MAX_TERMS:
        raise ValueError(f"schemes of {slots} terms: at most {MAX_TERMS} are possible.")
    masks = []
    for f in schemes:
        if f.ring != schemes[0].ring or f.ring.modulus not in (0, 2):
            raise ValueError(f"start scheme over {f.ring}: expected all over Z2 or all over Z.")
        if max(f.target.shape) > WORD:
            sizes = "x".join(map(str, f.target.shape))
            raise ValueError(
                f"target of shape {sizes}: at most {WORD} entries a mode are possible."
            )
        if f.rank > slots:
            raise ValueError(f"start scheme of rank {f.rank}: expected at most {slots} terms.")
        if not is_ternary(f):
            raise ValueError("start scheme over Z: expected entries -1, 0 and 1 alone.")
        if not (check := f.verify()).ok:
            raise ValueError(f"start scheme: {check.message}")
        masks.append(np.pad(to_masks(f), ((0, 0), (0, 0), (0, slots - f.rank))))
    chosen = np.arange(num_walkers) % len(masks)
    terms = jnp.array(np.moveaxis(np.array(masks)[chosen], 0, -1))
    seeds = jax.random.bits(jax.random.key(seed), (num_walkers,), jnp.uint32) | 1
    zeros = jnp.zeros(num_walkers, jnp.int32)
    return Walkers(terms, terms + 0, ranks(terms), weights(terms), zeros, seeds, zeros + 0)


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


def _random(seeds: jax.Array) -> jax.Array:
    """The next state of Marsaglia's xorshift32 generators."""
    seeds ^= seeds << 13
    seeds ^= seeds >> 17
    return seeds ^ (seeds << 5)


def _below(random: jax.Array, n: int) -> jax.Array:
    """The high 16 bits of random words as integers below n <= 65,536, int32."""
    return (((random >> 16) * n) >> 16).astype(jnp.int32)


def _fold(operation, values):
    """A balanced tree of a binary operation."""
    values = list(values)
    while len(values) > 1:
        odd = values[len(values) & ~1 :]
        values = [operation(x, y) for x, y in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def _pick(planes: Planes, index: jax.Array) -> Planes:
    """Each walker's term of a number int32 [W]; zero for NONE: planes [R, W] -> [W]."""
    return tuple(
        _fold(operator.or_, [jnp.where(index == r, x[r], 0) for r in range(len(x))]) for x in planes
    )


def _add(x: Planes, y: Planes, negated: jax.Array) -> tuple[Planes, jax.Array]:
    """x + y, or x - y where `negated`; and whether an entry would leave {-1, 0, 1}."""
    support = x[0] ^ y[0]
    if len(x) == 1:
        return (support,), jnp.zeros(support.shape, bool)
    sign = jnp.where(negated, y[1] ^ y[0], y[1])
    overflow = (x[0] & y[0] & ~(x[1] ^ sign)) != 0
    return (support, (x[1] | sign) & support), overflow


def _matches(planes: Planes, factor: Planes, excluded: list[jax.Array]) -> list[jax.Array]:
    """The terms with a factor, up to sign, that is not zero, as words of bits: uint32 [W] each."""
    support, *signs = planes
    bits = []
    for r in range(len(support)):
        is_equal = support[r] == factor[0]
        for sign in signs:
            is_equal &= (sign[r] == factor[1]) | (sign[r] == factor[1] ^ factor[0])
        bits.append(jnp.where(is_equal, jnp.uint32(1 << r % WORD), 0))
    words = [_fold(operator.or_, bits[k : k + WORD]) for k in range(0, len(bits), WORD)]
    exists = factor[0] != 0
    return [jnp.where(exists, x & ~y, 0) for x, y in zip(words, excluded, strict=True)]


def _bits(index: jax.Array, words: int) -> list[jax.Array]:
    """A number as a one-hot bit of words; none for NONE."""
    bit = jnp.uint32(1) << (index % WORD).astype(jnp.uint32)
    return [jnp.where(index // WORD == k, bit, 0) for k in range(words)]


def _random_bit(words: list[jax.Array], random: jax.Array, slots: int) -> jax.Array:
    """Number of the first set bit from a random place on, cyclically; NONE if there is none."""
    place = _below(random, slots)
    full = jnp.uint32(2**WORD - 1)
    after = []
    for k, word in enumerate(words):
        shift = jnp.clip(place - k * WORD, 0, WORD - 1).astype(jnp.uint32)
        after.append(jnp.where(place >= (k + 1) * WORD, 0, word & (full << shift)))
    wrapped = _fold(operator.or_, after) == 0
    index = jnp.full(random.shape, NONE, jnp.int32)
    for k in reversed(range(len(words))):
        word = jnp.where(wrapped, words[k], after[k])
        lowest = jax.lax.population_count((word & (~word + 1)) - 1).astype(jnp.int32)
        index = jnp.where(word != 0, lowest + k * WORD, index)
    return index


def _fence(never: jax.Array, values):
    """Has XLA compute some small arrays once; `never` is a false that it cannot foresee."""
    if jax.default_backend() != "cpu":
        return jax.lax.optimization_barrier(values)
    other = functools.partial(jax.tree.map, operator.invert)
    return jax.lax.cond(never, other, lambda x: x, values)


def _flip(factors, hints, seeds: jax.Array, never: jax.Array, prefer_sparse: bool):
    """Tries one flip of every walker in terms that share a factor of the first mode given.

    Args:
      factors: the modes a, b and c, each `Planes` of [R, W].
      hints: for each of them words of bits, lists of uint32 [W].
      seeds: uint32 [W].
      never: false.
      prefer_sparse: a flip that adds d entries is made with probability 2^-d.

    Returns:
      (factors, hints, seeds, whether flipped bool [W]).
    """
    (a, b, c), (hints_a, hints_b, hints_c) = factors, hints
    slots, words = len(a[0]), len(hints_a)
    first = _random(seeds)
    seeds = _random(first)
    i = _random_bit(hints_a, first, slots)
    partners = _matches(a, _pick(a, i), _bits(i, words))
    j = _random_bit(partners, seeds, slots)
    i, j, first, seeds = _fence(never, (i, j, first, seeds))
    is_pair = j != NONE
    hints_a = [jnp.where(is_pair, x, x & ~y) for x, y in zip(hints_a, _bits(i, words), strict=True)]

    # Subtracting instead of adding and taking a_j = -a_i change signs alone: nothing over Z2.
    is_opposite = (first & 1) == 1
    b_i, b_j, c_i, c_j = _pick(b, i), _pick(b, j), _pick(c, i), _pick(c, j)
    negated = is_opposite
    if len(a) == 2:
        negated ^= _pick(a, i)[1] != _pick(a, j)[1]
    if len(a) == 2 or prefer_sparse:  # where more than one array comes of them
        b_i, b_j, c_i, c_j, negated = _fence(never, (b_i, b_j, c_i, c_j, negated))
    new_b, large_b = _add(b_i, b_j, negated)
    new_c, large_c = _add(c_j, c_i, ~is_opposite)
    flipped = is_pair & ~large_b & ~large_c
    if prefer_sparse:
        count = jax.lax.population_count
        added = count(new_b[0]) + count(new_c[0]) - count(b_i[0]) - count(c_j[0])
        seeds = _random(seeds)
        flipped &= added.astype(jnp.int32) <= jax.lax.clz(seeds).astype(jnp.int32)
    i, j = jnp.where(flipped, i, NONE), jnp.where(flipped, j, NONE)
    new_b, new_c, flipped, i, j = _fence(never, (new_b, new_c, flipped, i, j))

    hints_b = _new_hints(hints_b, b, new_b, i, never)
    hints_c = _new_hints(hints_c, c, new_c, j, never)
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    is_i, is_j = index == i, index == j
    vanished = (is_i & (new_b[0] == 0)) | (is_j & (new_c[0] == 0))
    b = tuple(jnp.where(is_i, new, old) for new, old in zip(new_b, b, strict=True))
    c = tuple(jnp.where(is_j, new, old) for new, old in zip(new_c, c, strict=True))
    factors = jax.tree.map(lambda x: jnp.where(vanished, 0, x), (a, b, c))
    return factors, (hints_a, hints_b, hints_c), seeds, flipped


def _new_hints(hints: list, planes: Planes, factor: Planes, index: jax.Array, never) -> list:
    """Hints of a mode in which term `index` gets a factor; nothing changes for NONE."""
    own = _bits(index, len(hints))
    partners = _matches(planes, factor, own)
    partners = _fence(never, [jnp.where(index == NONE, 0, x) for x in partners])
    some = _fold(operator.or_, partners) != 0
    return [
        jnp.where(some, old | new | bit, old & ~bit)
        for old, new, bit in zip(hints, partners, own, strict=True)
    ]


def _plus(terms: jax.Array, seeds: jax.Array, wanted: jax.Array):
    """A plus transition of random terms where `wanted` bool [W] and a slot is free."""
    slots = terms.shape[2]
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    first = _random(seeds)
    seeds = _random(first)
    place_1, place_2 = _below(first, slots), _below(seeds, slots)
    free = jnp.min(jnp.where(terms[0, 0] == 0, index, slots), axis=0)
    a, b, c = (tuple(terms[:, mode]) for mode in range(3))
    (a1, b1, c1), (a2, b2, c2) = ([_pick(x, i) for x in (a, b, c)] for i in (place_1, place_2))
    # The second term's b and c may both be negated first, which changes signs alone.
    is_opposite = (first & 1) == 1
    b2, c2 = ((x[0], *(jnp.where(is_opposite, x[0] ^ y, y) for y in x[1:])) for x in (b2, c2))
    everywhere = jnp.ones(seeds.shape, bool)
    (b12, large_b), (c12, large_c), (a12, large_a) = (
        _add(b1, b2, ~everywhere),
        _add(c2, c1, everywhere),
        _add(a2, a1, everywhere),
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


@functools.partial(
    jax.jit,
    static_argnames=("rounds", "sweeps", "margin", "patience", "prefer_sparse"),
    donate_argnames="walkers",
)
def run(
    walkers: Walkers,
    *,
    rounds: int,
    sweeps: int,
    margin: int,
    patience: int,
    prefer_sparse: bool = False,
) -> Walkers:
    """Walks `rounds` times `sweeps` sweeps of `TRIES` tries each, on all devices.

    After each round the best schemes are stored. A walker that has no flip left, or whose rank has
    not changed for `patience` rounds, makes a plus transition; if its rank is `margin` or more
    above its best, it goes back to its best scheme first. With `prefer_sparse` flips that add
    entries are made less often, and among schemes of least rank the sparsest counts as best.
    The number of walkers must be a multiple of the number of devices; on CPUs a multiple of 64 for
    each device is fastest.
    """
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("walkers",))
    schemes, single = PartitionSpec(None, None, None, "walkers"), PartitionSpec("walkers")
    specs = Walkers(schemes, schemes, *(single,) * (len(Walkers._fields) - 2))
    walk = functools.partial(
        _run_blocks,
        rounds=rounds,
        sweeps=sweeps,
        margin=margin,
        patience=patience,
        prefer_sparse=prefer_sparse,
    )
    return jax.shard_map(walk, mesh=mesh, in_specs=(specs,), out_specs=specs)(walkers)


@functools.partial(jax.jit, static_argnames="prefer_sparse", donate_argnames="walkers")
def follow(walkers: Walkers, prefer_sparse: bool = False) -> Walkers:
    """The quarter of walkers that is furthest behind goes on from the schemes of the best quarter.

    Walkers behind are those whose best rank is higher by more than `SLACK`, which keeps many
    different schemes, or with `prefer_sparse` those of higher best weight at the same rank.
    """
    number = walkers.seeds.size
    cost = walkers.best_rank
    if prefer_sparse:
        cost = cost * (3 * MAX_TERMS * WORD) + walkers.best_weight
    order = jnp.argsort(cost)
    last, first = order[number - number // 4 :], order[: number // 4]
    slack = 0 if prefer_sparse else SLACK
    behind = cost[last] > cost[first] + slack
    source = jnp.arange(number).at[last].set(jnp.where(behind, first, last))
    moved = source != jnp.arange(number)
    best = walkers.best[..., source]
    return walkers._replace(
        terms=jnp.where(moved, best, walkers.terms),
        best=best,
        best_rank=walkers.best_rank[source],
        best_weight=walkers.best_weight[source],
        age=jnp.where(moved, 0, walkers.age),
    )


def _run_blocks(walkers: Walkers, **options) -> Walkers:
    """Walks block after block on CPUs, where terms then stay in the first cache.

    Walkers do not interact, so the result is the same bit for bit.
    """
    planes, _, slots, number = walkers.terms.shape
    most = number
    if jax.default_backend() == "cpu":
        most = 64 if planes * slots <= 64 else 32  # measured
    block = next(b for b in range(most, 0, -1) if number % b == 0)
    split = jax.tree.map(
        lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], -1, block), -2, 0), walkers
    )
    done = jax.lax.map(functools.partial(_run, **options), split)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1), done)


def _run(
    walkers: Walkers, rounds: int, sweeps: int, margin: int, patience: int, prefer_sparse: bool
) -> Walkers:
    slots = walkers.terms.shape[2]
    everything = np.full((3, -(-slots // WORD)), 2**WORD - 1, np.uint32)
    if slots % WORD:
        everything[:, -1] = 2 ** (slots % WORD) - 1
    everything = jnp.asarray(everything)[:, :, None]
    never = jnp.any(walkers.seeds == 0)  # generators never get there

    def sweep(carry, _):
        factors, hints, seeds, flips = carry
        factors, hints = list(factors), [list(x) for x in hints]
        for order in _ORDERS:
            new, new_hints, seeds, flipped = _flip(
                [factors[m] for m in order], [hints[m] for m in order], seeds, never, prefer_sparse
            )
            for m, x, y in zip(order, new, new_hints, strict=True):
                factors[m], hints[m] = x, y
            flips = flips + flipped
        return (tuple(factors), jnp.stack([jnp.stack(x) for x in hints]), seeds, flips), None

    def one_round(carry, _):
        state, hints = carry
        before = ranks(state.terms)
        factors = tuple(tuple(state.terms[:, mode]) for mode in range(3))
        (factors, hints, seeds, flips), _ = jax.lax.scan(
            sweep, (factors, hints, state.seeds, state.flips), None, length=sweeps
        )
        terms = jnp.stack([jnp.stack(x) for x in factors], axis=1)
        rank, weight = ranks(terms), weights(terms)
        is_better = rank < state.best_rank
        heaviest = state.best_weight if prefer_sparse else jnp.iinfo(jnp.int32).max
        is_better |= (rank == state.best_rank) & (weight <= heaviest)
        best = jnp.where(is_better, terms, state.best)
        best_rank = jnp.minimum(rank, state.best_rank)
        best_weight = jnp.where(is_better, weight, state.best_weight)
        age = jnp.where(rank == before, state.age + 1, 0)
        stuck = (age >= patience) | (flips == state.flips)
        back = stuck & (rank >= best_rank + margin)
        terms = jnp.where(back, best, terms)
        terms, seeds, split = _plus(terms, seeds, stuck)
        hints = jnp.where(back | split, everything, hints)
        age = jnp.where(split, 0, age)
        return (Walkers(terms, best, best_rank, best_weight, age, seeds, flips), hints), None

    hints = everything | jnp.zeros_like(walkers.seeds)
    return jax.lax.scan(one_round, (walkers, hints), None, length=rounds)[0][0]
