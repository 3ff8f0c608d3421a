"""Times the flip-graph walkers: flips a second over formats, rings, words and threads.

    python -m benchmarking.flip_rate --output=runs/flip_rate
    python -m benchmarking.flip_rate --formats=4x4x4,6x6x6,8x8x8 --threads=1
    python -m benchmarking.flip_rate --formats=4x4x4 --words=1,2,4 --threads=1

Only flips that were made count; a try that finds its pair in one term, or over the integers would
leave the entries -1, 0 and 1, is counted apart. Walkers start from the naive algorithm, or from the
library's with `--library`, and walk `--warmup` seconds first. `--words` pads factors with zeros to
so many 64-bit words: the same walks, so that the times say what a word costs.

Writes OUTPUT.csv (format, ring, walkers, threads, flips/s, tries/s, share that flips, least rank at
the end, seconds measured, terms, words).
"""

import itertools
import time

import numpy as np
from absl import flags

from alphatensor import config, rings
from alphatensor.factorization import Factorization, naive
from alphatensor.factorization.library import store
from alphatensor.flip_graph import WalkOptions, bitmasks, walkers
from alphatensor.training import flip_search
from benchmarking import report
from experiments import command

_OUTPUT = flags.DEFINE_string("output", "runs/flip_rate", "Path without suffix.")
_FORMATS = flags.DEFINE_list(
    "formats", ["3x3x3", "4x4x4", "5x5x5"], "Matrix formats, each walked on its own."
)
_WALKERS = flags.DEFINE_list("walkers", ["128"], "Numbers of walkers to measure.")
_THREADS = flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads to measure.")
_LIBRARY = flags.DEFINE_string("library", "", "Folder of start schemes; empty: the naive ones.")
_RING = flags.DEFINE_enum("ring", "Z2", ["Z2", "Z"], "Over Z entries are -1, 0 and 1.")
_WORDS = flags.DEFINE_list("words", ["1"], "Words of a factor, at least; the others are zero.")
_SECONDS = flags.DEFINE_float("seconds", 3.0, "Measured time of each row, at least.")
_WARMUP = flags.DEFINE_float("warmup", 3.0, "Walking time before, after compilation.")

HEADER = (
    "format",
    "ring",
    "walkers",
    "threads",
    "flips/s",
    "tries/s",
    "share",
    "rank",
    "s",
    "terms",
    "words",
)
OPTIONS = WalkOptions(tries=50_000, margin=3, patience=3_000)


def measure(
    f: Factorization, num_walkers: int, words: int, threads: int, seconds: float, warmup: float
) -> tuple:
    """Walks and times; returns a row as in `HEADER`.

    Args:
      f: the scheme from which the walkers start.
      num_walkers: W.
      words: words of a factor, at least.
      threads: the number of threads.
      seconds: measured time, at least.
      warmup: walking time before, after compilation.
    """
    held = walkers.start([f], num_walkers, walkers.slots_for(f.rank, OPTIONS.margin), seed=0)
    missing = max(0, words - held.terms.shape[-1])
    padding = ((0, 0),) * 4 + ((0, missing),)
    held = held._replace(terms=np.pad(held.terms, padding), best=np.pad(held.best, padding))
    held = walkers.run(held, OPTIONS._replace(tries=1), threads)
    start = time.perf_counter()
    while time.perf_counter() - start < warmup:
        held = walkers.run(held, OPTIONS, threads)
    before, calls = int(held.flips.sum()), 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds or not calls:
        held = walkers.run(held, OPTIONS, threads)
        calls += 1
    flips, tries = int(held.flips.sum()) - before, calls * OPTIONS.tries * num_walkers
    return (
        f.target.name,
        f.domain,
        num_walkers,
        threads,
        round(flips / elapsed),
        round(tries / elapsed),
        round(flips / tries, 4),
        int(held.best_rank.min()),
        round(elapsed, 2),
        held.slots,
        held.terms.shape[-1],
    )


def _scheme(name: str, ring: str, library_folder: str) -> Factorization:
    """Returns the library's best scheme of a format, or the naive one where it has none."""
    sizes = flip_search.parse_format(name)
    if sizes is None:
        raise ValueError(f"--formats={name}: expected {flip_search.FORMATS}.")
    stored = store.best(library_folder, sizes, ring) if library_folder else None
    usable = stored is not None and bitmasks.is_ternary(stored)
    return stored if usable else naive(sizes, rings.parse(ring))


def main() -> None:
    num_walkers = command.checked_integers(_WALKERS, 1, 2**20)
    threads = command.checked_integers(_THREADS, 1, 1_024)
    words = command.checked_integers(_WORDS, 1, 4)
    schemes = [_scheme(name, _RING.value, _LIBRARY.value) for name in _FORMATS.value]
    seconds = command.checked(_SECONDS, config.number(0.01, 3_600))
    warmup = command.checked(_WARMUP, config.number(0, 3_600))
    output = report.table_path(_OUTPUT.value)
    print(",".join(HEADER), flush=True)
    rows = []
    for f, t, w, k in itertools.product(schemes, threads, num_walkers, words):
        rows.append(measure(f, w, k, t, seconds, warmup))
        print(",".join(map(str, rows[-1])), flush=True)
    report.write_csv(output, HEADER, rows)


if __name__ == "__main__":
    command.run(main)
