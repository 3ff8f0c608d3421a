"""One annealing: from no points to an algorithm for n×2×p, in parts that a caller may stop at."""

import concurrent.futures
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.annealing import kernel
from alphatensor.annealing.config import AnnealingConfig
from alphatensor.factorization import Factorization
from alphatensor.factorization.triangles import Points, from_points, sums

PARTS = 100  # of an annealing
MAX_SIDES = 60  # n + p; the vectors of a point are bits of one number
Format = tuple[int, int]  # n and p


class Annealed(NamedTuple):
    """How far an annealing has come.

    Attributes:
      share: of the work that is done, at most 1.
      rank: the least so far.
      found: the algorithm, at the end; None before, and where over the integers no state gave one.
    """

    share: float
    rank: int
    found: Factorization | None = None


class _State(NamedTuple):
    """Points as `kernel.anneal` takes them."""

    points: np.ndarray
    counts: np.ndarray


def anneal(sizes: Format, config: AnnealingConfig, seed: int) -> Iterator[Annealed]:
    """Anneals from no points, then makes an algorithm of what was found.

    Args:
      sizes: n and p of the format n×2×p, with n + p at most `MAX_SIDES`.
      config: its seed is not used.
      seed: of all randomness.
    """
    ring = rings.parse(config.ring)
    seeds = np.random.default_rng(seed)
    most = int(np.prod(sizes))
    state = _State(np.zeros((3, most, 4), np.int64), np.zeros(3, np.int64))
    rank, best = 2 * most, state
    ratio = config.coldest / config.hottest
    warm = (config.warm, config.warm)
    parts = PARTS + config.returns + 1
    for part in range(PARTS + config.returns):
        if part < PARTS:
            ends = tuple(config.hottest * ratio ** ((part + k) / PARTS) for k in range(2))
            reached, found = _walk(state, sizes, config, ends, -(-config.steps // PARTS), seeds)
        else:
            again = _State(best.points.copy(), best.counts.copy())
            reached, found = _walk(again, sizes, config, warm, config.return_steps, seeds)
        if reached <= rank:
            rank, best = reached, found
        yield Annealed((part + 1) / parts, rank)
    yield Annealed(1.0, rank, _finish(best, sizes, config, seeds, ring))


def _walk(state: _State, sizes: Format, config: AnnealingConfig, temperatures, steps: int, seeds):
    """Makes some steps from a state, which changes; returns the least rank and its state."""
    seed = int(seeds.integers(2**32))
    is_signed = config.ring == "Z"
    # In a thread, since Ctrl-C in compiled code would be an error of its own.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        walk = pool.submit(kernel.anneal, *state, sizes, is_signed, temperatures, steps, seed)
        least, *best = walk.result()
    return int(least), _State(*best)


def _finish(
    state: _State, sizes: Format, config: AnnealingConfig, seeds, ring: rings.Ring
) -> Factorization | None:
    """Returns the algorithm of a state, over the integers after a walk to small coefficients.

    The walk keeps the rank, or lowers it, and is taken back where the cost rises.
    """
    cold = (config.coldest, config.coldest)
    cost = _cost(state, sizes, ring, np.inf)
    for _ in range(0 if ring.is_modular else config.samples):
        moving = _State(state.points.copy(), state.counts.copy())
        rank, found = _walk(moving, sizes, config, cold, config.sample_steps, seeds)
        moved = _cost(found, sizes, ring, rank)
        if moved <= cost:
            state, cost = found, moved
        if cost[1:] == (0.0, 1):
            break
    try:
        return from_points(_points(state, sizes), ring)
    except ValueError:
        return None


def _cost(state: _State, sizes: Format, ring: rings.Ring, rank: float) -> tuple[float, float, int]:
    """Returns the rank, how far combinations are from integral, and the largest number in them.

    The second is the logarithm of the determinant of all sums, 0 where all combinations are
    integral.
    """
    if ring.is_modular:
        return rank, 0.0, 1
    given = sums(_points(state, sizes), ring)
    if len(given) != len(given.T):
        return rank, np.inf, 0
    largest = np.rint(np.abs(np.linalg.inv(given)).max())
    return rank, round(np.linalg.slogdet(given)[1], 6) + 0.0, int(largest)


def _points(state: _State, sizes: Format) -> Points:
    """Returns the points of a state as vectors."""
    types = np.repeat(np.arange(3), state.counts)
    masks = np.concatenate([x[:count] for x, count in zip(*state, strict=True)])
    rows = _vectors(masks[:, kernel.ROW], masks[:, kernel.ROW_SIGNS], sizes[0])
    columns = _vectors(masks[:, kernel.COLUMN], masks[:, kernel.COLUMN_SIGNS], sizes[1])
    return Points(types, rows, columns)


def _vectors(supports: np.ndarray, signs: np.ndarray, size: int) -> np.ndarray:
    """Returns the vectors of bit masks, int64 [N, size]."""
    bits = np.arange(size)
    return ((supports[:, None] >> bits) & 1) * (1 - 2 * ((signs[:, None] >> bits) & 1))
