"""Counts additions after sharing, beside the fewest known, for the library's algorithms over Z.

    python -m benchmarking.additions --output=runs/additions
    python -m benchmarking.additions --formats=2x2x2,3x3x3 --tries=2000

Two counts are made: of the algorithm as it is stored, and of the best equivalent that a walk of
`--tries` changes of basis (A U B⁻¹, B V C⁻¹, C W A⁻¹) by elementary matrices meets. The fewest
known are 15 for 2x2x2 in rank 7 (Winograd 1971), 58 for 3x3x3 in rank 23 and 156 for 4x4x4 in rank
49; other ranks have none here.

Writes OUTPUT.csv (format, rank, stored: before A, before B, after; total; searched: the same;
known, distance, seconds).
"""

import time

from absl import flags

from alphatensor import rings
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import orbit, straight_line
from alphatensor.factorization.library import store
from benchmarking import report
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _OUTPUT = flags.DEFINE_string("output", "runs/additions", "Path of the table, without suffix.")
    _FORMATS = flags.DEFINE_list(
        "formats", ["2x2x2", "3x3x3", "4x4x4"], "Matrix formats whose algorithms are counted."
    )
    _LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
    _TRIES = flags.DEFINE_integer(
        "tries", 1000, "Changes of basis that the walk of each format scores.", lower_bound=0
    )
    _TRIALS = flags.DEFINE_integer(
        "trials", straight_line.TRIALS, "Random tie-breaks in each final count.", lower_bound=1
    )
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the walks.")

KNOWN = {((2, 2, 2), 7): 15, ((3, 3, 3), 23): 58, ((4, 4, 4), 49): 156}
HEADER = (
    *("format", "rank", "u", "v", "w", "total"),
    *("u searched", "v searched", "w searched", "searched", "known", "distance", "s"),
)


def row(f: Factorization, tries: int, trials: int, seed: int) -> tuple:
    """Counts for one algorithm and returns its line as in `HEADER`.

    The last two counts are empty where no fewest number is known for its rank.
    """
    start = time.perf_counter()
    stored = straight_line.additions(f, trials)
    found = orbit.fewer_additions(f, tries=tries, seed=seed)
    searched = min(straight_line.additions(found, trials), stored, key=sum)
    known = KNOWN.get((f.sizes, f.rank))
    return (
        *("x".join(map(str, f.sizes)), f.rank, *stored, sum(stored), *searched, sum(searched)),
        *("" if known is None else known, "" if known is None else sum(searched) - known),
        round(time.perf_counter() - start, 1),
    )


def main() -> None:
    formats = [report.parse_format(x) for x in _FORMATS.value]
    algorithms = [store.best(_LIBRARY.value, sizes, rings.Integers()) for sizes in formats]
    for text, f in zip(_FORMATS.value, algorithms, strict=True):
        if f is None:
            raise ValueError(f"--formats: {text!r} is not in the library {_LIBRARY.value}.")
    rows = []
    print("  ".join(HEADER))
    for f in algorithms:
        rows.append(row(f, _TRIES.value, _TRIALS.value, _SEED.value))
        print("  ".join(map(str, rows[-1])), flush=True)
        report.write_csv(f"{_OUTPUT.value}.csv", HEADER, rows)


if __name__ == "__main__":
    command.run(main)
