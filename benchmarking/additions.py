"""Counts additions after sharing, beside the fewest known, for the library's algorithms over Z.

    python -m benchmarking.additions --output=runs/additions
    python -m benchmarking.additions --formats=2x2x2,3x3x3 --tries=2000

Two counts are made: of the algorithm as it is stored, and of the best equivalent that a walk of
`--tries` changes of basis (A U B⁻¹, B V C⁻¹, C W A⁻¹) by elementary matrices meets. With `--flips`
that share of the steps are flips, which lead to other algorithms of the same rank. The fewest
known are 15 for 2x2x2 in rank 7 (Winograd 1971), 58 for 3x3x3 in rank 23 and 156 for 4x4x4 in rank
49; other ranks have none here.

Writes OUTPUT.csv (format, rank, stored: before A, before B, after; total; searched: the same;
known, distance, seconds).
"""

import time

from absl import flags

from alphatensor import config
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import orbit, straight_line
from benchmarking import report
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _OUTPUT = flags.DEFINE_string("output", "runs/additions", "Path of the table, without suffix.")
    _FORMATS = flags.DEFINE_list(
        "formats", ["2x2x2", "3x3x3", "4x4x4"], "Matrix formats whose algorithms are counted."
    )
    _LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
    _TRIES = flags.DEFINE_integer(
        "tries", 1000, "Changes of basis that the walk of each format scores."
    )
    _FLIPS = flags.DEFINE_float("flips", 0.0, "Share of the steps of the walks that are flips.")
    _TRIALS = flags.DEFINE_integer(
        "trials", straight_line.TRIALS, "Random tie-breaks in each final count."
    )
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the walks.")

KNOWN = {((2, 2, 2), 7): 15, ((3, 3, 3), 23): 58, ((4, 4, 4), 49): 156}
HEADER = (
    *("format", "rank", "u", "v", "w", "total"),
    *("u searched", "v searched", "w searched", "searched", "known", "distance", "s"),
)


def row(f: Factorization, tries: int, trials: int, seed: int, flips: float = 0.0) -> tuple:
    """Counts for one algorithm and returns its line as in `HEADER`.

    The last two counts are empty where no fewest number is known for its rank.
    """
    start = time.perf_counter()
    stored = straight_line.additions(f, trials)
    found = orbit.fewer_additions(f, tries=tries, seed=seed, flips=flips)
    searched = min(straight_line.additions(found, trials), stored, key=sum)
    known = KNOWN.get((f.sizes, f.rank))
    return (
        *("x".join(map(str, f.sizes)), f.rank, *stored, sum(stored), *searched, sum(searched)),
        *("" if known is None else known, "" if known is None else sum(searched) - known),
        round(time.perf_counter() - start, 1),
    )


def main() -> None:
    tries = command.checked(_TRIES, config.integer(least=0))
    trials = command.checked(_TRIALS, config.integer(least=1))
    seed = command.checked(_SEED, config.seed())
    flips = command.checked(_FLIPS, config.probability())
    algorithms = report.from_library("formats", _FORMATS.value, _LIBRARY.value)
    output = report.table_path(_OUTPUT.value)
    rows = []
    print("  ".join(HEADER))
    for f in algorithms:
        rows.append(row(f, tries, trials, seed, flips))
        print("  ".join(map(str, rows[-1])), flush=True)
        report.write_csv(output, HEADER, rows)


if __name__ == "__main__":
    command.run(main)
