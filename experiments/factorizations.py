"""Works on files and libraries of factorizations: fast matrix multiplication algorithms.

  python -m experiments.factorizations SUBCOMMAND [ARGUMENTS] [FLAGS]

Subcommands:
  verify FILE...        checks every factorization in the files, exactly; FILE may be a library's
                        recipes.json, and there and below a recipe: factorizations/13x14x16_Z.npz
  show FILE             prints it (--format=text, latex, numpy, jax, c), draws it (--png=uvw.png)
  convert FILE OUT      to another format, by the ending of OUT (listed below)
  costs FILE...         multiplications, additions, growth factors, exponent
  compare A B           what two factorizations differ in, and whether they are equivalent
  count FILE...         how many inequivalent ones the files hold, by invariants
  lift FILE [OUT]       from mod p to the integers or rationals
  recombine N M P       the best algorithm for a format from the library (or --base and --table)
  add FILE...           adds to the library what is better than what it has
  merge LIBRARY...      adds what several libraries hold to the one that --into names
  close                 stores what its formats give side by side, multiplied, with a row fewer
  fill                  closes and recombines all formats up to --max
  reindex               rebuilds the library's index from its files
  records               the library's entries at or below the best known rank; with
                        --output=factorizations/records.md also a page for each that was found
                        below it, in records/ beside that file
  structured            the library's algorithms for structured products, beside known ranks
  table                 the library's ranks beside published ones (--output=table.md, .csv or .png,
                        which draws them relative to AlphaTensor's and to the best known ones)

Examples:
  python -m experiments.factorizations verify factorizations/*.npz
  python -m experiments.factorizations show factorizations/2x2x2_Z.npz --png=strassen.png
  python -m experiments.factorizations show factorizations/3x3x3_Z.npz --format=c --type=int32_t
  python -m experiments.factorizations convert factorizations/4x4x4_Z.npz 4x4x4.json
  python -m experiments.factorizations convert scheme.exp scheme.npz --ring=Z2
  python -m experiments.factorizations costs factorizations/4x5x5_Z.npz
  python -m experiments.factorizations count found.npz more.txt --workers=2
  python -m experiments.factorizations compare factorizations/3x3x3_Z.npz scheme.txt
  python -m experiments.factorizations add runs/quickstart/*.npz --library=runs/lib
  python -m experiments.factorizations merge runs/host0 runs/host1 --into=runs/all
  python -m experiments.factorizations recombine 4 9 10 --output=4x9x10.npz
  python -m experiments.factorizations recombine 4 9 10 --base=factorizations/3x3x3_Z.npz \
--table=alphatensor
  python -m experiments.factorizations lift factorizations/4x4x5_Z2.npz 4x4x5_Z.npz
  python -m experiments.factorizations close --library=runs/lib --max=16
  python -m experiments.factorizations fill --library=factorizations --max=12 --ring=Z2
  python -m experiments.factorizations reindex --library=runs/lib
  python -m experiments.factorizations records --output=factorizations/records.md
  python -m experiments.factorizations table --max=5
  python -m experiments.factorizations table --max=16 --output=ranks.png

Exit status: 0; 1 if something is not a factorization, does not lift or is not equivalent; 2 for
unusable input.
"""

import os
import pathlib
import re
import sys
from collections.abc import Iterator

from absl import flags

from alphatensor import config, limits, rings, targets
from alphatensor import factorization as fz
from alphatensor.factorization import analysis, library
from alphatensor.factorization.io import (
    LANGUAGES,
    c_code,
    check,
    formats,
    header,
    load_entry,
    load_exact,
    write_text,
)
from alphatensor.factorization.library import (
    RecombinationConfig,
    published_ranks,
    record_pages,
    structured_table,
    tables,
)
from alphatensor.factorization.library import records as library_records
from alphatensor.files import printable
from experiments import command, reports

__doc__ = f"{__doc__}\n{formats.help_text()}\n\n{limits.help_text()}"  # what --help shows

_DEFAULTS = RecombinationConfig()

_LIBRARY = flags.DEFINE_string(
    "library", "factorizations", "The folder of the library that a subcommand works on."
)
_RING = flags.DEFINE_string(
    "ring",
    "Z",
    "The ring (Z, Z2, Z3, ...) of files that do not say it, and of what recombine and fill make.",
)
_FORMAT = flags.DEFINE_string(
    "format", "text", f"The language that show writes: one of {', '.join(LANGUAGES)}."
)
_TYPE = flags.DEFINE_string(
    "type", None, f"The element type of C code: one of {', '.join(c_code.TYPES)}."
)
_INTO = flags.DEFINE_string("into", None, "The folder of the library that merge adds to.")
_PNG = flags.DEFINE_string("png", None, "The file to which show draws U, V and W.")
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The file that show, recombine, records, structured or table writes instead of printing.",
)
_ENTRY = flags.DEFINE_integer(
    "entry", 0, "The factorization of a file that show, convert, compare and lift take, from 0."
)
_BASE = flags.DEFINE_string(
    "base", None, "The file of the only base algorithm of recombine; by default the library's."
)
_TABLE = flags.DEFINE_enum(
    "table",
    "library",
    ["library", "alphatensor"],
    "The ranks that recombine counts parts with; with AlphaTensor's only the rank is printed.",
)
_MAX = flags.DEFINE_integer("max", 5, "The largest size of the formats of fill and table.")
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
_WORKERS = flags.DEFINE_integer("workers", 2, "How many processes fill and count use.")


