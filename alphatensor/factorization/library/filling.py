"""Fills a library: every format up to a size, recombined from whatever the library holds.

Formats are taken by growing n + m + p, so every part of a recombination is final before it is
used; formats of equal sum are independent and shared out to processes. Each result is verified
and written when it is made: an interrupted run is taken up by running it again, and a run after a
better base was added improves what depends on it.
"""

import concurrent.futures
import contextlib
import functools
import itertools
import multiprocessing
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import exchange
from alphatensor.factorization.library import recombination
from alphatensor.factorization.library import store as library
from alphatensor.factorization.library.recombination import Sizes

MAX_BASE_SIZE = 6  # larger formats are parts, not bases


class Options(NamedTuple):
    """How hard to search.

    Attributes:
      spread: how far blocks may be from equal shares in large searches.
      variants: sparse bases in which each base is tried besides its own.
      extra: paths of files with more bases.
    """

    spread: int = 2
    variants: int = 4
    extra: tuple[str, ...] = ()


DEFAULT = Options()


class Job(NamedTuple):
    """What a process needs to work on one format."""

    folder: str
    ring: rings.Ring
    sizes: Sizes
    ranks: dict[Sizes, int]
    options: "Options"


def seed(folder: str, ring: rings.Ring) -> list[library.Added]:
    """Adds what is constructible at once: Strassen, its square, and its products with naive ones.

    A modular library also takes every integer factorisation of the folder, reduced.
    """
    strassen = transforms.strassen(ring)
    found = [strassen, transforms.kronecker(strassen, strassen)]
    found += [
        transforms.kronecker(strassen, transforms.naive(s, ring)) for s in ((1, 1, 2), (1, 2, 2))
    ]
    if ring.is_modular:
        for path in sorted(pathlib.Path(folder).glob("*x*x*_Z.npz")):
            f = exchange.load(path)[0]
            origin = {**f.provenance, "reduced_from": "Z"}
            found.append(transforms.reduce_mod(f, ring.modulus).replace(provenance=origin))
    return [library.add(folder, f) for f in found]


def fill(
    folder: str,
    ring: rings.Ring,
    maximum: int,
    workers: int | None = None,
    options: Options = DEFAULT,
    report: Callable[[str], None] = print,
) -> dict[Sizes, int]:
    """Recombines all formats 2 ≤ n ≤ m ≤ p ≤ `maximum`; returns the library's ranks.

    Args:
      folder: the library.
      workers: processes; by default one for each core.
      report: called with a line for each format that improved.
    """
    for added in seed(folder, ring):
        if added.kept:
            report(added.message)
    ranks = library.ranks(folder, ring.name)
    workers = workers or os.cpu_count() or 1
    with _pool(workers) as pool:
        for _, group in itertools.groupby(recombination.formats(maximum), key=sum):
            jobs = [Job(os.fspath(folder), ring, s, dict(ranks), options) for s in group]
            results = pool.map(_improve, jobs) if pool else map(_improve, jobs)
            for job, (rank, message) in zip(jobs, results, strict=True):
                ranks[job.sizes] = rank
                if message:
                    report(message)
    return ranks


def recombine(
    folder: str, ring: rings.Ring, sizes: Sizes, options: Options = DEFAULT
) -> Factorization | None:
    """The best explicit factorisation of (n, m, p) from the library's bases and parts.

    Parts that the library lacks are recombined themselves. The result is not added to the library.
    None for formats that cannot be cut.
    """
    ranks = library.ranks(folder, ring.name)
    table = recombination.rank_table(ranks, max(sizes))
    plan = recombination.best_plan(sizes, bases(folder, ring, options), table, options.spread)
    return None if plan is None else recombination.assemble(plan, parts(folder, ring, options))


def _improve(job: Job) -> tuple[int, str]:
    """The library's rank of a format after trying to improve it, and a line if it did."""
    table = recombination.rank_table(job.ranks, max(job.sizes))
    known = job.ranks.get(job.sizes)
    found = bases(job.folder, job.ring, job.options)
    plan = recombination.best_plan(job.sizes, found, table, job.options.spread)
    if plan is None or (known is not None and known <= plan.rank):
        return known if known is not None else int(np.prod(job.sizes)), ""
    f = recombination.assemble(plan, parts(job.folder, job.ring, job.options))
    added = library.add(job.folder, f)
    return min(f.rank, known or f.rank), added.message


def bases(folder: str, ring: rings.Ring, options: Options = DEFAULT) -> list[Factorization]:
    """What recombinations start from: small factorisations of the folder and of extra files.

    Recombinations themselves are left out. The allotments that pay depend on which blocks the
    products use, so each base comes in several sparse bases of the matrix spaces; the cut of one
    size in two comes last.
    """
    paths = [
        str(path)
        for path in sorted(pathlib.Path(folder).glob(f"*x*x*_{ring.name}.npz"))
        if max(map(int, path.stem.split("_")[0].split("x"))) <= MAX_BASE_SIZE
    ]
    stamp = tuple((path, os.stat(path).st_mtime_ns) for path in [*paths, *options.extra])
    return _load_bases(ring, stamp, options.variants)


@functools.lru_cache(maxsize=2)
def _load_bases(ring: rings.Ring, stamp, variants: int) -> list[Factorization]:
    rng = np.random.default_rng(0)
    found = []
    for f in (f for path, _ in stamp for f in exchange.load(path, ring)):
        if f.provenance.get("method") == "recombination" or f.ring != ring or f.sizes is None:
            continue
        turned = [f, *(transforms.sparsify(f, 3 * k, rng)[0] for k in range(variants))]
        distinct = {tuple((x != 0).tobytes() for x in g.factors): g for g in turned}
        found.extend(distinct.values())
    return [*found, *recombination.direct_sum_bases(ring)]


def parts(
    folder: str, ring: rings.Ring, options: Options = DEFAULT
) -> Callable[[Sizes], Factorization]:
    """For `recombination.assemble`: the library's factorisation of a format, or a new one."""

    @functools.cache
    def part(sizes: Sizes) -> Factorization:
        if min(sizes) == 1:
            return transforms.naive(sizes, ring)
        found = library.best(folder, sizes, ring) or recombine(folder, ring, sizes, options)
        return found or transforms.naive(sizes, ring)

    return part


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[concurrent.futures.Executor | None]:
    """Processes that use one thread each; None for a single worker."""
    if workers == 1:
        yield None
        return
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    saved = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))  # read when a process is spawned
    try:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
            yield pool
    finally:
        for name, value in saved.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
