"""Works on files and libraries of factorisations: fast matrix multiplication algorithms.

  python -m experiments.factorizations SUBCOMMAND [ARGUMENTS] [FLAGS]

Subcommands:
  verify FILE...        checks every factorisation in the files, exactly
  show FILE             prints it (--format=text, latex, numpy, jax, c), draws it (--png=uvw.png)
  convert FILE OUT      to .npz, .alphatensor.npz, .json or _L.sms, by the suffix of OUT
  costs FILE...         multiplications, additions, growth factors, exponent
  compare A B           whether two factorisations are equivalent
  count FILE...         how many inequivalent ones the files hold, by invariants
  lift FILE [OUT]       from mod p to the integers or rationals
  recombine N M P       the best algorithm for a format from the library (or --base and --table)
  add FILE...           adds to the library what is better than what it has
  fill                  recombines all formats up to --max from whatever the library holds
  reindex               rebuilds the library's index from its files
  table                 the library's ranks beside the known ones (--output=table.md or .png)

Examples:
  python -m experiments.factorizations verify factorizations/*.npz
  python -m experiments.factorizations show factorizations/2x2x2_Z.npz --png=strassen.png
  python -m experiments.factorizations convert factorizations/4x4x4_Z.npz 4x4x4.json
  python -m experiments.factorizations recombine 4 9 10 --output=4x9x10.npz
  python -m experiments.factorizations recombine 4 9 10 --base=factorizations/3x3x3_Z.npz \
--table=alphatensor
  python -m experiments.factorizations lift factorizations/4x4x5_Z2.npz 4x4x5_Z.npz
  python -m experiments.factorizations fill --library=factorizations --max=12 --ring=Z2
  python -m experiments.factorizations table --max=5

Exit status: 0; 1 if something is not a factorisation, does not lift or is not equivalent; 2 for
unusable input.
"""

import sys
from collections.abc import Callable

from absl import app, flags

from alphatensor import rings
from alphatensor.factorization import lifting
from alphatensor.factorization.analysis import costs, equivalence, invariants
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import exchange, export, picture
from alphatensor.factorization.io.npz import FileError
from alphatensor.factorization.library import filling, recombination, tables
from alphatensor.factorization.library import published_ranks as known
from alphatensor.factorization.library import store as library

_LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
_RING = flags.DEFINE_string(
    "ring", "Z", "Z, Z2, Z3, ...: of files that do not say it, and of recombinations."
)
_FORMAT = flags.DEFINE_string("format", "text", f"show: one of {', '.join(export.FORMATS)}.")
_PNG = flags.DEFINE_string("png", None, "show: file for a picture of U, V and W.")
_OUTPUT = flags.DEFINE_string("output", None, "show, recombine, table: file to write.")
_ENTRY = flags.DEFINE_integer(
    "entry", 0, "show, convert, compare, lift: which factorisation of a file, from 0."
)
_BASE = flags.DEFINE_string("base", None, "recombine: file of the base; default: the library's.")
_TABLE = flags.DEFINE_enum(
    "table", "library", ["library", "alphatensor"], "recombine: ranks of the parts."
)
_MAX = flags.DEFINE_integer("max", 5, "fill, table: largest size.")
_SPREAD = flags.DEFINE_integer("spread", 2, "recombine, fill: how unequal blocks may be.")
_VARIANTS = flags.DEFINE_integer(
    "variants", 4, "recombine, fill: sparse bases in which each base is tried."
)
_EXTRA = flags.DEFINE_list("bases", [], "recombine, fill: files with more bases.")
_WORKERS = flags.DEFINE_integer("workers", 2, "fill, count: processes.")


class UsageError(ValueError):
    """A mistake in the command line: one line."""


def verify(paths: list[str]) -> int:
    """Checks every factorisation of every file; goes on after a bad one."""
    status = 0
    for path in paths:
        try:
            found = _load(path)
        except FileError as error:
            print(error, file=sys.stderr)
            status = 2
            continue
        for i, f in enumerate(found):
            check = f.verify()
            print(f"{path}[{i}]: {check.message}" if len(found) > 1 else f"{path}: {check.message}")
            status = status or int(not check.ok)
    return status