def verify(paths: list[str]) -> int:
    """Checks every factorization of every file; goes on after a bad one."""
    return max(reports.verified(_each(path)) for path in paths)


def show(path: str) -> int:
    """Prints a factorization, and draws it."""
    f = _load(path)
    if _PNG.value:
        fz.draw(f, _PNG.value)
    if _FORMAT.value not in LANGUAGES:
        raise ValueError(f"--format={_FORMAT.value}: expected one of {', '.join(LANGUAGES)}.")
    try:
        text = fz.export(f, _FORMAT.value, _TYPE.value)
    except ValueError as error:
        message = f"--{error}".replace("--type ", "--type=", 1)
        raise ValueError(message if _TYPE.value else f"{path}: {error}") from None
    if _OUTPUT.value:
        write_text(_OUTPUT.value, text)
    else:
        sys.stdout.write(text)
    return reports.exactness(path, f)


def convert(path: str, out: str) -> int:
    """Writes a factorization in the format that the suffix of `out` names."""
    f = _load(path)
    fz.save(out, f)
    print(printable(f"{out}: {header(f)}"))
    return reports.exactness(path, f)


def costs(paths: list[str]) -> int:
    """Prints the costs of every factorization of every file."""
    status = 0
    for path in paths:
        for place, f in library.load(path, _ring()):
            if isinstance(f, fz.FileError):
                raise f
            status = max(status, reports.exactness(place, f))
            print("\n".join(reports.costs(path, f)))
    return status


def compare(a: str, b: str) -> int:
    """Says what two factorizations differ in, and by which matrices they are equivalent."""
    f, g = _load(a), _load(b)
    status = reports.exactness(a, f) or reports.exactness(b, g)
    if status:
        return status
    line, found = analysis.difference(f, g)
    print(line)
    if found is None:
        return 1
    if found.verdict:
        print("\n".join(reports.equivalence(found)))
    return 0 if found.verdict else 1


def count(paths: list[str]) -> int:
    """Counts how many exact factorizations of the files are certainly inequivalent."""
    given = [(path, f) for path in paths for f in fz.load(path, _ring())]
    fs = [f for path, f in given if not reports.exactness(path, f)]
    found = analysis.count_inequivalent(fs, command.checked(_WORKERS, config.integer(1, 64)))
    print(f"{len(fs)} factorisations, at least {found.certified} inequivalent")
    return int(len(fs) < len(given))


def lift(path: str, out: str | None = None) -> int:
    """Lifts a factorization mod p to the integers or rationals."""
    f = _load(path)
    if status := reports.exactness(path, f):
        return status
    found = fz.lift_with_reason(f)
    print(printable(f"{path}: {found.message}"))
    if found.factorization is None:
        return 1
    if out:
        fz.save(out, found.factorization)
    return 0


def recombine(*sizes: str) -> int:
    """Finds the best recombination of a format, and assembles it from the library's parts."""
    ring, sizes, search = _ring(), _sizes(sizes), _recombination_config()
    base_algorithms = [_base(ring)] if _BASE.value else None
    if _TABLE.value == "alphatensor":
        ranks = published_ranks.ALPHATENSOR_Z
        plan = library.best_plan(_LIBRARY.value, ring, sizes, search, ranks, base_algorithms)
        if plan is None:
            raise ValueError(reports.no_base(sizes))
        print(f"{reports.recombination(sizes, plan.rank, plan)}; parts in AlphaTensor's ranks")
        return 0
    found = library.planned(_LIBRARY.value, ring, sizes, search, base_algorithms)
    if found is None:
        raise ValueError(reports.no_base(sizes))
    plan, f = found
    found = f.verify()
    if found.ok:  # nothing is said to have a rank that is not verified
        print(reports.recombination(sizes, f.rank, plan))
    print(found.message)
    if _OUTPUT.value and found.ok:
        fz.save(_OUTPUT.value, f)
    return int(not found.ok)


def add(paths: list[str]) -> int:
    """Adds to the library what is better than what it has."""
    status = 0
    for path in paths:
        for f in fz.load(path, _ring()):
            if reports.exactness(path, f):
                status = 1
            else:
                print(printable(library.add(_LIBRARY.value, f).message))
    return status


def merge(folders: list[str]) -> int:
    """Adds what several libraries hold to another one."""
    if _INTO.value is None:
        raise ValueError("--into: not given, expected the folder of the library that is made.")
    return reports.merged(library.merge(folders, _INTO.value), _INTO.value)


