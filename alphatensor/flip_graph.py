"""Flip-graph search over Z2: many walkers at once on bit masks, in pure JAX.

A scheme is a set of rank-1 tensors that sum to a target. Two terms that share a factor can be
replaced by two others (a *flip*, Kauers and Moosbauer 2022, arXiv 2212.01175):

    a⊗b⊗c + a⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'+c)    (mod 2)

A term with a zero factor vanishes: the rank has dropped by one. A walker that is stuck splits two
terms into three (a *plus transition*, Arai, Ichikawa and Hukushima 2024, arXiv 2312.16960):

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c+c') + (a+a')⊗b'⊗c'

Every factor is one 32-bit word, so modes may have up to 32 entries (5x5 matrices have 25). The
walkers lie in the last axis of every array and all arithmetic is elementwise or a reduction over
the few terms of a scheme: no gathers, no scatters, which would run one walker at a time on CPUs.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.targets import Target

WORD = 32  # bits of a factor
BLOCK = 16  # walkers that one CPU device walks at a time

# The shared mode, then the modes that play b and c: one sweep tries each of these once.
_ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2), (2, 1, 0))


class Walkers(NamedTuple):
    """W walkers on schemes of at most R terms; a term that vanished is zero in all modes.

    Attributes:
      terms: uint32 [3, R, W], the factors as bit masks.
      best: uint32 [3, R, W], the scheme of least rank that each walker has seen.
      best_rank: int32 [W].
      seeds: uint32 [W], state of each walker's random generator, never 0.
      flips: int32 [W], flips made, for rates.
    """

    terms: jax.Array
    best: jax.Array
    best_rank: jax.Array
    seeds: jax.Array
    flips: jax.Array


def start(schemes: list[Factorization], num_walkers: int, slots: int, seed: int) -> Walkers:
    """Puts walkers on the given schemes in turn.

    Args:
      schemes: verified factorisations over Z2 of one target.
      num_walkers: W.
      slots: R, at least the largest rank plus what plus transitions may add.
      seed: of all randomness.

    Raises:
      ValueError: if a scheme is not over Z2, is wrong, has more than 32 entries in a mode or more
        terms than slots.
    """
    if not schemes:
        raise ValueError("start schemes: expected at least one.")
    masks = []
    for f in schemes:
        if f.ring.modulus != 2:
            raise ValueError(f"start scheme over {f.ring}: expected one over Z2.")
        if max(f.target.shape) > WORD:
            sizes = "x".join(map(str, f.target.shape))
            raise ValueError(
                f"target of shape {sizes}: at most {WORD} entries a mode are possible."
            )
        if f.rank > slots:
            raise ValueError(f"start scheme of rank {f.rank}: expected at most {slots} terms.")
        if not (check := f.verify()).ok:
            raise ValueError(f"start scheme: {check.message}")
        masks.append(np.pad(to_masks(f), ((0, 0), (0, slots - f.rank))))
    chosen = np.arange(num_walkers) % len(masks)
    terms = jnp.array(np.moveaxis(np.array(masks)[chosen], 0, -1))
    seeds = jax.random.bits(jax.random.key(seed), (num_walkers,), jnp.uint32) | 1
    return Walkers(terms, terms + 0, ranks(terms), seeds, jnp.zeros(num_walkers, jnp.int32))


def to_masks(f: Factorization) -> np.ndarray:
    """The factors of a scheme over Z2 as bit masks, uint32 [3, rank]."""
    weights = [1 << np.arange(size, dtype=np.uint32) for size in f.target.shape]
    return np.array(
        [
            (np.array(x, np.uint32) * weight[:, None]).sum(0, dtype=np.uint32)
            for x, weight in zip((f.u, f.v, f.w), weights, strict=True)
        ]
    )


def from_masks(masks: np.ndarray, target: Target, provenance: dict) -> Factorization:
    """The inverse of `to_masks` for masks [3, R]; zero terms are dropped."""
    alive = np.all(masks != 0, axis=0)
    factors = [
        ((masks[mode, alive] >> np.arange(size, dtype=np.uint32)[:, None]) & 1).astype(np.int64)
        for mode, size in enumerate(target.shape)
    ]
    return Factorization(target, rings.IntegersMod(2), *factors, provenance)


def ranks(terms: jax.Array) -> jax.Array:
    """Number of terms that are not zero, int32 [W], of terms [3, R, W]."""
    return jnp.sum(terms[0] != 0, axis=0, dtype=jnp.int32)


def _random(seeds: jax.Array) -> jax.Array:
    """The next state of Marsaglia's xorshift32 generators."""
    seeds ^= seeds << 13
    seeds ^= seeds >> 17
    return seeds ^ (seeds << 5)


def _below(random: jax.Array, n: int) -> jax.Array:
    """The high 16 bits of random words as integers below n <= 65,536, int32."""
    return (((random >> 16) * n) >> 16).astype(jnp.int32)


def _pick(values: jax.Array, is_chosen: jax.Array) -> jax.Array:
    """The chosen entry of each column: values [R, W], one-hot mask [R, W] -> [W], 0 for none."""
    return jax.lax.reduce(
        jnp.where(is_chosen, values, jnp.zeros((), values.dtype)),
        np.zeros((), values.dtype),
        jax.lax.bitwise_or,
        (0,),
    )


