"""A scheduler of flip-graph walks over many formats, with a library as its memory.

Each turn takes the next format, starts walkers from the best schemes known for it (its own pool
and the library), from neighbouring formats extended and projected, or from the naive algorithm,
walks for some seconds and stores what beats the library at once: over Z2, and over the integers
what lifts; or over the integers alone, where walks keep to the entries -1, 0 and 1. For square
formats every third turn walks among schemes that stay the same when their modes rotate.
"""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

import alphatensor
from alphatensor import bitmasks, flip_graph, flip_symmetry, rings
from alphatensor.factorization import (
    Factorization,
    extend,
    library,
    lift,
    naive,
    permute_sizes,
    project,
    reduced,
)

NAIVE = 64  # descents of formats with more products start from neighbouring formats
REDUCED = 8  # schemes of each walk that are searched for dependent terms


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


class Turn(NamedTuple):
    """What one turn of the scheduler did.

    Attributes:
      sizes: the format.
      rank: the best rank known over the search's ring after the turn.
      flips: made in the turn, and `seconds` it took.
      stored: lines that say what entered the library and which share of the schemes lifts.
    """

    sizes: tuple[int, int, int]
    rank: int
    flips: float
    seconds: float
    stored: list[str]


def search(
    formats: list[tuple[int, int, int]], folder: str, config: SearchConfig, seconds: float
) -> Iterator[Turn]:
    """Takes the formats in turn until `seconds` are over, yielding after each turn.

    The best schemes of an earlier search are found in the library, so a search that was stopped
    goes on. Raises `npz.FileError` where the library cannot be read or written.
    """
    started, ring = time.monotonic(), rings.parse(config.ring)
    spent = dict.fromkeys(formats, 0.0)
    pools: dict[tuple[int, int, int], list[Factorization]] = {f: [] for f in formats}
    descents: dict[tuple, tuple[flip_graph.Walkers, int]] = {}
    lifts: dict[bytes, bool] = {}
    turn = 0
    while True:
        for sizes in formats:
            begin = time.monotonic()
            if begin - started >= seconds:
                return
            known = _merged(pools[sizes], _known(sizes, folder, pools, ring), config.pool)
            is_descent, blocks = _kind(turn // len(formats), sizes)
            if blocks:
                starts = [flip_symmetry.generators(blocks, ring)]
            else:
                starts = _starts(is_descent, sizes, known, folder, pools, ring)
            limit = min(config.slice_seconds, seconds - (begin - started))
            earlier, rank = None, 0
            if is_descent:
                earlier, rank = descents.pop((sizes, blocks), (None, math.inf))
            found, flips, walkers = walk(starts, config, limit, config.seed + turn, earlier, blocks)
            if known[0].rank < found[0].rank < rank:  # still on its way down
                descents[sizes, blocks] = walkers, found[0].rank
            pool = pools[sizes] = _merged(found, known, config.pool)
            elapsed = time.monotonic() - begin
            spent[sizes] += elapsed
            provenance = {
                "engine": "flip graph",
                "version": alphatensor.__version__,
                "seed": config.seed,
                "turn": turn,
                "walkers": config.walkers,
                "seconds": round(spent[sizes], 1),
                "devices": jax.device_count(),
            }
            stored = _store(pool, folder, provenance, lifts, config.slice_seconds)
            yield Turn(sizes, pool[0].rank, flips, elapsed, stored)
            turn += 1


def _kind(round_number: int, sizes) -> tuple[bool, tuple[int, ...]]:
    """Whether a turn is a descent, and the blocks of its fixed terms; () without symmetry.

    Walks from the best schemes alternate with descents, of which every second keeps the symmetry
    of a square format, with another choice of fixed terms each time.
    """
    number, kind = divmod(round_number, 3)
    if kind == 2 and len(set(sizes)) == 1:
        choices = list(flip_symmetry.partitions(sizes[0]))
        return True, choices[number % len(choices)]
    return kind != 1, ()


def walk(
    starts: list[Factorization],
    config: SearchConfig,
    seconds: float,
    seed: int,
    walkers: flip_graph.Walkers | None = None,
    blocks: tuple[int, ...] = (),
) -> tuple[list[Factorization], float, flip_graph.Walkers]:
    """Walks from some schemes for some seconds; at least one compiled call.

    Args:
      starts: verified schemes of one target.
      config: constants.
      seconds: budget.
      seed: of all randomness.
      walkers: those of an earlier walk from such starts, which goes on.
      blocks: of the fixed terms, where the starts are generators of `flip_symmetry`.

    Returns:
      (different verified schemes of the least rank reached, number of flips made, walkers).
    """
    target = starts[0].target
    most = max(f.rank for f in starts)
    slots = -(-(most + config.margin + 1) // 8) * 8  # multiples of 8: fewer programs to compile
    if walkers is None:
        walkers = flip_graph.start(starts, config.walkers, slots, seed)
    before = np.array(walkers.flips).astype(np.uint32)
    begin = time.monotonic()
    while True:
        walkers = flip_graph.run(
            walkers,
            rounds=config.rounds,
            sweeps=config.sweeps,
            margin=config.margin,
            patience=config.patience,
            orbits=bool(blocks),
        )
        best_rank = np.array(walkers.best_rank)
        if time.monotonic() - begin >= seconds:
            break
        walkers = flip_graph.follow(walkers)
    flips = (np.array(walkers.flips).astype(np.uint32) - before).sum(dtype=np.float64)
    least = int(best_rank.min())
    chosen = np.flatnonzero(best_rank == least)
    masks = np.array(walkers.best)[..., chosen]
    schemes = [bitmasks.from_masks(masks[..., i], target, {}) for i in range(len(chosen))]
    if blocks:
        schemes = [flip_symmetry.expand(f, blocks) for f in schemes]
    # Flips find dependent terms sooner or later; asking is sure.
    schemes[:REDUCED] = [reduced(f) for f in schemes[:REDUCED]]
    return _merged(schemes, [], config.pool), float(flips), walkers


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


def _known(sizes, folder: str, pools: dict, ring: rings.Ring) -> list[Factorization]:
    """The library's scheme, the naive one, and neighbours brought to this format."""
    stored = _stored(sizes, folder, ring)
    return [naive(sizes, ring), *stored, *_neighbours(sizes, folder, pools, ring)]


def _stored(sizes, folder: str, ring: rings.Ring) -> list[Factorization]:
    """The library's scheme of a format, where walkers can start from it."""
    f = library.best(folder, sizes, ring)
    return [f] if f is not None and bitmasks.is_ternary(f) else []


def _neighbours(sizes, folder: str, pools: dict, ring: rings.Ring) -> list[Factorization]:
    """Schemes of the formats one smaller or larger in one size, brought to this one."""
    brought = []
    for axis, name in enumerate("nmp"):
        for change, bring in [(-1, extend), (1, project)]:
            near = list(sizes)
            near[axis] += change
            key = tuple(sorted(near))
            if key[0] < 1 or key[1] * key[2] > bitmasks.WORD:
                continue
            for f in pools.get(key, [])[:4] or _stored(key, folder, ring):
                brought.append(bring(permute_sizes(f, near), name))
    return brought


def _starts(is_descent: bool, sizes, known: list, folder: str, pools: dict, ring: rings.Ring):
    """The best schemes known; or, for a descent, schemes far above, since the best may lie in a
    component without better ones: the naive algorithm of small formats, neighbours of others."""
    if not is_descent:
        return known
    near = _neighbours(sizes, folder, pools, ring)
    return near if near and math.prod(sizes) > NAIVE else [naive(sizes, ring)]


def _store(
    pool: list[Factorization],
    folder: str,
    provenance: dict,
    lifts: dict[bytes, bool],
    seconds: float,
) -> list[str]:
    """Adds the best of a pool to the library, and over Z2 lifts the pool; returns what was news.

    Args:
      pool: schemes of one format and rank.
      folder: of the library.
      provenance: of what is stored.
      lifts: whether each scheme tried so far lifted to the integers; filled here.
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
    over_z = library.best(folder, sizes, "Z")
    is_sought = over_z is None or over_z.rank > pool[0].rank
    if not (is_sought or is_news):
        return lines
    keys = [bitmasks.key(f) for f in pool]
    begin, tried = time.monotonic(), 0
    for f, key in zip(pool, keys, strict=True):
        if key not in lifts and (not tried or time.monotonic() - begin < seconds):
            lifted = lift(f)
            tried += 1
            lifts[key] = lifted is not None and lifted.is_integral
            if lifts[key]:
                add(lifted, lifted_from="Z2")
    known = [lifts[key] for key in keys if key in lifts]
    if tried:
        lines.append(
            f"{'x'.join(map(str, sizes))}: of {len(pool)} schemes of rank {pool[0].rank} over Z2, "
            f"{len(known)} were tried and {sum(known)} lift to Z."
        )
    return lines