def close() -> int:
    """Stores what the library's formats give side by side, multiplied and with a row fewer."""
    ranks = library.close(_LIBRARY.value, _ring(), command.checked(_MAX, config.integer(1, 64)))
    print(f"{_LIBRARY.value}: {len(ranks)} formats over {_ring()}")
    return 0


def fill() -> int:
    """Closes and recombines all formats from whatever the library holds."""
    ring, maximum, workers = (
        _ring(),
        command.checked(_MAX, config.integer(1, 64)),
        command.checked(_WORKERS, config.integer(1, 64)),
    )
    ranks = library.fill(_LIBRARY.value, ring, maximum, workers, _recombination_config())
    print(f"{_LIBRARY.value}: {len(ranks)} formats over {ring}")
    return 0


def reindex() -> int:
    """Rebuilds the library's index from its files."""
    problems = library.reindex(_LIBRARY.value)
    for line in problems:
        print(printable(line), file=sys.stderr)
    return 2 if problems else 0


def table() -> int:
    """Prints or writes the library's ranks beside published ones."""
    largest = command.checked(_MAX, config.integer(1, 64))
    if _OUTPUT.value:
        tables.write(_OUTPUT.value, _LIBRARY.value, largest)
    else:
        sys.stdout.write(tables.text(_LIBRARY.value, largest))
    return 0


def structured() -> int:
    """Prints or writes the library's ranks of structured products beside known ones."""
    text = structured_table.text(_LIBRARY.value)
    if _OUTPUT.value:
        write_text(_OUTPUT.value, text)
    else:
        sys.stdout.write(text)
    return 0


def records() -> int:
    """Prints or writes the library's entries at or below the best known rank."""
    found = library_records.records(_LIBRARY.value)
    if _OUTPUT.value:
        record_pages.write(_OUTPUT.value, found, _LIBRARY.value)
    else:
        sys.stdout.write(library_records.text(found))
    return 0


COMMANDS: command.Subcommands = {
    "verify": (verify, 1, None),
    "show": (show, 1, 1),
    "convert": (convert, 2, 2),
    "costs": (costs, 1, None),
    "compare": (compare, 2, 2),
    "count": (count, 1, None),
    "lift": (lift, 1, 2),
    "recombine": (recombine, 3, 3),
    "add": (add, 1, None),
    "merge": (merge, 1, None),
    "close": (close, 0, 0),
    "fill": (fill, 0, 0),
    "reindex": (reindex, 0, 0),
    "records": (records, 0, 0),
    "structured": (structured, 0, 0),
    "table": (table, 0, 0),
}


def main(arguments: list[str]) -> int:
    """Runs one subcommand; returns the exit status."""
    for flag in (_LIBRARY, _PNG, _OUTPUT, _BASE, _INTO):
        if flag.value == "":
            raise ValueError(f"--{flag.name}='': expected a path, got an empty one.")
    return command.subcommand(COMMANDS, arguments)


def _load(path: str) -> fz.Factorization:
    """Reads the factorization of a file that --entry names, or makes that of a recipe."""
    if library.is_recipe(path):
        return library.made(os.path.dirname(path), pathlib.Path(path).stem)
    return load_entry(path, _ring(), _ENTRY.value)


def _each(path: str) -> Iterator[tuple[str, fz.Factorization | fz.FileError]]:
    """Does what `library.load` does; a file that cannot be used comes as the reason, too."""
    try:
        yield from library.load(path, _ring())
    except fz.FileError as error:
        yield path, error


def _base(ring: rings.Ring) -> fz.Factorization:
    base = _load(_BASE.value)
    found = check(base)
    if not found.ok:
        raise ValueError(f"--base={_BASE.value}: {found.message}")
    if base.sizes is None or base.ring != ring or not base.is_real:
        raise ValueError(
            f"--base={_BASE.value}: expected a matrix product over {ring}, real coefficients."
        )
    return base


def _ring() -> rings.Ring:
    try:
        return rings.parse(_RING.value)
    except ValueError as error:
        raise ValueError(f"--ring={_RING.value}: {error}") from None


def _sizes(texts: tuple[str, ...]) -> targets.Sizes:
    if not all(re.fullmatch("[0-9]{1,2}", t) and 1 <= int(t) <= 32 for t in texts):
        raise ValueError(f"recombine: expected three sizes from 1 to 32, got {' '.join(texts)}.")
    return tuple(map(int, texts))


def _recombination_config() -> RecombinationConfig:
    for path in _BASE_FILES.value:  # unreadable ones are named before the work begins
        load_exact(path, _ring())
    fields = {
        "spread": _SPREAD.value,
        "variants": _VARIANTS.value,
        "largest_base": _LARGEST_BASE.value,
        "base_files": _BASE_FILES.value,
    }
    return RecombinationConfig.from_dict(fields)


if __name__ == "__main__":
    command.run(main, prefix="--", takes_arguments=True)
