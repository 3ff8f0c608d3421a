"""Flip-graph walkers: random walks among schemes, on all cores.

A *scheme* is a set of rank-1 tensors, its *terms*, that sum to a target: an algorithm whose rank is
their number. Two terms that share a factor can be replaced by two others, which is called a *flip*
(Kauers and Moosbauer 2022, arXiv 2212.01175):

    a⊗b⊗c + a⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c)

Schemes are the vertices of the *flip graph* and flips its edges. Flips keep the number of terms,
until a new factor is zero: then its term vanishes and the rank has dropped by one. So a random walk
along edges searches for schemes of low rank. A walker that is stuck splits two terms into three,
in a *plus transition* (Arai, Ichikawa and Hukushima 2024, arXiv 2312.16960):

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c'

Schemes are over Z2, over Z3, or over the integers with entries -1, 0 and 1; there a step that would
leave that range is not made. Factors are shared up to sign. See `bitmasks` for how they are stored
and `kernel` for the steps.

Walkers may keep a symmetry of the target. They then hold one term of each orbit of up to six
(Moosbauer and Poole 2025, arXiv 2502.04514), which leaves fewer terms and far fewer schemes; see
`symmetries`.
"""

import concurrent.futures
from typing import NamedTuple

import numba
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.flip_graph import bitmasks, groups, kernel, orbits, rows, subgroups
from alphatensor.flip_graph.exchange import Exchange
from alphatensor.flip_graph.symmetries import Symmetry

MAX_SLOTS = (rows.NONE - rows.SPARE) // 3
PARTS = 4  # of the walkers for each thread, which take different times


class Walkers(NamedTuple):
    """W walkers on schemes of at most R terms; a term that vanished is zero in all modes.

    P is 1 over Z2 (supports) and 2 over Z3 and Z (supports, signs); K is the number of words
    that the entries of a mode need. With a symmetry terms are generators, and ranks count these;
    where it says `flips_fixed_terms`, they count the terms of all orbits.

    Attributes:
      terms: the current schemes as bit masks of factors, uint64 [W, 3, R, P, K].
      best: the scheme of least rank, then least weight where that counts, that each walker has
        seen, uint64 [W, 3, R, P, K].
      seeds: the state of each walker's random generator, never 0, uint64 [W].
      states: of each walker its rank, the rank and weight of its best scheme, tries since the rank
        last changed, tries since its best one last improved, and flips made; int64 [W, 6].
    """

    terms: np.ndarray
    best: np.ndarray
    seeds: np.ndarray
    states: np.ndarray

    @property
    def slots(self) -> int:
        """R."""
        return self.terms.shape[2]

    @property
    def planes(self) -> int:
        """P."""
        return self.terms.shape[3]

    @property
    def best_rank(self) -> np.ndarray:
        """The rank of each walker's best scheme, int64 [W]."""
        return self.states[:, kernel.BEST_RANK]

    @property
    def best_weight(self) -> np.ndarray:
        """The number of entries of each walker's best scheme that are not zero, int64 [W]."""
        return self.states[:, kernel.BEST_WEIGHT]

    @property
    def idle(self) -> np.ndarray:
        """Tries since each walker's best scheme last improved, int64 [W]."""
        return self.states[:, kernel.IDLE]

    @property
    def flips(self) -> np.ndarray:
        """Flips made by each walker, int64 [W]."""
        return self.states[:, kernel.FLIPS]


class WalkOptions(NamedTuple):
    """How walkers walk in one call.

    Attributes:
      tries: tries of a flip of each walker.
      margin: a stuck walker whose rank is this much or more above its best goes back to its best
        scheme before its plus transition.
      patience: a walker whose rank has not changed for so many tries is stuck.
      prefer_sparse: whether flips that add entries are made less often, and the sparsest among
        schemes of least rank counts as best.
      symmetry: the symmetry that the walkers keep; their terms are its generators.
      wraps: whether schemes of two planes are over Z3, not over the integers.
    """

    tries: int
    margin: int
    patience: int
    prefer_sparse: bool = False
    symmetry: Symmetry | Exchange | None = None
    wraps: bool = False


def slots_for(rank: int, margin: int) -> int:
    """Returns R for walkers that plus transitions may take `margin` + 1 above a rank."""
    return int(rank) + margin + 1


