"""Flip-graph walkers: many random walks at once on bit masks, in pure JAX.

A *scheme* is a set of rank-1 tensors, its *terms*, that sum to a target: an algorithm whose rank is
their number. Two terms that share a factor can be replaced by two others, which is called a *flip*
(Kauers and Moosbauer 2022, arXiv 2212.01175):

    a⊗b⊗c + a⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c)

Schemes are the vertices of the *flip graph* and flips its edges. Flips keep the number of terms,
until a new factor is zero: then its term vanishes and the rank has dropped by one. So a random walk
along edges searches for schemes of low rank. A walker that is stuck splits two terms into three,
in a *plus transition* (Arai, Ichikawa and Hukushima 2024, arXiv 2312.16960):

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c'

Schemes are over Z2, or over the integers with entries -1, 0 and 1; a step that would leave that
range is not made. Factors are shared up to sign. See `bitmasks` for how they are stored.

Walkers may keep a symmetry of the target. They then hold one term of each orbit of up to six
(Moosbauer and Poole 2025, arXiv 2502.04514), which leaves fewer terms and far fewer schemes; see
`symmetries`.
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from alphatensor.factorization import Factorization
from alphatensor.flip_graph import bitmasks, layouts, moves
from alphatensor.flip_graph.bitmasks import Terms
from alphatensor.flip_graph.moves import FactorList
from alphatensor.flip_graph.symmetries import Symmetry

MAX_TERMS = 2 * bitmasks.MAX_PRODUCTS
SLACK = 1  # ranks that a walker may be behind before it follows others
TRIES = 3  # tries of a flip in a sweep, one for each mode


class Walkers(NamedTuple):
    """W walkers on schemes of at most R terms; a term that vanished is zero in all modes.

    P is 1 over Z2 (supports) and 2 over the integers (supports, signs); K is the number of words
    that the entries of a mode need. With a symmetry terms are generators, and ranks count these.

    Attributes:
      terms: the current schemes as bit masks of factors, for each mode uint32 [P, K, R, W].
      best: the scheme of least rank, then least weight where that counts, that each walker has
        seen, of the same shapes.
      best_rank: the rank of `best`, int32 [W].
      best_weight: the number of entries of `best` that are not zero, int32 [W].
      age: rounds since the rank last changed, int32 [W].
      seeds: the state of each walker's random generator, never 0, uint32 [W].
      flips: flips made so far, for rates, int32 [W]; wraps.
    """

    terms: Terms
    best: Terms
    best_rank: jax.Array
    best_weight: jax.Array
    age: jax.Array
    seeds: jax.Array
    flips: jax.Array

    @property
    def slots(self) -> int:
        """R."""
        return self.terms[0].shape[2]


class WalkOptions(NamedTuple):
    """How walkers walk in one compiled call; hashable.

    Attributes:
      rounds: rounds in the call.
      sweeps: sweeps in a round, of `TRIES` tries each.
      margin: a stuck walker whose rank is this much or more above its best goes back to its best
        scheme before its plus transition.
      patience: a walker whose rank has not changed for so many rounds is stuck.
      prefer_sparse: whether flips that add entries are made less often, and the sparsest among
        schemes of least rank counts as best.
      symmetry: the symmetry that the walkers keep; their terms are its generators.
    """

    rounds: int
    sweeps: int
    margin: int
    patience: int
    prefer_sparse: bool = False
    symmetry: Symmetry | None = None


def slots_for(rank: int, margin: int) -> int:
    """Returns R for walkers that plus transitions may take `margin` + 1 above a rank.

    It is a multiple of 8, so that fewer programs are compiled.
    """
    return -(-(int(rank) + margin + 1) // 8) * 8


def start(schemes: list[Factorization], num_walkers: int, slots: int, seed: int) -> Walkers:
    """Puts walkers on the given schemes in turn.

    Args:
      schemes: verified factorizations of one target, all over Z2 or all over the integers with
        entries -1, 0 and 1.
      num_walkers: W.
      slots: R, at least the largest rank plus what plus transitions may add; see `slots_for`.
      seed: the seed of all randomness.

    Raises:
      ValueError: if a scheme is over another ring, is wrong, has larger entries, more than 256
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
        if max(f.target.shape) > bitmasks.MAX_ENTRIES:
            shape = "x".join(map(str, f.target.shape))
            raise ValueError(
                f"target of shape {shape}: at most {bitmasks.MAX_ENTRIES} entries a mode are "
                "possible."
            )
        if f.rank > slots:
            raise ValueError(f"start scheme of rank {f.rank}: expected at most {slots} terms.")
        if not bitmasks.is_ternary(f):
            raise ValueError("start scheme over Z: expected entries -1, 0 and 1 alone.")
        if not (check := f.verify()).ok:
            raise ValueError(f"start scheme: {check.message}")
        padding = ((0, 0), (0, 0), (0, slots - f.rank))
        masks.append([np.pad(x, padding) for x in bitmasks.to_masks(f)])
    chosen = np.arange(num_walkers) % len(masks)
    terms = tuple(jnp.array(np.stack(x, axis=-1)[..., chosen]) for x in zip(*masks, strict=True))
    seeds = jax.random.bits(jax.random.key(seed), (num_walkers,), jnp.uint32) | 1
    zeros = jnp.zeros(num_walkers, jnp.int32)
    return Walkers(
        terms=terms,
        best=jax.tree.map(
            jnp.copy, terms
        ),  # arrays of their own, since `run` takes over the memory of each
        best_rank=bitmasks.ranks(terms),
        best_weight=bitmasks.weights(terms),
        age=zeros,
        seeds=seeds,
        flips=zeros + 0,
    )


