"""Additions after sharing, beside the fewest known, for the library's schemes over Z.

  python -m benchmarking.additions --output=runs/additions
  python -m benchmarking.additions --formats=2x2x2,3x3x3 --tries=2000

Counts: of the scheme as it is, and of the best equivalent that a walk of `--tries` sandwiches by
elementary matrices meets. Known: Winograd 1971 (2x2x2, 15); 3x3x3, 58; 4x4x4 of rank 49, 156. They
count for the rank named only; other ranks have no figure here.

Writes OUTPUT.csv (format, rank, stored: before A, before B, after; total; searched: the same;
known, distance, seconds).
"""

import pathlib
import time

from absl import flags

from alphatensor.factorization.analysis.straight_line import TRIALS
from benchmarking.table import parse_format, write_csv
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _OUTPUT = flags.DEFINE_string("output", "runs/additions", "Path without suffix.")
    _FORMATS = flags.DEFINE_list("formats", ["2x2x2", "3x3x3", "4x4x4"], "Matrix formats.")
    _LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
    _TRIES = flags.DEFINE_integer(
        "tries", 1000, "Neighbours scored for each format.", lower_bound=0
    )
    _TRIALS = flags.DEFINE_integer(
        "trials", TRIALS, "Tie-breaks of each final count.", lower_bound=1
    )
    _SEED = flags.DEFINE_integer("seed", 0, "Of the walk.")

KNOWN = {((2, 2, 2), 7): 15, ((3, 3, 3), 23): 58, ((4, 4, 4), 49): 156}
HEADER = (
    *("format", "rank", "u", "v", "w", "total"),
    *("u searched", "v searched", "w searched", "searched", "known", "distance", "s"),
)


def row(f, tries: int, trials: int, seed: int) -> tuple:
    """One line as in `HEADER`; nothing is known (and the distance empty) for other ranks."""
    from alphatensor.factorization.analysis import orbit
    from alphatensor.factorization.analysis import straight_line as schedule

    start = time.perf_counter()
    stored = schedule.additions(f, trials)
    found = orbit.fewer_additions(f, tries=tries, seed=seed)
    searched = min(schedule.additions(found, trials), stored, key=sum)
    known = KNOWN.get((f.sizes, f.rank))
    return (
        *("x".join(map(str, f.sizes)), f.rank, *stored, sum(stored), *searched, sum(searched)),
        *("" if known is None else known, "" if known is None else sum(searched) - known),
        round(time.perf_counter() - start, 1),
    )


def main() -> None:
    from alphatensor import rings
    from alphatensor.factorization.library import store as library

    formats = [parse_format(x) for x in _FORMATS.value]
    schemes = [library.best(_LIBRARY.value, sizes, rings.Integers()) for sizes in formats]
    for text, f in zip(_FORMATS.value, schemes, strict=True):
        if f is None:
            raise ValueError(f"--formats: {text!r} is not in the library {_LIBRARY.value}.")
    rows = []
    print("  ".join(HEADER))
    for f in schemes:
        rows.append(row(f, _TRIES.value, _TRIALS.value, _SEED.value))
        print("  ".join(map(str, rows[-1])), flush=True)
        write_csv(pathlib.Path(f"{_OUTPUT.value}.csv"), HEADER, rows)


if __name__ == "__main__":
    command.run(main)