def start(
    schemes: list[Factorization],
    num_walkers: int,
    slots: int,
    seed: int,
    symmetry: Symmetry | Exchange | None = None,
) -> Walkers:
    """Puts walkers on the given schemes in turn.

    Args:
      schemes: verified factorizations of one target, all over Z2, all over Z3, or all over the
        integers with entries -1, 0 and 1.
      num_walkers: W.
      slots: R, at least the largest rank plus what plus transitions may add; see `slots_for`.
      seed: the seed of all randomness.
      symmetry: the symmetry that walks are to keep; the schemes are its generators.

    Raises:
      ValueError: if a scheme is over another ring, is wrong, has larger entries, more than 256
        entries in a mode, or more terms than slots.
    """
    if not schemes:
        raise ValueError("start schemes: expected at least one.")
    if not slots <= MAX_SLOTS:
        raise ValueError(f"schemes of {slots} terms: at most {MAX_SLOTS} are possible.")
    masks = []
    for f in schemes:
        if f.ring != schemes[0].ring or f.ring.modulus not in (0, 2, 3):
            raise ValueError(f"start scheme over {f.ring}: expected all over Z2, Z3 or Z.")
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
        free = slots - f.rank
        masks.append(np.pad(bitmasks.to_masks(f), ((0, 0), (0, free), (0, 0), (0, 0))))
    terms = np.stack(masks)[np.arange(num_walkers) % len(masks)]
    states = np.zeros((num_walkers, 6), np.int64)
    counts_terms = symmetry is not None and symmetry.flips_fixed_terms
    ranks = np.array([(symmetry.expand(f) if counts_terms else f).rank for f in schemes])
    states[:, kernel.RANK] = ranks[np.arange(num_walkers) % len(masks)]
    states[:, kernel.BEST_RANK] = states[:, kernel.RANK]
    states[:, kernel.BEST_WEIGHT] = bitmasks.weights(terms)
    seeds = np.random.default_rng(seed).integers(1, 2**64, num_walkers, np.uint64)
    return Walkers(terms=terms, best=terms.copy(), seeds=seeds, states=states)


def run(walkers: Walkers, options: WalkOptions, threads: int | None = None) -> Walkers:
    """Walks for some tries; in the same way on any number of threads.

    Walkers that have no flip left or are stuck make a plus transition.

    Args:
      walkers: the walkers.
      options: how they walk.
      threads: the number of threads; by default that of the cores.
    """
    threads = threads or cores()
    number, _, slots, planes, words = walkers.terms.shape
    symmetry = options.symmetry
    group = symmetry.group() if symmetry else [groups.identity(0, 0, 0)]
    tables = groups.tables(group, words)
    kernel_options = kernel.Options(
        tries=options.tries,
        patience=options.patience,
        margin=options.margin,
        prefer_sparse=options.prefer_sparse,
        is_simple=tables.is_simple,
        cancels=symmetry is not None and symmetry.cancels_pairs and planes == 1,
    )
    walked = Walkers(*(np.array(x) for x in walkers))
    flat = [x.reshape(number, 3 * slots, planes * words) for x in (walked.terms, walked.best)]
    bounds = np.linspace(0, number, min(number, PARTS * threads) + 1).astype(int)

    def walk(part: int) -> None:
        chosen = slice(bounds[part], bounds[part + 1])
        work = rows.work(slots, planes, words, tables, options.wraps)
        each = [x[chosen] for x in (*flat, walked.seeds, walked.states)]
        if symmetry is not None and symmetry.flips_fixed_terms:
            orbits.walk(work, subgroups.subgroups(slots, group, words), kernel_options, *each)
        else:
            kernel.walk(work, kernel_options, *each)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(walk, range(len(bounds) - 1)))
    return walked


def cores() -> int:
    """Returns the number of cores that this process may use; NUMBA_NUM_THREADS sets it."""
    return numba.config.NUMBA_NUM_THREADS


def follow(walkers: Walkers, idle: int, prefer_sparse: bool = False) -> Walkers:
    """Moves walkers whose best scheme has not improved for so many tries to better ones.

    Each goes to the best scheme of a random one of those whose best rank is lower, or with
    `prefer_sparse` whose weight is lower at the same rank. What it has seen is forgotten. The best
    walkers stay where they are.
    """
    rng = np.random.default_rng(walkers.seeds)
    source = np.arange(len(walkers.seeds))
    cost = walkers.best_rank * (walkers.best.size + 1)
    if prefer_sparse:
        cost = cost + walkers.best_weight
    for walker in np.flatnonzero(walkers.idle >= idle):
        better = np.flatnonzero(cost < cost[walker])
        if better.size:
            source[walker] = rng.choice(better)
    moved = source != np.arange(len(source))
    states = walkers.states[source]
    states[moved, kernel.RANK] = states[moved, kernel.BEST_RANK]
    states[np.ix_(moved, [kernel.AGE, kernel.IDLE])] = 0
    states[:, kernel.FLIPS] = walkers.flips
    best = walkers.best[source]
    terms = np.where(moved[:, None, None, None, None], best, walkers.terms)
    return Walkers(terms=terms, best=best, seeds=walkers.seeds, states=states)