@functools.partial(jax.jit, static_argnames="options", donate_argnames="walkers")
def run(walkers: Walkers, options: WalkOptions) -> Walkers:
    """Walks for some rounds, on all devices.

    After each round the best schemes are stored, and walkers that have no flip left or are stuck
    make a plus transition. The number of walkers must be a multiple of the number of devices; on
    CPUs a multiple of 128 for each device is fastest. The same seeds walk the same way on any
    number of devices.
    """
    chex.assert_rank([*walkers.terms, *walkers.best], 4)
    chex.assert_trees_all_equal_shapes(walkers.terms, walkers.best)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("walkers",))
    schemes, single = PartitionSpec(None, None, None, "walkers"), PartitionSpec("walkers")
    is_scheme = {"terms", "best"}
    specs = Walkers(**{x: schemes if x in is_scheme else single for x in Walkers._fields})
    walk = functools.partial(_run_blocks, options=options)
    return jax.shard_map(walk, mesh=mesh, in_specs=(specs,), out_specs=specs)(walkers)


@functools.partial(jax.jit, static_argnames="prefer_sparse", donate_argnames="walkers")
def follow(walkers: Walkers, prefer_sparse: bool = False) -> Walkers:
    """Moves the quarter of walkers that is furthest behind to the schemes of the best quarter.

    Walkers behind are those whose best rank is higher by more than `SLACK`, which keeps many
    different schemes, or with `prefer_sparse` those of higher best weight at the same rank.
    """
    number, rank, weight = walkers.seeds.size, walkers.best_rank, walkers.best_weight
    order = jnp.lexsort((weight, rank)) if prefer_sparse else jnp.argsort(rank)
    last, first = order[number - number // 4 :], order[: number // 4]
    behind = rank[last] > rank[first] + (0 if prefer_sparse else SLACK)
    if prefer_sparse:
        behind |= (rank[last] == rank[first]) & (weight[last] > weight[first])
    source = jnp.arange(number).at[last].set(jnp.where(behind, first, last))
    moved = source != jnp.arange(number)
    best = jax.tree.map(lambda x: x[..., source], walkers.best)
    return walkers._replace(
        terms=_where(moved, best, walkers.terms),
        best=best,
        best_rank=walkers.best_rank[source],
        best_weight=walkers.best_weight[source],
        age=jnp.where(moved, 0, walkers.age),
    )


@functools.partial(jax.jit, static_argnames="slots")
def compact(walkers: Walkers, slots: int) -> Walkers:
    """Returns the same walkers with fewer slots.

    Args:
      walkers: the walkers.
      slots: R, at least as many as any of their schemes has terms.
    """

    def packed(terms: Terms) -> Terms:
        is_free = bitmasks.is_zero(bitmasks.planes_of(terms[0]))
        order = jnp.argsort(is_free, axis=0, stable=True)[None, None, :slots]
        return tuple(jnp.take_along_axis(x, order, axis=2) for x in terms)

    return walkers._replace(terms=packed(walkers.terms), best=packed(walkers.best))


def _run_blocks(walkers: Walkers, options: WalkOptions) -> Walkers:
    """Walks block after block on CPUs, where terms then stay in the caches.

    Walkers do not interact, so the result is the same bit for bit.
    """
    most = number = walkers.seeds.size
    if jax.default_backend() == "cpu":
        planes, words = len(walkers.terms[0]), max(x.shape[1] for x in walkers.terms)
        most = 128 if planes * walkers.slots <= 64 else 256  # measured
        most = most if words == 1 else 64
    block = next(b for b in range(most, 0, -1) if number % b == 0)
    split = jax.tree.map(
        lambda x: jnp.moveaxis(x.reshape(*x.shape[:-1], -1, block), -2, 0), walkers
    )
    done = jax.lax.map(functools.partial(_run, options=options), split)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1), done)


