"""One walk: from some schemes to the least rank that its walkers reach."""

import itertools
from typing import NamedTuple

import numpy as np

from alphatensor.factorization import Factorization, reduced
from alphatensor.flip_graph import bitmasks, pools, walkers
from alphatensor.flip_graph.budgets import Stop
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.symmetries import Symmetry
from alphatensor.flip_graph.walkers import Walkers, WalkOptions

REDUCED = 8  # schemes of each walk that are searched for dependent terms


class Walked(NamedTuple):
    """What a walk has found.

    Attributes:
      schemes: different verified schemes of the least rank reached, at most a pool of them.
      flips: the number of flips made.
      walkers: the walkers at the end; another walk may go on with them.
    """

    schemes: list[Factorization]
    flips: float
    walkers: Walkers


def walk(
    starts: list[Factorization],
    config: FlipSearchConfig,
    stop: Stop,
    seed: int,
    held: Walkers | None = None,
    symmetry: Symmetry | None = None,
) -> Walked:
    """Walks from some schemes until a stop condition holds; at least one call.

    With `budgets.after_calls` the result depends on nothing but the arguments.

    Args:
      starts: verified schemes of one target; with a symmetry, generators.
      config: constants of the walk.
      stop: asked after each call.
      seed: seed of all randomness; without effect where walkers go on.
      held: the walkers of an earlier walk from such starts, which go on.
      symmetry: the symmetry that the walk keeps.
    """
    target, ring = starts[0].target, starts[0].ring
    options = WalkOptions(
        tries=config.tries,
        margin=config.margin,
        patience=config.patience,
        symmetry=symmetry,
        wraps=ring.modulus == 3,
    )
    if held is None:
        slots = walkers.slots_for(max(f.rank for f in starts), config.margin)
        held = walkers.start(starts, config.walkers, slots, seed, symmetry)
    before = held.flips.sum()
    for calls in itertools.count(1):
        held = walkers.run(held, options)
        if stop(calls):
            break
        held = walkers.follow(held, config.idle)
    flips, best_rank = held.flips.sum() - before, held.best_rank
    chosen = np.flatnonzero(best_rank == best_rank.min())
    schemes = [bitmasks.from_masks(held.best[i], target, ring) for i in chosen]
    if symmetry:
        schemes = [symmetry.expand(f) for f in schemes]
    else:  # flips find dependent terms sooner or later; asking is sure
        schemes[:REDUCED] = [reduced(f) for f in schemes[:REDUCED]]
    return Walked(pools.least_rank(schemes, config.pool), float(flips), held)
