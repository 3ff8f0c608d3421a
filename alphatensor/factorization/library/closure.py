"""Closes a library under recombination: every format up to a size, from what the library holds.

The cheap closure (`closing`) comes first. Formats are then taken by growing n + m + p, so every
part of a recombination is final before it is used; formats of equal sum are independent and shared
out to processes. Each result is verified and written when it is made, or kept as a recipe beyond
`closing.LARGEST_FILE`: an interrupted run is taken up by running it again, and a run after a better
base algorithm was added improves what depends on it.
"""

import concurrent.futures
import contextlib
import functools
import itertools
import math
import multiprocessing
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import aggregation, composition, pairs, textbook, transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.library import closing, exact_files, recipes, recombination, store
from alphatensor.factorization.library.config import DEFAULT, RecombinationConfig
from alphatensor.files import FileError
from alphatensor.targets import Sizes

LARGEST_CUBE = 18  # of the cubes from which formats are made by trilinear aggregation


def fill(
    folder: str | os.PathLike,
    ring: rings.Ring,
    maximum: int,
    workers: int | None = None,
    config: RecombinationConfig = DEFAULT,
    report: Callable[[str], None] = print,
) -> dict[Sizes, int]:
    """Closes and recombines all formats 2 ≤ n ≤ m ≤ p ≤ `maximum`; returns the library's ranks.

    Args:
      folder: the library.
      ring: the ring of the factorizations.
      maximum: the largest size.
      workers: processes; by default one for each core.
      config: how hard to search.
      report: called with a line for each format that improved.
    """
    for added in add_textbook(folder, ring):
        if added.kept:
            report(added.message)
    for line in add_pairs(folder, ring, maximum):
        report(line)
    closing.close(folder, ring, maximum, report)
    ranks = store.verified_ranks(folder, ring.name)
    with _pool(workers or os.cpu_count() or 1) as pool:
        for _, group in itertools.groupby(recombination.formats(maximum), key=sum):
            jobs = [
                _Job(folder=os.fspath(folder), ring=ring, sizes=s, ranks=dict(ranks), config=config)
                for s in group
            ]
            results = pool.map(_improve, jobs) if pool else map(_improve, jobs)
            for job, (rank, message) in zip(jobs, results, strict=True):
                ranks[job.sizes] = rank
                if message:
                    report(message)
    return closing.close(folder, ring, maximum, report)


def add_textbook(folder: str | os.PathLike, ring: rings.Ring) -> list[store.Added]:
    """Adds what is known at once: Strassen's algorithm, its square, products with naive ones."""
    strassen = textbook.strassen(ring)
    found = [strassen, composition.kronecker(strassen, strassen)]
    found += [
        composition.kronecker(strassen, textbook.naive(s, ring)) for s in ((1, 1, 2), (1, 2, 2))
    ]
    return [store.add(folder, f) for f in found]


def add_pairs(folder: str | os.PathLike, ring: rings.Ring, maximum: int) -> list[str]:
    """Adds Strassen's algorithm on pairs of indices for 2×n×p where it beats what is held.

    Returns:
      A line for each format that improved.
    """
    held, large, lines = store.ranks(folder, ring.name), {}, []
    for n, p in itertools.combinations_with_replacement(range(2, maximum + 1), 2):
        sizes, rank = (2, n, p), pairs.rank(n, p)
        if held.get(sizes, rank + 1) <= rank:
            continue
        if closing.is_recipe(folder, sizes, ring):
            large[recipes.key_of(sizes, ring)] = recipes.Recipe("pairs", ((n, 2, p),))
        else:
            added = store.add(folder, pairs.strassen_pairs(n, p, ring))
            lines += [added.message] * added.kept
    return lines + (store.add_recipes(folder, large) if large else [])


