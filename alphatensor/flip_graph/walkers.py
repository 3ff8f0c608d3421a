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

Walkers may keep a symmetry and then hold one term of each *orbit* of up to six (Moosbauer and
Poole 2025, arXiv 2502.04514): fewer terms, and far fewer schemes; see `flip_symmetry`.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from alphatensor.factorization import Factorization
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import moves as flip_moves
from alphatensor.flip_graph import symmetry as flip_symmetry

MAX_TERMS = 512
SLACK = 1  # ranks

# The shared mode, then the modes that play b and c: one sweep tries each of these once. To change
# the parts of b and c is to change those of the two terms, which are drawn in either order.
_ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
TRIES = len(_ORDERS)  # in a sweep


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
        if max(f.target.shape) > bitmasks.WORD:
            sizes = "x".join(map(str, f.target.shape))
            raise ValueError(
                f"target of shape {sizes}: at most {bitmasks.WORD} entries a mode are possible."
            )
        if f.rank > slots:
            raise ValueError(f"start scheme of rank {f.rank}: expected at most {slots} terms.")
        if not bitmasks.is_ternary(f):
            raise ValueError("start scheme over Z: expected entries -1, 0 and 1 alone.")
        if not (check := f.verify()).ok:
            raise ValueError(f"start scheme: {check.message}")
        masks.append(np.pad(bitmasks.to_masks(f), ((0, 0), (0, 0), (0, slots - f.rank))))
    chosen = np.arange(num_walkers) % len(masks)
    terms = jnp.array(np.moveaxis(np.array(masks)[chosen], 0, -1))
    seeds = jax.random.bits(jax.random.key(seed), (num_walkers,), jnp.uint32) | 1
    zeros = jnp.zeros(num_walkers, jnp.int32)
    return Walkers(
        terms, terms + 0, bitmasks.ranks(terms), bitmasks.weights(terms), zeros, seeds, zeros + 0
    )