def show(path: str) -> int:
    f = _one(path)
    if _PNG.value:
        picture.draw(f, _PNG.value)
    if _FORMAT.value not in export.FORMATS:
        raise UsageError(f"--format={_FORMAT.value}: expected one of {', '.join(export.FORMATS)}.")
    _print_or_write(export.export(f, _FORMAT.value))
    return _exactness(path, f)


def convert(path: str, out: str) -> int:
    f = _one(path)
    exchange.save(out, f)
    print(f"{out}: {export.header(f)}")
    return _exactness(path, f)


def show_costs(paths: list[str]) -> int:
    status = 0
    for path in paths:
        for f in _load(path):
            status = max(status, _exactness(path, f))
            print(f"{path}: {export.header(f)}")
            for name, value in costs.measure(f)._asdict().items():
                if value is not None:
                    shown = f"{value:.4f}" if isinstance(value, float) else value
                    print(f"  {name.replace('_', ' ')}: {shown}")
    return status


def compare(a: str, b: str) -> int:
    f, g = _one(a), _one(b)
    status = _exactness(a, f) or _exactness(b, g)
    if status:
        return status
    for path, x in ((a, f), (b, g)):
        terms = ", ".join(f"{n} × {r}" for r, n in invariants.rank_distribution(x).items())
        print(f"{path}: {export.header(x)}; ranks of (U, V, W): {terms}")
    found = equivalence.equivalent(f, g)
    print(found.message)
    if found.verdict:
        transposed, times = found.role
        print(f"transposed: {transposed}, rotated: {times} times")
        for name, matrix in zip("ABC", found.matrices, strict=True):
            print(f"{name} = {[[str(x) for x in row] for row in matrix.tolist()]}")
    return 0 if found.verdict else 1


def count(paths: list[str]) -> int:
    fs = [f for path in paths for f in _load(path)]
    found = invariants.count_inequivalent(fs, _positive(_WORKERS))
    print(f"{len(fs)} factorisations, at least {found.certified} inequivalent")
    return 0


def lift(path: str, out: str | None = None) -> int:
    f = _one(path)
    if status := _exactness(path, f):
        return status
    found = lifting.lift_with_reason(f)
    print(f"{path}: {found.message}")
    if found.factorization is None:
        return 1
    if out:
        exchange.save(out, found.factorization)
    return 0


def recombine(*sizes: str) -> int:
    ring, sizes = _ring(), _sizes(sizes)
    published = _TABLE.value == "alphatensor"
    ranks = known.ALPHATENSOR_Z if published else library.ranks(_LIBRARY.value, ring.name)
    table = recombination.rank_table(ranks, max(sizes))
    if _BASE.value:
        bases = [_one(_BASE.value)]
        if bases[0].sizes is None or bases[0].ring != ring:
            raise UsageError(f"--base={_BASE.value}: expected a matrix product over {ring}.")
    else:
        bases = filling.bases(_LIBRARY.value, ring, _options())
    plan = recombination.best_plan(sizes, bases, table, _positive(_SPREAD))
    if plan is None:
        raise UsageError(f"{'x'.join(map(str, sizes))}: no base is as small as that.")
    print(
        f"{'x'.join(map(str, sizes))} in rank {plan.rank}: base {plan.base.target.name} in rank "
        f"{plan.base.rank}, blocks {' '.join(map(str, plan.allocation))}"
    )
    if published:
        return 0
    f = recombination.assemble(plan, filling.parts(_LIBRARY.value, ring, _options()))
    print(f.verify().message)
    if _OUTPUT.value:
        exchange.save(_OUTPUT.value, f)
    return 0


def add(paths: list[str]) -> int:
    status = 0
    for path in paths:
        for f in _load(path):
            if _exactness(path, f):
                status = 1
            else:
                print(library.add(_LIBRARY.value, f).message)
    return status


def fill() -> int:
    ring = _ring()
    ranks = filling.fill(_LIBRARY.value, ring, _positive(_MAX), _positive(_WORKERS), _options())
    print(f"{_LIBRARY.value}: {len(ranks)} formats over {ring}")
    return 0


