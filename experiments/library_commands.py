"""The subcommands of `factorizations` that work on a library, and the flags that they share."""

import os
import pathlib
import re
import sys

from absl import flags

from alphatensor import config, rings, targets
from alphatensor import factorization as fz
from alphatensor.factorization import library
from alphatensor.factorization.io import check, load_entry, load_exact, write_text
from alphatensor.factorization.library import (
    RecombinationConfig,
    additions_table,
    published_ranks,
    record_pages,
    structured_table,
    tables,
)
from alphatensor.factorization.library import records as library_records
from alphatensor.files import printable
from experiments import command, reports

_DEFAULTS = RecombinationConfig()

LIBRARY = flags.DEFINE_string(
    "library", "factorizations", "The folder of the library that a subcommand works on."
)
RING = flags.DEFINE_string(
    "ring",
    "Z",
    "The ring (Z, Z2, Z3, ...) of files that do not say it, and of what recombine and fill make.",
)
INTO = flags.DEFINE_string("into", None, "The folder of the library that merge adds to.")
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The file that show, recombine, additions, records, structured or table writes, not printing.",
)
ENTRY = flags.DEFINE_integer(
    "entry", 0, "The factorization of a file that show, convert, compare and lift take, from 0."
)
BASE = flags.DEFINE_string(
    "base", None, "The file of the only base algorithm of recombine; by default the library's."
)
_TABLE = flags.DEFINE_enum(
    "table",
    "library",
    ["library", "alphatensor"],
    "The ranks that recombine counts parts with; with AlphaTensor's only the rank is printed.",
)
_MAX = flags.DEFINE_integer(
    "max", 5, "The largest size of the formats of aggregate, close, fill and table."
)
_SPREAD = flags.DEFINE_integer(
    "spread",
    _DEFAULTS.spread,
    "How far recombine and fill let blocks be from equal sizes in large searches.",
)
_VARIANTS = flags.DEFINE_integer(
    "variants",
    _DEFAULTS.variants,
    "In how many sparse bases recombine and fill try each base algorithm.",
)
_LARGEST_BASE = flags.DEFINE_integer(
    "largest_base",
    _DEFAULTS.largest_base,
    "The largest size of the base algorithms of recombine and fill; smaller is faster.",
)
_BASE_FILES = flags.DEFINE_list(
    "bases", list(_DEFAULTS.base_files), "Files with more base algorithms for recombine and fill."
)
WORKERS = flags.DEFINE_integer("workers", 2, "How many processes fill and count use.")


def recombine(*sizes: str) -> int:
    """Finds the best recombination of a format, and assembles it from the library's parts."""
    ring, sizes, search = given_ring(), _sizes(sizes), _recombination_config()
    base_algorithms = [_base(ring)] if BASE.value else None
    if _TABLE.value == "alphatensor":
        ranks = published_ranks.ALPHATENSOR_Z
        plan = library.best_plan(LIBRARY.value, ring, sizes, search, ranks, base_algorithms)
        if plan is None:
            raise ValueError(reports.no_base(sizes))
        print(f"{reports.recombination(sizes, plan.rank, plan)}; parts in AlphaTensor's ranks")
        return 0
    found = library.planned(LIBRARY.value, ring, sizes, search, base_algorithms)
    if found is None:
        raise ValueError(reports.no_base(sizes))
    plan, f = found
    found = f.verify()
    if found.ok:  # nothing is said to have a rank that is not verified
        print(reports.recombination(sizes, f.rank, plan))
    print(found.message)
    if OUTPUT.value and found.ok:
        fz.save(OUTPUT.value, f)
    return int(not found.ok)


def add(paths: list[str]) -> int:
    """Adds to the library what is better than what it has."""
    status = 0
    for path in paths:
        for f in fz.load(path, given_ring()):
            if reports.exactness(path, f):
                status = 1
            else:
                print(printable(library.add(LIBRARY.value, f).message))
    return status


def merge(folders: list[str]) -> int:
    """Adds what several libraries hold to another one."""
    if INTO.value is None:
        raise ValueError("--into: not given, expected the folder of the library that is made.")
    return reports.merged(library.merge(folders, INTO.value), INTO.value)


