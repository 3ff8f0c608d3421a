"""Runs a refinement: the clock, the file that grows and the one call.

Example::

    from alphatensor.training import refine

    for progress in refine.refine("factorizations/3x3x3_Z.npz", "runs/refined.npz", seconds=60):
        print(progress.seconds, progress.kept[0].additions)
"""

import itertools
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from alphatensor import factorization
from alphatensor.factorization import Factorization
from alphatensor.factorization.library import closing, store
from alphatensor.flip_graph import budgets, refinement
from alphatensor.flip_graph.refinement import Costed
from alphatensor.training import doors

COSTS = Costed._fields[1:]
MOST_MADE = 6  # starts from a library's parts
KEPT = ("lifted_from", "programs")  # what a refined algorithm's own provenance says


class Progress(NamedTuple):
    """What a refinement has found so far.

    Attributes:
      seconds: time since its start.
      kept: the Pareto set of all algorithms found, fewest additions first.
      fresh: those of them whose costs are new since the last report.
    """

    seconds: float
    kept: list[Costed]
    fresh: list[Costed]


def refine(
    path: str | os.PathLike,
    output: str | os.PathLike,
    seconds: float,
    seed: int = 0,
    num_walkers: int = 1_024,
    library: str | os.PathLike | None = None,
    say: Callable[[str], None] = doors.say,
) -> Iterator[Progress]:
    """Searches algorithms of the rank of a given one for cheaper ones; reports after each walk.

    The output holds the whole Pareto set with its costs as provenance. It is rewritten, whole or
    not at all, whenever the set changes, and a refinement goes on from what it holds.

    Args:
      path: the file of the algorithm.
      output: the `.npz` file of the results.
      seconds: time of all walks; at least one call of the kernel is made.
      seed: seed of all randomness.
      num_walkers: W.
      library: the folder of a library that takes the algorithm with the fewest additions. What its
        entries give side by side or multiplied, at the same rank, is refined, too.
      say: is called with one line for each stored algorithm that is not exact and set aside.

    Raises:
      ValueError: in one line, for an algorithm that cannot be refined, or an output of another
        format or rank.
      FileError: for files or a library that cannot be written.
    """
    start, output = read_start(path), pathlib.Path(output)
    starts = [start, *read_output(output, start, say)]
    costed = [refinement.cost(f) for f in starts]
    write_output(output, costed, path)  # before the walks
    if library:
        starts += _made_of_parts(library, start)
        _add(library, min(costed, key=lambda x: x.additions), start, path, seed)
    return _refine(starts, path, output, seconds, seed, num_walkers, library)


def _refine(
    starts: list[Factorization],
    path: str | os.PathLike,
    output: pathlib.Path,
    seconds: float,
    seed: int,
    num_walkers: int,
    library: str | os.PathLike | None,
) -> Iterator[Progress]:
    """Walks, writes what is better and reports; the arguments of `refine` were checked."""
    begin, shown = time.monotonic(), set()
    stop = budgets.after_seconds(time.monotonic, seconds)
    for kept in refinement.refine(starts, stop, seed=seed, num_walkers=num_walkers):
        costs = {one.costs for one in kept}
        fresh = [one for one in kept if one.costs not in shown]
        if costs != shown:
            write_output(output, kept, path)
            if library:
                _add(library, kept[0], starts[0], path, seed)
        shown = costs
        yield Progress(seconds=time.monotonic() - begin, kept=kept, fresh=fresh)


def _made_of_parts(library: str | os.PathLike, start: Factorization) -> list[Factorization]:
    """Returns what a library's entries give for a format in an order n ≤ m ≤ p, at a rank."""
    if list(start.sizes) != sorted(start.sizes):
        return []
    made = closing.made_at(library, start.sizes, start.ring, start.rank)
    found = (f for f in made if f.is_integral and f.verify().ok)
    return list(itertools.islice(found, MOST_MADE))


def _add(
    library: str | os.PathLike,
    one: Costed,
    start: Factorization,
    path: str | os.PathLike,
    seed: int,
) -> None:
    """Adds an algorithm to a library; its file says where the start is from, what refined it."""
    kept = {k: v for k, v in one.factorization.provenance.items() if k in KEPT}
    refined = {"from": pathlib.Path(path).name, "seed": seed}
    provenance = {k: v for k, v in start.provenance.items() if k not in KEPT}
    provenance |= kept | {"refined": refined}
    store.add(library, one.factorization.replace(provenance=provenance), replace_equal=True)


def read_start(path: str | os.PathLike) -> Factorization:
    """Reads the algorithm to refine; raises `ValueError` if it is not one over the integers."""
    f = factorization.load(path)[0]
    if f.ring.is_modular or f.sizes is None or not f.is_integral:
        raise ValueError(f"{path}: expected a matrix multiplication with integer factors.")
    try:
        return doors.exact(f, factorization.matmul_target(*f.sizes))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_output(
    path: pathlib.Path, start: Factorization, say: Callable[[str], None]
) -> list[Factorization]:
    """Reads the exact algorithms of an earlier refinement; none where there is no file.

    Others are set aside, and `say` is called with one line for each.

    Raises:
      ValueError: if they are of another format, rank or ring than the start.
    """
    if not path.exists():
        return []
    stored = factorization.load(path)
    if any((f.sizes, f.rank, f.ring) != (start.sizes, start.rank, start.ring) for f in stored):
        raise ValueError(f"{path}: holds algorithms of another format or rank.")
    found = []
    for number, f in enumerate(stored):
        try:
            found.append(doors.exact(f, start.target))
        except ValueError as error:
            say(doors.set_aside(f"{path}[{number}]", error))
    return found


def write_output(path: pathlib.Path, kept: list[Costed], start: str | os.PathLike) -> None:
    """Writes algorithms with their costs, and the file that they come from, as provenance."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = []
    for one in kept:
        costs = dict(zip(COSTS, one.costs, strict=True))
        source = {"refined_from": os.fspath(start)}
        f = one.factorization
        stored.append(f.replace(provenance=f.provenance | source | costs))
    factorization.save(path, stored)