def reindex() -> int:
    problems = library.reindex(_LIBRARY.value)
    for line in problems:
        print(line, file=sys.stderr)
    return 2 if problems else 0


def table() -> int:
    path, size = _OUTPUT.value, _positive(_MAX)
    if path and path.endswith(".png"):
        tables.draw(_LIBRARY.value, size, path)
        return 0
    _print_or_write(tables.text(_LIBRARY.value, size, markdown=bool(path and path.endswith(".md"))))
    return 0


# Subcommand: function, least and most arguments (None: any number, passed as a list).
COMMANDS: dict[str, tuple[Callable[..., int], int, int | None]] = {
    "verify": (verify, 1, None),
    "show": (show, 1, 1),
    "convert": (convert, 2, 2),
    "costs": (show_costs, 1, None),
    "compare": (compare, 2, 2),
    "count": (count, 1, None),
    "lift": (lift, 1, 2),
    "recombine": (recombine, 3, 3),
    "add": (add, 1, None),
    "fill": (fill, 0, 0),
    "reindex": (reindex, 0, 0),
    "table": (table, 0, 0),
}


def run(arguments: list[str]) -> int:
    """Runs one subcommand; returns the exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        given = repr(arguments[0]) if arguments else "nothing"
        raise UsageError(f"subcommand: expected one of {', '.join(COMMANDS)}; got {given}.")
    name, *rest = arguments
    function, least, most = COMMANDS[name]
    if len(rest) < least or (most is not None and len(rest) > most):
        number = (
            f"{least}" if least == most else f"{least} to {most}" if most else f"{least} or more"
        )
        raise UsageError(f"{name}: expected {number} arguments, got {len(rest)}.")
    return function(rest) if most is None else function(*rest)


def _load(path: str) -> list[Factorization]:
    return exchange.load(path, _ring())


def _one(path: str) -> Factorization:
    found = _load(path)
    if not 0 <= _ENTRY.value < len(found):
        raise UsageError(f"--entry={_ENTRY.value}: {path} holds {len(found)} factorisations.")
    return found[_ENTRY.value]


def _exactness(path: str, f: Factorization) -> int:
    """1 with a line on standard error if `f` is not exact, else 0."""
    check = f.verify()
    if not check.ok:
        print(f"{path}: {check.message}", file=sys.stderr)
    return int(not check.ok)


def _ring() -> rings.Ring:
    try:
        return rings.parse(_RING.value)
    except ValueError as error:
        raise UsageError(f"--ring={_RING.value}: {error}") from None


def _sizes(texts: tuple[str, ...]) -> tuple[int, int, int]:
    if not all(t.isdigit() and 1 <= int(t[:6]) <= 32 for t in texts):
        raise UsageError(f"recombine: expected three sizes from 1 to 32, got {' '.join(texts)}.")
    return tuple(map(int, texts))


def _options() -> filling.Options:
    if not 0 <= _VARIANTS.value <= 1000:
        raise UsageError(f"--variants={_VARIANTS.value}: expected a number from 0 to 1000.")
    for path in _EXTRA.value:
        _load(path)
    return filling.Options(_positive(_SPREAD), _VARIANTS.value, tuple(_EXTRA.value))


def _positive(flag: flags.FlagHolder) -> int:
    if not 1 <= flag.value <= 64:
        raise UsageError(f"--{flag.name}={flag.value}: expected a number from 1 to 64.")
    return flag.value


def _print_or_write(text: str) -> None:
    if _OUTPUT.value:
        exchange.write_text(_OUTPUT.value, text)
    else:
        sys.stdout.write(text)


def _parse(argv: list[str]) -> list[str]:
    if {"--help", "-help", "-h"} & set(argv[1:]):
        print(f"{__doc__}\nFlags:\n{flags.FLAGS.module_help(sys.modules[__name__])}")
        sys.exit(0)
    flags.FLAGS.set_gnu_getopt(True)
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def main(argv: list[str]) -> None:
    try:
        sys.exit(run(argv[1:]))
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