def add_aggregated(
    folder: str | os.PathLike, maximum: int, report: Callable[[str], None] = print
) -> None:
    """Adds trilinear aggregation over the integers where it beats what is held.

    Formats 3 ≤ n ≤ m ≤ p ≤ `maximum` are taken by the cube that they come from, which is to have no
    side above `LARGEST_CUBE`: beyond it other ways lead further. Each takes up to half a minute.

    Args:
      folder: the library.
      maximum: the largest size.
      report: called with a line for each format that improved.
    """
    ring, held = rings.Integers(), store.ranks(folder)
    wanted = [s for s in recombination.formats(maximum) if s[0] > 2]
    for sizes in sorted(wanted, key=lambda s: (aggregation.cube_of(s), s)):
        rank = held.get(sizes, math.prod(sizes))
        if aggregation.cube_of(sizes) > LARGEST_CUBE or aggregation.formula(sizes) >= rank:
            continue
        found = recipes.Recipe("polygons", construction=aggregation.best(sizes))
        f = aggregation.build(found.construction)
        if f.rank >= rank:
            continue
        if closing.is_recipe(folder, sizes, ring):
            lines = store.add_recipes(folder, {recipes.key_of(sizes, ring): found})
        else:
            added = store.add(folder, f)
            lines = [added.message] * added.kept
        for line in lines:
            report(line)


def recombine(
    folder: str | os.PathLike, ring: rings.Ring, sizes: Sizes, config: RecombinationConfig = DEFAULT
) -> Factorization | None:
    """Returns the best explicit factorization of (n, m, p) from what the library holds.

    Parts that the library lacks are recombined themselves. The result is not added to the library.
    None for formats that cannot be cut.
    """
    found = planned(folder, ring, sizes, config)
    return None if found is None else found[1]


def planned(
    folder: str | os.PathLike,
    ring: rings.Ring,
    sizes: Sizes,
    config: RecombinationConfig = DEFAULT,
    base_algorithms: Sequence[Factorization] | None = None,
) -> tuple[recombination.Plan, Factorization] | None:
    """Returns the best recombination of (n, m, p) and its factorization, or None.

    The rank of the factorization counts. Where it is larger than planned the library's index is
    wrong, and the plan is made again with ranks that have been verified. Arguments as in
    `best_plan`.
    """
    plan = best_plan(folder, ring, sizes, config, None, base_algorithms)
    if plan is None:
        return None
    f = assemble(folder, plan, config)
    if f.rank > plan.rank:
        ranks = store.verified_ranks(folder, ring.name)
        plan = best_plan(folder, ring, sizes, config, ranks, base_algorithms)
        f = assemble(folder, plan, config)
    return plan, f


def best_plan(
    folder: str | os.PathLike,
    ring: rings.Ring,
    sizes: Sizes,
    config: RecombinationConfig = DEFAULT,
    ranks: dict[Sizes, int] | None = None,
    base_algorithms: Sequence[Factorization] | None = None,
) -> recombination.Plan | None:
    """Returns the best recombination of (n, m, p), not yet assembled, or None if there is none.

    Args:
      folder: the library.
      ring: the ring of base algorithms and parts.
      sizes: (n, m, p).
      config: how hard to search.
      ranks: ranks of the parts by sorted format; by default the library's.
      base_algorithms: what recombinations start from; by default those of the library and of
        `config.base_files`.
    """
    if ranks is None:
        ranks = store.ranks(folder, ring.name)
    if base_algorithms is None:
        base_algorithms = load_base_algorithms(folder, ring, config)
    table = recombination.rank_table(ranks, max(sizes))
    return recombination.best_plan(sizes, base_algorithms, table, config.spread)


def assemble(
    folder: str | os.PathLike, plan: recombination.Plan, config: RecombinationConfig = DEFAULT
) -> Factorization:
    """Returns the explicit factorization of a plan, with the library's parts or new ones."""
    return recombination.assemble(plan, parts(folder, plan.base.ring, config))


