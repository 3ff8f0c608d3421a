"""Times the work on files of factorizations, on generated data of the published sizes.

    python -m benchmarking.factorization_ops --output=runs/factorization_ops

Measures, each in a process of its own so that peak memory means something:
  verify_one     one 12×12×12 factorization of rank 1,000 or more
  verify_file    a file in the published layout with 100 factorizations up to 12×12×12
  invariants     the number of inequivalent ones among 14,000 of rank 49 for 4×4×4
  lift           a 4×4×5 factorization from Z2 to Z

Writes OUTPUT.csv (operation, items, seconds, peak MiB, result) and OUTPUT.png (seconds to verify by
format). Generated are recombinations of Strassen's algorithm; the 4×4×4 ones are Strassen's
algorithm on blocks whose seven products use Strassen's in seven random bases.
"""

import pathlib
import resource
import tempfile
import time

import numpy as np
from absl import flags
from matplotlib.figure import Figure

from alphatensor import config, rings
from alphatensor import factorization as fz
from alphatensor.factorization import library
from alphatensor.factorization.analysis import invariants
from alphatensor.factorization.library import closure, recombination
from benchmarking import isolated, report
from experiments import command

_OUTPUT = flags.DEFINE_string(
    "output", "runs/factorization_ops", "The path of the results, without suffix."
)
_FILE = flags.DEFINE_integer(
    "file_size", 100, "Factorizations in the file that is read and verified."
)
_COUNT = flags.DEFINE_integer(
    "count", 14_000, "4x4x4 factorizations that are counted by invariants."
)
_WORKERS = flags.DEFINE_integer("workers", 2, "How many processes take invariants.")
_ONLY = flags.DEFINE_list("only", [], "The operations to measure; by default all.")

Z = rings.Integers()
HEADER = ("operation", "items", "seconds", "peak MiB", "result")


def large_file(path: str, count: int) -> None:
    """Writes the `count` largest formats up to 12×12×12 in the published layout."""
    with tempfile.TemporaryDirectory() as folder:
        config = library.RecombinationConfig(variants=0)
        closure.fill(folder, Z, 12, workers=2, config=config, report=lambda line: None)
        largest = recombination.formats(12)[-count:]
        fs = [closure.parts(folder, Z, config)(sizes) for sizes in largest]
    fz.save(path, fs)


def strassen_of_strassens(rng: np.random.Generator) -> fz.Factorization:
    """Draws a rank-49 factorization for 4×4×4: inner algorithms in random bases."""

    def inner(sizes):
        changes = []
        for size in sizes:
            matrix = np.eye(size, dtype=np.int64)
            i, j = rng.permutation(size)[:2]
            matrix[i] += rng.integers(-1, 2) * matrix[j]
            changes.append(matrix)
        return fz.sandwich(fz.strassen(), *changes)

    plan = recombination.Plan(49, fz.strassen(), ((2, 2),) * 3)
    return recombination.assemble(plan, inner)


def verify_one(path: str) -> tuple[int, float, str]:
    """Returns items, seconds and result of one verification."""
    f = fz.load(path)[-1]
    start = time.perf_counter()
    check = f.verify()
    return 1, time.perf_counter() - start, check.message


def verify_file(path: str) -> tuple[int, float, str]:
    """Returns items, seconds and result of reading and verifying a file."""
    start = time.perf_counter()
    checks = [f.verify().ok for f in fz.load(path)]
    return len(checks), time.perf_counter() - start, f"{sum(checks)} exact (reading included)"


def count_inequivalent(path: str, workers: int) -> tuple[int, float, str]:
    """Returns items, seconds and result of counting by invariants, reading included."""
    start = time.perf_counter()
    fs = fz.load(path)
    found = invariants.count_inequivalent(fs, workers)
    return len(fs), time.perf_counter() - start, f"{found.certified} inequivalent (at least)"


def lift(path: str) -> tuple[int, float, str]:
    """Returns items, seconds and result of one lift."""
    (f,) = fz.load(path)
    start = time.perf_counter()
    found = fz.lift_with_reason(f)
    return 1, time.perf_counter() - start, found.message


OPERATIONS = {
    "verify_one": verify_one,
    "verify_file": verify_file,
    "invariants": count_inequivalent,
    "lift": lift,
}


def _measured(operation: str, path: str, workers: int) -> tuple:
    """Measures an operation in this process and returns its row as in `HEADER`."""
    more = (workers,) if operation == "invariants" else ()
    items, seconds, result = OPERATIONS[operation](path, *more)
    usage = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return operation, items, round(seconds, 3), round(max(usage) / 1024), result


def _run(operation: str, path: str) -> tuple:
    """Measures an operation in a process of its own and prints its row."""
    try:
        row = isolated.run(_measured, operation, path, _WORKERS.value)
    except RuntimeError as error:
        raise RuntimeError(f"{operation}: {error}") from None
    print(", ".join(map(str, row)), flush=True)
    return row


def _prepare(operation: str, folder: pathlib.Path) -> str:
    """Generates the data of an operation; returns its path."""
    path = str(folder / f"{operation}.npz")
    if operation in ("verify_one", "verify_file"):
        path = str(folder / f"{operation}.alphatensor.npz")
        large_file(path, _FILE.value if operation == "verify_file" else 1)
    elif operation == "invariants":
        rng = np.random.default_rng(0)
        fz.save(path, [strassen_of_strassens(rng) for _ in range(_COUNT.value)])
    else:
        f = fz.reduce_mod(closure.recombine(str(folder), Z, (4, 4, 5)), 2)
        changes = [np.tri(size, dtype=np.int64) for size in f.sizes]
        fz.save(path, fz.sandwich(f, *changes))
    return path


def _figure(file: str) -> Figure:
    """Draws seconds to verify each factorization of a file against tensor entries times rank."""
    points = []
    for f in fz.load(file):
        start = time.perf_counter()
        f.verify()
        points.append((f.target.tensor.size * f.rank, time.perf_counter() - start))
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    axis.loglog(*zip(*points, strict=True), "o", markersize=3)
    axis.set_xlabel("tensor entries × rank")
    axis.set_ylabel("seconds to verify")
    return figure


def main() -> None:
    """Measures the chosen operations and writes the table and the picture."""
    chosen = _ONLY.value or list(OPERATIONS)
    if unknown := set(chosen) - set(OPERATIONS):
        expected = ", ".join(OPERATIONS)
        raise ValueError(f"--only={min(unknown)}: expected some of {expected}.")
    for flag, most in ((_FILE, 286), (_COUNT, 100_000), (_WORKERS, 64)):
        command.checked(flag, config.integer(1, most))
    output = report.table_path(_OUTPUT.value, suffix="")  # before anything is measured
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = [_run(o, _prepare(o, folder)) for o in chosen]
        report.write_csv(f"{output}.csv", HEADER, rows)
        file = folder / "verify_file.alphatensor.npz"
        if file.exists():
            report.write_figure(f"{output}.png", _figure(str(file)))


if __name__ == "__main__":
    command.run(main)