@functools.partial(
    jax.jit,
    static_argnames=("rounds", "sweeps", "margin", "patience", "prefer_sparse", "symmetry"),
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
    symmetry: flip_symmetry.Symmetry | None = None,
) -> Walkers:
    """Walks `rounds` times `sweeps` sweeps of `TRIES` tries each, on all devices.

    After each round the best schemes are stored. A walker that has no flip left, or whose rank has
    not changed for `patience` rounds, makes a plus transition; if its rank is `margin` or more
    above its best, it goes back to its best scheme first. With `prefer_sparse` flips that add
    entries are made less often, and among schemes of least rank the sparsest counts as best.
    With a `symmetry` every term stands for itself and its images, and ranks count such orbits.
    The number of walkers must be a multiple of the number of devices; on CPUs a multiple of 128 for
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
        symmetry=symmetry,
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
        cost = cost * (3 * MAX_TERMS * bitmasks.WORD) + walkers.best_weight
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


@functools.partial(jax.jit, static_argnames="slots")
def compact(walkers: Walkers, slots: int) -> Walkers:
    """The same walkers with fewer slots, at least as many as any of their schemes has terms."""

    def packed(terms: jax.Array) -> jax.Array:
        order = jnp.argsort(terms[0, 0] == 0, axis=0, stable=True)[:slots]
        return jnp.take_along_axis(terms, order[None, None], axis=2)

    return walkers._replace(terms=packed(walkers.terms), best=packed(walkers.best))


def _run_blocks(walkers: Walkers, **options) -> Walkers:
    """Walks block after block on CPUs, where terms then stay in the caches.

    Walkers do not interact, so the result is the same bit for bit.
    """
    planes, _, slots, number = walkers.terms.shape
    most = number
    if jax.default_backend() == "cpu":
        most = 128 if planes * slots <= 64 else 256  # measured
    block = next(b for b in range(most, 0, -1) if number % b == 0)
    split = jax.tree.map(
        lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], -1, block), -2, 0), walkers
    )
    done = jax.lax.map(functools.partial(_run, **options), split)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1), done)


def _run(
    walkers: Walkers,
    rounds: int,
    sweeps: int,
    margin: int,
    patience: int,
    prefer_sparse: bool,
    symmetry: flip_symmetry.Symmetry | None,
) -> Walkers:
    slots = walkers.terms.shape[2]
    never = jnp.any(walkers.seeds == 0)  # generators never get there
    options = dict(sweeps=sweeps, never=never, prefer_sparse=prefer_sparse)
    turns = _turns(symmetry) if symmetry and symmetry.order > 1 else flip_moves.UNTURNED
    if isinstance(symmetry, flip_symmetry.Rotation):
        everything = (_all_bits(3 * slots),)
        walk = functools.partial(_walk_rotated, turns=turns, **options)
    elif isinstance(symmetry, flip_symmetry.Transposition):
        everything = _all_bits(2 * slots), _all_bits(slots)
        walk = functools.partial(_walk_transposed, symmetry=symmetry, **options)
    else:
        everything = (_all_bits(slots),) * 3
        walk = functools.partial(_walk_terms, turns=turns, **options)
    cancels = symmetry is not None and symmetry.order == 2 and len(walkers.terms) == 1

    def one_round(carry, _):
        state, hints = carry
        before = bitmasks.ranks(state.terms)
        terms, hints, seeds, flips = walk(state.terms, hints, state.seeds, state.flips)
        if cancels:  # over Z2 a term and an equal image are nothing
            terms = jnp.where(_is_own_image(terms, symmetry), 0, terms)
        rank, weight = bitmasks.ranks(terms), bitmasks.weights(terms)
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
        terms, seeds, split = flip_moves.plus(terms, seeds, stuck)
        hints = jax.tree.map(lambda x, y: jnp.where(back | split, x, y), everything, hints)
        age = jnp.where(split, 0, age)
        return (Walkers(terms, best, best_rank, best_weight, age, seeds, flips), hints), None

    hints = jax.tree.map(lambda x: x | jnp.zeros_like(walkers.seeds), everything)
    return jax.lax.scan(one_round, (walkers, hints), None, length=rounds)[0][0]


def _all_bits(number: int) -> jax.Array:
    """Hints with every bit set, uint32 [words, 1]."""
    everything = np.full(-(-number // bitmasks.WORD), 2**bitmasks.WORD - 1, np.uint32)
    if number % bitmasks.WORD:
        everything[-1] = 2 ** (number % bitmasks.WORD) - 1
    return jnp.asarray(everything)[:, None]


def _turn(symmetry: flip_symmetry.Symmetry, mode: int, number: int) -> flip_moves.Turn:
    """Factors of a mode -> their images after some turns."""
    places = flip_symmetry.moved_bits(symmetry, mode, number)
    return functools.partial(bitmasks.moved, places=places)


def _turns(symmetry: flip_symmetry.Symmetry) -> list[list[flip_moves.Turn]]:
    """For each mode, the images of factors after no turn, one, ..."""
    return [[_turn(symmetry, mode, k) for k in range(symmetry.order)] for mode in range(3)]


def _is_own_image(terms: jax.Array, symmetry: flip_symmetry.Symmetry) -> jax.Array:
    """Which terms [P, 3, R, W] the first turn leaves as they are, bool [R, W]."""
    is_same = True
    for mode, other in enumerate(symmetry.modes):
        image = jnp.stack(_turn(symmetry, mode, 1)(tuple(terms[:, mode])))
        is_same &= jnp.all(image == terms[:, other], axis=0)
    return is_same


def _walk_terms(terms, hints, seeds, flips, *, sweeps: int, never, prefer_sparse: bool, turns):
    """Sweeps of a try in each mode: terms [P, 3, R, W], hints of three modes [words, W]."""

    def sweep(carry, _):
        factors, hints, seeds, flips = carry
        factors, hints = list(factors), [list(x) for x in hints]
        for order in _ORDERS:
            now, now_hints, images = ([x[m] for m in order] for x in (factors, hints, turns))
            new, new_hints, seeds, flipped = flip_moves.flip(
                now, now_hints, seeds, never, prefer_sparse, images
            )
            for m, x, y in zip(order, new, new_hints, strict=True):
                factors[m], hints[m] = x, y
            flips = flips + flipped
        return (tuple(factors), tuple(map(jnp.stack, hints)), seeds, flips), None

    factors = tuple(tuple(terms[:, mode]) for mode in range(3))
    carry = factors, hints, seeds, flips
    (factors, *rest), _ = jax.lax.scan(sweep, carry, None, length=sweeps)
    return jnp.stack([jnp.stack(x) for x in factors], axis=1), *rest


def _walk_rotated(terms, hints, seeds, flips, *, sweeps: int, never, prefer_sparse: bool, turns):
    """As many tries in orbits of the rotation: terms [P, 3, R, W], hints of one list [words, W]."""
    shape = terms.shape

    def attempt(carry, _):
        factors, hints, seeds, flips = carry
        factors, hints, seeds, flipped = flip_moves.flip_orbits(
            factors, list(hints[0]), seeds, never, prefer_sparse, turns
        )
        return (factors, (jnp.stack(hints),), seeds, flips + flipped), None

    carry = tuple(terms.reshape(len(terms), -1, shape[-1])), hints, seeds, flips
    (factors, *rest), _ = jax.lax.scan(attempt, carry, None, length=TRIES * sweeps)
    return jnp.stack(factors).reshape(shape), *rest


def _walk_transposed(
    terms, hints, seeds, flips, *, sweeps: int, never, prefer_sparse: bool, symmetry
):
    """Sweeps of a try in each mode in orbits of the transposition.

    Args:
      terms: [P, 3, R, W].
      hints: of the first mode's factors with the last's, [words of 2R, W], and of the second's.
    """
    slots = terms.shape[2]
    there, back = _turn(symmetry, 2, 1), _turn(symmetry, 0, 1)
    turns = [_turn(symmetry, 1, k) for k in range(2)]

    def sweep(carry, _):
        outer, inner, hints, seeds, flips = carry
        hints = [list(x) for x in hints]
        for mode in range(3):
            outer, inner, hints, seeds, flipped = flip_moves.flip_transposed(
                outer, inner, hints, seeds, never, prefer_sparse, turns, is_inner=mode == 1
            )
            flips = flips + flipped
        return (outer, inner, tuple(map(jnp.stack, hints)), seeds, flips), None

    first, inner, last = (tuple(terms[:, mode]) for mode in range(3))
    outer = tuple(map(jnp.concatenate, zip(first, there(last), strict=True)))
    carry = outer, inner, hints, seeds, flips
    (outer, inner, *rest), _ = jax.lax.scan(sweep, carry, None, length=sweeps)
    first, last = tuple(x[:slots] for x in outer), back(tuple(x[slots:] for x in outer))
    return jnp.stack([jnp.stack(x) for x in (first, inner, last)], axis=1), *rest