def load_base_algorithms(
    folder: str | os.PathLike, ring: rings.Ring, config: RecombinationConfig = DEFAULT
) -> list[Factorization]:
    """Returns what recombinations start from: small algorithms of the folder and of extra files.

    What was made of other formats is left out. The allotments that pay depend on which blocks the
    products use, so each algorithm comes in several sparse bases of the matrix spaces; the cut of
    one size in two comes last.
    """
    paths = [
        str(path)
        for sizes, path in exact_files.matmul_paths(folder, ring.name).items()
        if max(sizes) <= config.largest_base
    ]
    versions = tuple((path, _changed(path)) for path in [*paths, *config.base_files])
    return _read_base_algorithms(ring, versions, len(paths), config.variants)


def parts(
    folder: str | os.PathLike, ring: rings.Ring, config: RecombinationConfig = DEFAULT
) -> Callable[[Sizes], Factorization]:
    """Returns a function from a format to the library's factorization of it, or a new one."""

    @functools.cache
    def part(sizes: Sizes) -> Factorization:
        if min(sizes) == 1:
            return textbook.naive(sizes, ring)
        found = store.best(folder, sizes, ring) or recombine(folder, ring, sizes, config)
        return found or textbook.naive(sizes, ring)

    return part


class _Job(NamedTuple):
    """What a process needs to work on one format."""

    folder: str
    ring: rings.Ring
    sizes: Sizes
    ranks: dict[Sizes, int]
    config: RecombinationConfig


def _improve(job: _Job) -> tuple[int, str]:
    """Returns the library's rank of a format after trying to improve it, and a line if it did."""
    known = job.ranks.get(job.sizes)
    plan = best_plan(job.folder, job.ring, job.sizes, job.config, job.ranks)
    if plan is None or (known is not None and known <= plan.rank):
        return known if known is not None else math.prod(job.sizes), ""
    if closing.is_recipe(job.folder, job.sizes, job.ring):
        key = recipes.key_of(job.sizes, job.ring)
        lines = store.add_recipes(job.folder, {key: recipes.of_plan(plan)})
        return (plan.rank, lines[0]) if lines else (known or math.prod(job.sizes), "")
    f = assemble(job.folder, plan, job.config)
    added = store.add(job.folder, f)
    return min(f.rank, known or f.rank), added.message


def _changed(path: str) -> int:
    """Returns when a file was changed; raises `FileError` where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from None


@functools.lru_cache(maxsize=2)
def _read_base_algorithms(
    ring: rings.Ring, versions: tuple[tuple[str, int], ...], of_library: int, variants: int
) -> list[Factorization]:
    """Reads base algorithms from paths, of which the first ones are files of a library.

    The times of change are there to read changed files again. A file of the library that is not
    exact is set aside; any other raises `FileError`.
    """
    rng = np.random.default_rng(0)
    paths = [path for path, _ in versions]
    given = [exact_files.read_or_warn(pathlib.Path(path)) for path in paths[:of_library]]
    given += [f for path in paths[of_library:] for f in _real(path, ring)]
    found = []
    for f in given:
        if f is None or f.ring != ring or f.sizes is None:
            continue
        if f.provenance.get("method") in ("closure", "recombination"):
            continue
        sparse = [f, *(transforms.sparsify(f, 3 * k, rng)[0] for k in range(variants))]
        distinct = {tuple((x != 0).tobytes() for x in g.factors): g for g in sparse}
        found.extend(distinct.values())
    return [*found, recombination.cut_in_two(ring)]


def _real(path: str, ring: rings.Ring) -> list[Factorization]:
    """Reads an exact file; raises `FileError` for Gaussian coefficients, too."""
    found = formats.load_exact(path, ring)
    if not all(f.is_real for f in found):
        raise FileError(f"{path}: Gaussian coefficients: recombination takes real ones.")
    return found


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[concurrent.futures.Executor | None]:
    """Starts processes that use one thread each; None for a single worker."""
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
