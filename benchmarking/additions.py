"""Counts additions after sharing, beside the fewest known, for the library's algorithms over Z.

    python -m benchmarking.additions --output=runs/additions
    python -m benchmarking.additions --formats=4x4x5,5x5x5 --steps=3000000

Two counts are made: of the algorithm as it is stored, with the programs that it may keep, and of
the one to which an annealing of `--steps` moves leads. The fewest known are those of
`alphatensor/factorization/library/known_additions.csv`, for the same rank.

Writes OUTPUT.csv (format, rank, stored: before A, before B, after; total; annealed: the same;
known, distance, seconds).
"""

import time

from absl import flags

from alphatensor import config, targets
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import straight_line
from alphatensor.factorization.library import additions_table
from alphatensor.flip_graph import fewer_additions
from benchmarking import report
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _OUTPUT = flags.DEFINE_string("output", "runs/additions", "Path of the table, without suffix.")
    _FORMATS = flags.DEFINE_list(
        "formats", ["2x2x2", "3x3x3", "4x4x4"], "Matrix formats whose algorithms are counted."
    )
    _LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
    _STEPS = flags.DEFINE_integer("steps", 1_000_000, "Moves of the annealing of each format.")
    _TRIALS = flags.DEFINE_integer(
        "trials", straight_line.TRIALS, "Random tie-breaks in the count of what is stored."
    )
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the annealing.")

HEADER = (
    *("format", "rank", "u", "v", "w", "total"),
    *("u annealed", "v annealed", "w annealed", "annealed", "known", "distance", "s"),
)


def row(f: Factorization, steps: int, trials: int, seed: int) -> tuple:
    """Counts for one algorithm and returns its line as in `HEADER`.

    The last two counts are empty where no fewest number is known for its rank.
    """
    start = time.perf_counter()
    stored = straight_line.additions(f, trials)
    annealed = straight_line.additions(fewer_additions(f, steps, seed), trials)
    best = additions_table.known().get(f"{targets.format_name(f.sizes)}_{f.domain}")
    known = best.shared if best and best.rank == f.rank else None
    return (
        *(targets.format_name(f.sizes), f.rank, *stored, sum(stored), *annealed, sum(annealed)),
        *("" if known is None else known, "" if known is None else sum(annealed) - known),
        round(time.perf_counter() - start, 1),
    )


def main() -> None:
    steps = command.checked(_STEPS, config.integer(least=0))
    trials = command.checked(_TRIALS, config.integer(least=1))
    seed = command.checked(_SEED, config.seed())
    algorithms = report.from_library("formats", _FORMATS.value, _LIBRARY.value)
    output = report.table_path(_OUTPUT.value)
    rows = []
    print("  ".join(HEADER))
    for f in algorithms:
        rows.append(row(f, steps, trials, seed))
        print("  ".join(map(str, rows[-1])), flush=True)
        report.write_csv(output, HEADER, rows)


if __name__ == "__main__":
    command.run(main)
