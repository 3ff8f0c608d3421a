"""A scheduler of flip-graph walks over many formats, with a library as its memory.

Each turn takes the next format, starts walkers from the best schemes known for it (its own pool
and the library), from neighbouring formats extended and projected, from two formats glued, from
symmetric schemes or from the naive algorithm, walks for some seconds and stores what beats the
library at once: over Z2, and over the integers what lifts; or over the integers alone, where walks
keep to the entries -1, 0 and 1.
"""

import collections
import dataclasses
import itertools
import time
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

import jax
import numpy as np

import alphatensor
from alphatensor import rings
from alphatensor.factorization import Factorization, lift, naive, reduced
from alphatensor.factorization.library import store as library
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import origins as flip_origins
from alphatensor.flip_graph import symmetry as flip_symmetry
from alphatensor.flip_graph import walkers as flip_graph
from alphatensor.flip_graph.symmetry import Rotation, Symmetry

# From schemes above the best, which may lie in a component without better ones, each time of
# another origin; from the best; among schemes that keep one of the format's symmetries, in turn.
TURNS = ("descent", "best", "symmetric")
COMPACTED = 0.75  # of the slots are enough: go on with as many, since time grows with slots
IDLE = 3  # turns in a row without a lower rank, then a descent starts anew
FOLLOW = 4  # compiled calls, then walkers behind follow the best; sooner they become too alike
REDUCED = 8  # schemes of each walk that are searched for dependent terms
KEPT = 32  # symmetric schemes of each format
LIFTING = 0.25  # of the time of a turn goes into finding schemes that lift to go on from


class SearchConfig(NamedTuple):
    """Constants of a search.

    Attributes:
      ring: "Z2" or "Z".
      walkers: W, in each walk.
      sweeps: sweeps of three tries in a round.
      rounds: of `sweeps` in one compiled call.
      patience: rounds without a change of rank before a plus transition.
      margin: how far plus transitions may take a walker above its best rank.
      slice_seconds: time of one turn.
      pool: schemes of least rank kept for each format.
      seed: of all randomness.
      turns: what the turns of a format do, over and over, of `TURNS`.
      symmetries: the kinds that symmetric turns keep, one after the other.
    """

    ring: str
    walkers: int
    sweeps: int
    rounds: int
    patience: int
    margin: int
    slice_seconds: float
    pool: int
    seed: int
    turns: tuple[str, ...] = TURNS
    symmetries: tuple[str, ...] = tuple(flip_symmetry.KINDS)


class Turn(NamedTuple):
    """What one turn of the scheduler did.

    Attributes:
      sizes: the format.
      kind: of the turn, and for symmetric ones the symmetry.
      reached: least rank of its walkers.
      rank: the best rank known over the search's ring after the turn.
      flips: made in the turn, and `seconds` it took.
      stored: lines that say what entered the library and which share of the schemes lifts.
    """

    sizes: tuple[int, int, int]
    kind: str
    reached: int
    rank: int
    flips: float
    seconds: float
    stored: list[str]


class _Descent(NamedTuple):
    """A walk from schemes above the best, and for how many turns its rank has not fallen; without
    walkers it goes on from some schemes."""

    starts: list[Factorization]
    walkers: flip_graph.Walkers | None
    rank: int
    idle: int


@dataclasses.dataclass
class _Format:
    """What the search knows of a format.

    Attributes:
      pool: schemes of least rank.
      symmetric: those of least rank that keep each symmetry.
      descents: under way with each symmetry and with none.
      descended: with each symmetry and with none, the number of descents from each origin.
      seconds: spent.
    """

    pool: list[Factorization] = dataclasses.field(default_factory=list)
    symmetric: dict[Symmetry, list[Factorization]] = dataclasses.field(default_factory=dict)
    descents: dict[Symmetry | None, _Descent] = dataclasses.field(default_factory=dict)
    descended: dict[Symmetry | None, collections.Counter] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    seconds: float = 0.0