def close() -> int:
    """Stores what the library's formats give side by side, multiplied and with a row fewer."""
    ranks = library.close(LIBRARY.value, given_ring(), command.checked(_MAX, config.integer(1, 64)))
    print(f"{LIBRARY.value}: {len(ranks)} formats over {given_ring()}")
    return 0


def aggregate() -> int:
    """Adds trilinear aggregation of all formats where it beats what the library holds."""
    library.add_aggregated(LIBRARY.value, command.checked(_MAX, config.integer(3, 64)))
    return 0


def fill() -> int:
    """Closes and recombines all formats from whatever the library holds."""
    ring, maximum, workers = (
        given_ring(),
        command.checked(_MAX, config.integer(1, 64)),
        command.checked(WORKERS, config.integer(1, 64)),
    )
    ranks = library.fill(LIBRARY.value, ring, maximum, workers, _recombination_config())
    print(f"{LIBRARY.value}: {len(ranks)} formats over {ring}")
    return 0


def reindex() -> int:
    """Rebuilds the library's index from its files."""
    problems = library.reindex(LIBRARY.value)
    for line in problems:
        print(printable(line), file=sys.stderr)
    return 2 if problems else 0


def table() -> int:
    """Prints or writes the library's ranks beside published ones."""
    largest = command.checked(_MAX, config.integer(1, 64))
    if OUTPUT.value:
        tables.write(OUTPUT.value, LIBRARY.value, largest)
    else:
        sys.stdout.write(tables.text(LIBRARY.value, largest))
    return 0


def additions() -> int:
    """Prints or writes the additions of the library's matrix products beside the fewest known."""
    _print_or_write(additions_table.text(LIBRARY.value))
    return 0


def structured() -> int:
    """Prints or writes the library's ranks of structured products beside known ones."""
    _print_or_write(structured_table.text(LIBRARY.value))
    return 0


def records() -> int:
    """Prints or writes the library's entries at or below the best known rank."""
    found = library_records.records(LIBRARY.value)
    if OUTPUT.value:
        record_pages.write(OUTPUT.value, found, LIBRARY.value)
    else:
        sys.stdout.write(library_records.text(found))
    return 0


def _print_or_write(text: str) -> None:
    if OUTPUT.value:
        write_text(OUTPUT.value, text)
    else:
        sys.stdout.write(text)


def _base(ring: rings.Ring) -> fz.Factorization:
    base = load(BASE.value)
    found = check(base)
    if not found.ok:
        raise ValueError(f"--base={BASE.value}: {found.message}")
    if base.sizes is None or base.ring != ring or not base.is_real:
        raise ValueError(
            f"--base={BASE.value}: expected a matrix product over {ring}, real coefficients."
        )
    return base


def _sizes(texts: tuple[str, ...]) -> targets.Sizes:
    if not all(re.fullmatch("[0-9]{1,2}", t) and 1 <= int(t) <= 32 for t in texts):
        raise ValueError(f"recombine: expected three sizes from 1 to 32, got {' '.join(texts)}.")
    return tuple(map(int, texts))


def _recombination_config() -> RecombinationConfig:
    for path in _BASE_FILES.value:  # unreadable ones are named before the work begins
        load_exact(path, given_ring())
    fields = {
        "spread": _SPREAD.value,
        "variants": _VARIANTS.value,
        "largest_base": _LARGEST_BASE.value,
        "base_files": _BASE_FILES.value,
    }
    return RecombinationConfig.from_dict(fields)


def load(path: str) -> fz.Factorization:
    """Reads the factorization of a file that --entry names, or makes that of a recipe."""
    if library.is_recipe(path):
        return library.made(os.path.dirname(path), pathlib.Path(path).stem)
    return load_entry(path, given_ring(), ENTRY.value)


def given_ring() -> rings.Ring:
    try:
        return rings.parse(RING.value)
    except ValueError as error:
        raise ValueError(f"--ring={RING.value}: {error}") from None
