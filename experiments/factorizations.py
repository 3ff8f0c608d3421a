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
  additions             the additions of the library's matrix products, beside the fewest known
  merge LIBRARY...      adds what several libraries hold to the one that --into names
  close                 stores what its formats give side by side, multiplied, with a row fewer
  aggregate             adds trilinear aggregation of all formats up to --max where it is better
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
  python -m experiments.factorizations additions --output=factorizations/additions.md
  python -m experiments.factorizations merge runs/host0 runs/host1 --into=runs/all
  python -m experiments.factorizations recombine 4 9 10 --output=4x9x10.npz
  python -m experiments.factorizations recombine 4 9 10 --base=factorizations/3x3x3_Z.npz \
--table=alphatensor
  python -m experiments.factorizations lift factorizations/4x4x5_Z2.npz 4x4x5_Z.npz
  python -m experiments.factorizations close --library=runs/lib --max=16
  python -m experiments.factorizations aggregate --library=runs/lib --max=8
  python -m experiments.factorizations fill --library=factorizations --max=12 --ring=Z2
  python -m experiments.factorizations reindex --library=runs/lib
  python -m experiments.factorizations records --output=factorizations/records.md
  python -m experiments.factorizations structured --output=structured.md
  python -m experiments.factorizations table --max=5
  python -m experiments.factorizations table --max=16 --output=ranks.png

Exit status: 0; 1 if something is not a factorization, does not lift or is not equivalent; 2 for
unusable input.
"""

import sys
from collections.abc import Iterator

from absl import flags

from alphatensor import config, limits
from alphatensor import factorization as fz
from alphatensor.factorization import analysis, library
from alphatensor.factorization.io import (
    LANGUAGES,
    c_code,
    formats,
    header,
    write_text,
)
from alphatensor.files import printable
from experiments import command, library_commands, reports
from experiments.library_commands import BASE, INTO, LIBRARY, OUTPUT, WORKERS, given_ring, load

flags.adopt_module_key_flags(library_commands)

__doc__ = f"{__doc__}\n{formats.help_text()}\n\n{limits.help_text()}"  # what --help shows

_FORMAT = flags.DEFINE_string(
    "format", "text", f"The language that show writes: one of {', '.join(LANGUAGES)}."
)
_TYPE = flags.DEFINE_string(
    "type", None, f"The element type of C code: one of {', '.join(c_code.TYPES)}."
)
_PNG = flags.DEFINE_string("png", None, "The file to which show draws U, V and W.")


def verify(paths: list[str]) -> int:
    """Checks every factorization of every file; goes on after a bad one."""
    return max(reports.verified(_each(path)) for path in paths)


def show(path: str) -> int:
    """Prints a factorization, and draws it."""
    f = load(path)
    if _PNG.value:
        fz.draw(f, _PNG.value)
    if _FORMAT.value not in LANGUAGES:
        raise ValueError(f"--format={_FORMAT.value}: expected one of {', '.join(LANGUAGES)}.")
    try:
        text = fz.export(f, _FORMAT.value, _TYPE.value)
    except ValueError as error:
        message = f"--{error}".replace("--type ", "--type=", 1)
        raise ValueError(message if _TYPE.value else f"{path}: {error}") from None
    if OUTPUT.value:
        write_text(OUTPUT.value, text)
    else:
        sys.stdout.write(text)
    return reports.exactness(path, f)


def convert(path: str, out: str) -> int:
    """Writes a factorization in the format that the suffix of `out` names."""
    f = load(path)
    fz.save(out, f)
    print(printable(f"{out}: {header(f)}"))
    return reports.exactness(path, f)


def costs(paths: list[str]) -> int:
    """Prints the costs of every factorization of every file."""
    status = 0
    for path in paths:
        for place, f in library.load(path, given_ring()):
            if isinstance(f, fz.FileError):
                raise f
            status = max(status, reports.exactness(place, f))
            print("\n".join(reports.costs(path, f)))
    return status


def compare(a: str, b: str) -> int:
    """Says what two factorizations differ in, and by which matrices they are equivalent."""
    f, g = load(a), load(b)
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
    given = [(path, f) for path in paths for f in fz.load(path, given_ring())]
    fs = [f for path, f in given if not reports.exactness(path, f)]
    found = analysis.count_inequivalent(fs, command.checked(WORKERS, config.integer(1, 64)))
    print(f"{len(fs)} factorisations, at least {found.certified} inequivalent")
    return int(len(fs) < len(given))


def lift(path: str, out: str | None = None) -> int:
    """Lifts a factorization mod p to the integers or rationals."""
    f = load(path)
    if status := reports.exactness(path, f):
        return status
    found = fz.lift_with_reason(f)
    print(printable(f"{path}: {found.message}"))
    if found.factorization is None:
        return 1
    if out:
        fz.save(out, found.factorization)
    return 0


COMMANDS: command.Subcommands = {
    "verify": (verify, 1, None),
    "show": (show, 1, 1),
    "convert": (convert, 2, 2),
    "costs": (costs, 1, None),
    "compare": (compare, 2, 2),
    "count": (count, 1, None),
    "lift": (lift, 1, 2),
    "recombine": (library_commands.recombine, 3, 3),
    "add": (library_commands.add, 1, None),
    "additions": (library_commands.additions, 0, 0),
    "merge": (library_commands.merge, 1, None),
    "aggregate": (library_commands.aggregate, 0, 0),
    "close": (library_commands.close, 0, 0),
    "fill": (library_commands.fill, 0, 0),
    "reindex": (library_commands.reindex, 0, 0),
    "records": (library_commands.records, 0, 0),
    "structured": (library_commands.structured, 0, 0),
    "table": (library_commands.table, 0, 0),
}


def main(arguments: list[str]) -> int:
    """Runs one subcommand; returns the exit status."""
    for flag in (LIBRARY, _PNG, OUTPUT, BASE, INTO):
        if flag.value == "":
            raise ValueError(f"--{flag.name}='': expected a path, got an empty one.")
    return command.subcommand(COMMANDS, arguments)


def _each(path: str) -> Iterator[tuple[str, fz.Factorization | fz.FileError]]:
    """Does what `library.load` does; a file that cannot be used comes as the reason, too."""
    try:
        yield from library.load(path, given_ring())
    except fz.FileError as error:
        yield path, error


if __name__ == "__main__":
    command.run(main, prefix="--", takes_arguments=True)