def search(
    formats: list[tuple[int, int, int]], folder: str, config: SearchConfig, seconds: float
) -> Iterator[Turn]:
    """Takes the formats in turn until `seconds` are over, yielding after each turn.

    The best schemes of an earlier search are found in the library, so a search that was stopped
    goes on. Raises `npz.FileError` where the library cannot be read or written.
    """
    started, ring = time.monotonic(), rings.parse(config.ring)
    states: dict[tuple, _Format] = collections.defaultdict(_Format)
    lifts: dict[bytes, Factorization | None] = {}

    def schemes_of(key: tuple[int, int, int]) -> list[Factorization]:
        return states[key].pool or _stored(key, folder, ring)

    def keeping(symmetry: Symmetry) -> list[Factorization]:
        return states[tuple(sorted(symmetry.sizes))].symmetric.get(symmetry, [])

    for turn in itertools.count():
        begin = time.monotonic()
        if begin - started >= seconds:
            return
        cycle, place = divmod(turn, len(formats))
        sizes = formats[place]
        kind, symmetry = _kind(cycle, config, sizes)
        if symmetry:
            symmetry = _stage(symmetry, keeping)
            sizes = tuple(sorted(symmetry.sizes))
        state = states[sizes]
        near = flip_origins.neighbours(sizes, schemes_of)
        near |= flip_origins.sums(sizes, schemes_of, ring)
        brought = itertools.chain(*near.values())
        known = [naive(sizes, ring), *_stored(sizes, folder, ring), *brought]
        known = _merged(state.pool, known, config.pool)
        earlier = None if kind == "best" else state.descents.pop(symmetry, None)
        if earlier:
            starts = earlier.starts
        elif kind == "best":
            starts = known
        else:
            if symmetry:
                origins = flip_origins.symmetric(symmetry, keeping)
                origins = origins or {None: [flip_symmetry.generators(symmetry, ring)]}
            else:
                kept = {x: flip_origins.permuted(fs, sizes) for x, fs in state.symmetric.items()}
                origins = near | kept | {None: [naive(sizes, ring)]}
                origins = {x: fs for x, fs in origins.items() if fs[0].rank > known[0].rank}
            starts = _next_origin(origins, state.descended[symmetry]) or known
        limit = min(config.slice_seconds, seconds - (begin - started))
        found, flips, walkers = walk(
            starts, config, limit, config.seed + turn, earlier and earlier.walkers, symmetry
        )
        reached = found[0].rank
        is_lower = earlier is None or reached < earlier.rank
        idle = 0 if is_lower else earlier.idle + 1
        # What walks find from here on lifts far more often where the start does.
        lifting = []
        if symmetry:
            kept = _merged(found, state.symmetric.get(symmetry, []), config.pool)
            lifting = _lifting(kept, lifts, LIFTING * limit)
            state.symmetric[symmetry] = _promising(kept, lifting, lifts)[:KEPT]
        elif kind == "descent" and is_lower:
            lifting = _lifting(found, lifts, LIFTING * limit)
            starts, walkers = (lifting, None) if lifting else (starts, walkers)
        if kind != "best" and idle < IDLE and (symmetry or reached > known[0].rank):
            state.descents[symmetry] = _Descent(starts, walkers, reached, idle)
        pool = state.pool = _merged(flip_origins.permuted(found, sizes), known, config.pool)
        elapsed = time.monotonic() - begin
        state.seconds += elapsed
        provenance = {
            "engine": "flip graph",
            "version": alphatensor.__version__,
            "seed": config.seed,
            "turn": turn,
            "walkers": config.walkers,
            "seconds": round(state.seconds, 1),
            "devices": jax.device_count(),
        }
        stored = _store(pool, lifting, folder, provenance, lifts, config.slice_seconds)
        name = f"{kind} {symmetry}" if symmetry else kind
        yield Turn(sizes, name, reached, pool[0].rank, flips, elapsed, stored)


def _kind(number: int, config: SearchConfig, sizes) -> tuple[str, Symmetry | None]:
    """What a format's turn of that number does, and the symmetry that it keeps."""
    turns = config.turns
    cycle, place = divmod(number, len(turns))
    if turns[place] != "symmetric":
        return turns[place], None
    choices = flip_symmetry.symmetries(sizes, config.symmetries)
    if not choices:
        return "descent", None
    earlier = cycle * turns.count("symmetric") + turns[:place].count("symmetric")
    return "symmetric", choices[earlier % len(choices)]


def _promising(
    schemes: list[Factorization],
    lifting: list[Factorization],
    lifts: dict[bytes, Factorization | None],
) -> list[Factorization]:
    """Those to go on from: where most that were tried lift, the untried too, else what lifts."""
    failed = {key for f in schemes if lifts.get(key := bitmasks.key(f), f) is None}
    if len(failed) > len(lifting) > 0:
        return lifting
    return [f for f in schemes if bitmasks.key(f) not in failed] or schemes


def _next_origin(
    origins: dict[Hashable, list[Factorization]], used: collections.Counter
) -> list[Factorization]:
    """Where a descent starts: each origin half as often as the one of next lower rank."""
    if not origins:
        return []
    order = sorted(origins, key=lambda origin: origins[origin][0].rank)
    chosen = min(order, key=lambda origin: (used[origin] + 1) << order.index(origin))
    used[chosen] += 1
    return origins[chosen]


def _stage(symmetry: Symmetry, keeping: Callable[[Symmetry], list[Factorization]]) -> Symmetry:
    """The symmetry, of the format that walks come to next on their way to its own.

    From the naive algorithm of large formats walks do not get far: they go from format to format.
    """
    is_first = isinstance(symmetry, Rotation) or symmetry.sizes[2] <= symmetry.first
    if is_first or flip_origins.symmetric(symmetry, keeping):
        return symmetry
    return _stage(symmetry.source(), keeping)