def _run(walkers: Walkers, options: WalkOptions) -> Walkers:
    """Walks all rounds with one block of walkers."""
    symmetry, slots = options.symmetry, walkers.slots
    layout = symmetry.layout(slots) if symmetry else layouts.TermsLayout(slots)
    cancels = symmetry is not None and symmetry.cancels_pairs and len(walkers.terms[0]) == 1
    move_options = moves.MoveOptions(
        materialize=bitmasks.materializer(walkers.seeds), prefer_sparse=options.prefer_sparse
    )
    all_hints = tuple(tuple(bitmasks.all_terms(length)) for length in layout.lengths)

    def one_round(carry, _):
        old, hints = carry
        terms, hints, seeds, flips = _walk(old, hints, layout, options.sweeps, move_options)
        if cancels:
            terms = jax.tree.map(
                functools.partial(jnp.where, symmetry.is_own_image(terms), 0), terms
            )
        best, best_rank, best_weight = _best(old, terms, options.prefer_sparse)
        rank = bitmasks.ranks(terms)
        age = jnp.where(rank == bitmasks.ranks(old.terms), old.age + 1, 0)
        is_stuck = (age >= options.patience) | (flips == old.flips)
        goes_back = is_stuck & (rank >= best_rank + options.margin)
        terms = _where(goes_back, best, terms)
        terms, seeds, is_split = moves.plus(terms, seeds, is_stuck)
        hints = _where(goes_back | is_split, all_hints, hints)
        age = jnp.where(is_split, 0, age)
        new = Walkers(
            terms=terms,
            best=best,
            best_rank=best_rank,
            best_weight=best_weight,
            age=age,
            seeds=seeds,
            flips=flips,
        )
        return (new, hints), None

    hints = jax.tree.map(lambda x: x | jnp.zeros_like(walkers.seeds), all_hints)
    return jax.lax.scan(one_round, (walkers, hints), None, length=options.rounds)[0][0]


def _walk(walkers: Walkers, hints, layout: layouts.Layout, sweeps: int, options: moves.MoveOptions):
    """Walks some sweeps.

    Args:
      walkers: the walkers.
      hints: the partner hints of each list of the layout.
      layout: how the factors lie in lists.
      sweeps: of `TRIES` tries each.
      options: of all tries.

    Returns:
      (terms, partner hints, seeds, flips).
    """

    def sweep(carry, _):
        lists, seeds, flips = carry
        for shared in layout.sweep:
            lists, seeds, is_made = moves.flip(lists, seeds, shared, layout, options)
            flips = flips + is_made
        return (lists, seeds, flips), None

    packed = layout.pack(walkers.terms)
    lists = tuple(map(FactorList, packed, hints))
    length = sweeps * TRIES // len(layout.sweep)
    carry = lists, walkers.seeds, walkers.flips
    (lists, seeds, flips), _ = jax.lax.scan(sweep, carry, None, length=length)
    terms = layout.unpack([x.planes for x in lists])
    return terms, tuple(x.partner_hints for x in lists), seeds, flips


def _where(condition: jax.Array, x, y):
    """Chooses between two trees of arrays of the same structure."""
    return jax.tree.map(functools.partial(jnp.where, condition), x, y)


def _best(walkers: Walkers, terms: Terms, prefer_sparse: bool):
    """Compares new terms with the best; returns best, best_rank, best_weight.

    Of equal ranks the new ones count as best, with `prefer_sparse` unless they weigh more.
    """
    rank, weight = bitmasks.ranks(terms), bitmasks.weights(terms)
    is_better = rank < walkers.best_rank
    heaviest = walkers.best_weight if prefer_sparse else jnp.iinfo(jnp.int32).max
    is_better |= (rank == walkers.best_rank) & (weight <= heaviest)
    return (
        _where(is_better, terms, walkers.best),
        jnp.minimum(rank, walkers.best_rank),
        jnp.where(is_better, weight, walkers.best_weight),
    )