def _flip(a: jax.Array, b: jax.Array, c: jax.Array, seeds: jax.Array):
    """Tries one flip of every walker in terms that share a factor of `a`; arrays [R, W].

    A random term i and the first other term j, from a random place on, with the same factor a are
    flipped; without such a j nothing happens. Returns (a, b, c, seeds, whether flipped bool [W]).
    """
    slots = a.shape[0]
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    first = _random(seeds)
    seeds = _random(first)
    i, place = _below(first, slots), _below(seeds, slots)
    is_i = index == i
    shared = _pick(a, is_i)
    is_partner = (a == shared) & ~is_i & (shared != 0)
    distance = jnp.where(index < place, index - place + slots, index - place)
    nearest = jnp.min(jnp.where(is_partner, distance, slots), axis=0)
    flipped = nearest < slots
    is_j = is_partner & (distance == nearest)
    is_i = is_i & flipped
    b_j, c_i = _pick(b, is_j), _pick(c, is_i)
    b = jnp.where(is_i, b ^ b_j, b)
    c = jnp.where(is_j, c ^ c_i, c)
    vanished = (is_i & (b == 0)) | (is_j & (c == 0))
    zero = jnp.zeros((), a.dtype)
    a, b, c = (jnp.where(vanished, zero, x) for x in (a, b, c))
    return a, b, c, seeds, flipped


def _sweep(terms: tuple, seeds: jax.Array, flips: jax.Array):
    """One try for each order of the modes."""
    for a, b, c in _ORDERS:
        new = list(terms)
        new[a], new[b], new[c], seeds, flipped = _flip(terms[a], terms[b], terms[c], seeds)
        terms = tuple(new)
        flips = flips + flipped
    return terms, seeds, flips


def _plus(terms: jax.Array, seeds: jax.Array, wanted: jax.Array):
    """A plus transition of random terms where `wanted` bool [W] and a slot is free."""
    slots = terms.shape[1]
    index = jnp.arange(slots, dtype=jnp.int32)[:, None]
    first = _random(seeds)
    seeds = _random(first)
    is_1, is_2 = index == _below(first, slots), index == _below(seeds, slots)
    a, b, c = terms
    free = jnp.min(jnp.where(a == 0, index, slots), axis=0)
    a1, b1, c1 = (_pick(x, is_1) for x in (a, b, c))
    a2, b2, c2 = (_pick(x, is_2) for x in (a, b, c))
    # Terms that share a factor would give a zero one: leave those to flips.
    differ = (a1 != a2) & (b1 != b2) & (c1 != c2) & (a1 != 0) & (a2 != 0)
    go = wanted & differ & (free < slots)
    is_1, is_2, is_3 = is_1 & go, is_2 & go, (index == free) & go
    b = jnp.where(is_1, b1 ^ b2, b)
    a = jnp.where(is_2, a1 ^ a2, a)
    a, b, c = (jnp.where(is_3, new, old) for new, old in [(a1, a), (b2, b), (c1 ^ c2, c)])
    return jnp.stack([a, b, c]), seeds


@functools.partial(
    jax.jit, static_argnames=("rounds", "sweeps", "margin"), donate_argnames="walkers"
)
def run(walkers: Walkers, *, rounds: int, sweeps: int, margin: int) -> Walkers:
    """Walks `rounds` times `sweeps` sweeps of six tries each, on all devices.

    After each round the best schemes are stored, and walkers whose rank has not dropped make a plus
    transition; those `margin` or more above their best rank go back to their best scheme first.
    The number of walkers must be a multiple of the number of devices; on CPUs a multiple of 16 for
    each device is fastest.
    """
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("walkers",))
    schemes, single = PartitionSpec(None, None, "walkers"), PartitionSpec("walkers")
    specs = Walkers(schemes, schemes, single, single, single)
    walk = functools.partial(_run_blocks, rounds=rounds, sweeps=sweeps, margin=margin)
    return jax.shard_map(walk, mesh=mesh, in_specs=(specs,), out_specs=specs)(walkers)


def _run_blocks(walkers: Walkers, rounds: int, sweeps: int, margin: int) -> Walkers:
    """Walks block after block on CPUs, where XLA's loops are several times faster on short rows.

    Walkers do not interact, so the result is the same bit for bit.
    """
    number = walkers.seeds.size
    most = BLOCK if jax.default_backend() == "cpu" else number
    block = next(b for b in range(most, 0, -1) if number % b == 0)
    split = jax.tree.map(
        lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], -1, block), -2, 0), walkers
    )
    walk = functools.partial(_run, rounds=rounds, sweeps=sweeps, margin=margin)
    done = jax.lax.map(walk, split)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1), done)


def _run(walkers: Walkers, rounds: int, sweeps: int, margin: int) -> Walkers:
    def sweep(carry, _):
        return _sweep(*carry), None

    def one_round(state: Walkers, _):
        before = ranks(state.terms)
        carry = (tuple(state.terms), state.seeds, state.flips)
        (terms, seeds, flips), _ = jax.lax.scan(sweep, carry, None, length=sweeps)
        terms = jnp.stack(terms)
        rank = ranks(terms)
        best = jnp.where(rank <= state.best_rank, terms, state.best)
        best_rank = jnp.minimum(rank, state.best_rank)
        stuck = rank >= before
        terms = jnp.where(stuck & (rank >= best_rank + margin), best, terms)
        terms, seeds = _plus(terms, seeds, stuck)
        return Walkers(terms, best, best_rank, seeds, flips), None

    return jax.lax.scan(one_round, walkers, None, length=rounds)[0]