def walk(
    starts: list[Factorization],
    config: SearchConfig,
    seconds: float,
    seed: int,
    walkers: flip_graph.Walkers | None = None,
    symmetry: Symmetry | None = None,
) -> tuple[list[Factorization], float, flip_graph.Walkers]:
    """Walks from some schemes for some seconds; at least one compiled call.

    Args:
      starts: verified schemes of one target.
      config: constants.
      seconds: budget.
      seed: of all randomness.
      walkers: those of an earlier walk from such starts, which goes on.
      symmetry: that the starts, generators then, keep.

    Returns:
      (different verified schemes of the least rank reached, number of flips made, walkers).
    """
    target = starts[0].target
    if walkers is None:
        slots = _slots(max(f.rank for f in starts), config)
        walkers = flip_graph.start(starts, config.walkers, slots, seed)
    before = np.array(walkers.flips).astype(np.uint32)
    begin = time.monotonic()
    for number in itertools.count(1):
        walkers = flip_graph.run(
            walkers,
            rounds=config.rounds,
            sweeps=config.sweeps,
            margin=config.margin,
            patience=config.patience,
            symmetry=symmetry,
        )
        best_rank = np.array(walkers.best_rank)
        if time.monotonic() - begin >= seconds:
            break
        if number % FOLLOW == 0:
            walkers = flip_graph.follow(walkers)
        slots = _slots(max(walkers.best_rank.max(), bitmasks.ranks(walkers.terms).max()), config)
        if slots <= COMPACTED * walkers.terms.shape[2]:
            walkers = flip_graph.compact(walkers, slots)
    flips = (np.array(walkers.flips).astype(np.uint32) - before).sum(dtype=np.float64)
    least = int(best_rank.min())
    chosen = np.flatnonzero(best_rank == least)
    masks = np.array(walkers.best)[..., chosen]
    schemes = [bitmasks.from_masks(masks[..., i], target, {}) for i in range(len(chosen))]
    if symmetry:
        schemes = [flip_symmetry.expand(f, symmetry) for f in schemes]
    else:  # flips find dependent terms sooner or later; asking is sure
        schemes[:REDUCED] = [reduced(f) for f in schemes[:REDUCED]]
    return _merged(schemes, [], config.pool), float(flips), walkers


def _slots(rank: int, config: SearchConfig) -> int:
    """Terms that walkers need room for; multiples of 8, so that fewer programs are compiled."""
    return -(-(int(rank) + config.margin + 1) // 8) * 8


def _merged(first: list, second: list, most: int) -> list[Factorization]:
    """Different schemes of the least rank among both lists, all verified, at most `most`."""
    everything = first + second
    least = min(f.rank for f in everything)
    different: dict[bytes, Factorization] = {}
    for f in everything:
        if f.rank == least and len(different) < most:
            key = bitmasks.key(f)
            if key not in different and f.verify().ok:
                different[key] = f
    return list(different.values())


def _stored(sizes, folder: str, ring: rings.Ring) -> list[Factorization]:
    """The library's scheme of a format, where walkers can start from it."""
    f = library.best(folder, sizes, ring)
    return [f] if f is not None and bitmasks.is_ternary(f) else []


def _store(
    pool: list[Factorization],
    lifting: list[Factorization],
    folder: str,
    provenance: dict,
    lifts: dict[bytes, Factorization | None],
    seconds: float,
) -> list[str]:
    """Adds the best of a pool to the library, and over Z2 lifts the pool; returns what was news.

    Args:
      pool: schemes of one format and rank.
      lifting: others of that format known to lift, perhaps of higher rank.
      folder: of the library.
      provenance: of what is stored.
      lifts: the lift to the integers of each scheme tried so far, if it has one; filled here.
      seconds: of lifting; at least one scheme that was not tried before is.
    """
    lines, sizes = [], pool[0].target.sizes

    def add(f: Factorization, **more) -> bool:
        added = library.add(folder, f.replace(provenance=provenance | more))
        if added.kept:
            lines.append(added.message)
        return added.kept

    is_news = add(pool[0])
    if not pool[0].ring.is_modular:
        return lines
    for f in lifting[:1]:
        add(lifts[bitmasks.key(f)], lifted_from="Z2")
    over_z = library.best(folder, sizes, "Z")
    is_sought = over_z is None or over_z.rank > pool[0].rank
    if not (is_sought or is_news):
        return lines
    before = len(lifts)
    for f in _lifting(pool, lifts, seconds):
        add(lifts[bitmasks.key(f)], lifted_from="Z2")
    known = [lifts[key] for f in pool if (key := bitmasks.key(f)) in lifts]
    if is_news or len(lifts) > before:
        lines.append(
            f"{'x'.join(map(str, sizes))}: of {len(pool)} schemes of rank {pool[0].rank} over Z2, "
            f"{len(known)} were tried and {sum(x is not None for x in known)} lift to Z."
        )
    return lines


def _lifting(
    schemes: list[Factorization], lifts: dict[bytes, Factorization | None], seconds: float
) -> list[Factorization]:
    """Those schemes over Z2 that are known to lift to the integers.

    At least one that was not tried before is tried, and more for some seconds.
    """
    found, begin, tried = [], time.monotonic(), 0
    for f in schemes:
        key = bitmasks.key(f)
        if f.ring.is_modular and key not in lifts:
            if tried and time.monotonic() - begin >= seconds:
                continue
            lifted, tried = lift(f), tried + 1
            lifts[key] = lifted if lifted is not None and lifted.is_integral else None
        if lifts.get(key) is not None:
            found.append(f)
    return found
