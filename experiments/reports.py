"""What `factorizations` says of its results."""

import sys
from collections.abc import Iterable

from alphatensor import factorization as fz
from alphatensor import targets
from alphatensor.factorization import analysis
from alphatensor.factorization.analysis.equivalence import Equivalence
from alphatensor.factorization.io import check, header
from alphatensor.factorization.library.merging import Taken
from alphatensor.files import printable


def exactness(path: str, f: fz.Factorization) -> int:
    """Returns 1, with a line on standard error, if `f` is not exact, else 0."""
    found = check(f)
    if not found.ok:
        print(printable(f"{path}: {found.message}"), file=sys.stderr)
    return int(not found.ok)


def verified(found: Iterable[tuple[str, fz.Factorization | fz.FileError]]) -> int:
    """Prints what each factorization is.

    Args:
      found: places and factorizations, or why there is none.

    Returns:
      0; 1 where one is not exact, 2 where a file cannot be used.
    """
    status = 0
    for place, f in found:
        if isinstance(f, fz.FileError):
            print(f, file=sys.stderr)
            status = 2
            continue
        verification = check(f)
        print(printable(f"{place}: {verification.message}"))
        status = status or int(not verification.ok)
    return status


def costs(path: str, f: fz.Factorization) -> list[str]:
    """Returns the lines with all figures that a factorization has."""
    lines = [printable(f"{path}: {header(f)}")]
    for name, value in analysis.measure(f)._asdict().items():
        if value is not None:
            shown = f"{value:.4f}" if isinstance(value, float) else value
            lines.append(f"  {name.replace('_', ' ')}: {shown}")
    return lines


def equivalence(found: Equivalence) -> list[str]:
    """Returns the lines with the orientation and the matrices of an equivalence."""
    transposed, rotations = found.orientation
    lines = [f"transposed: {transposed}, rotated: {rotations} times"]
    for name, matrix in zip("ABC", found.matrices, strict=True):
        lines.append(f"{name} = {[[str(x) for x in row] for row in matrix.tolist()]}")
    return lines


def merged(results: Iterable[Taken], into: str) -> int:
    """Prints what a merge does; returns 1 where a file was set aside, else 0."""
    count, kept, status = 0, 0, 0
    for taken in results:
        count, kept = count + 1, kept + taken.is_kept
        if not taken.is_exact:
            print(printable(taken.message), file=sys.stderr)
            status = 1
        elif taken.is_kept:
            print(printable(taken.message))
    print(printable(f"{into}: {kept} of {count} files taken; it holds the best of each format"))
    return status


def recombination(sizes: targets.Sizes, rank: int, plan) -> str:
    """Returns the line that says how a recombination is made."""
    return (
        f"{targets.format_name(sizes)} in rank {rank}: base {plan.base.target.name} in rank "
        f"{plan.base.rank}, blocks {' '.join(map(str, plan.allocation))}"
    )


def no_base(sizes: targets.Sizes) -> str:
    """Returns the line for a format that no base algorithm divides."""
    return f"{targets.format_name(sizes)}: no base is as small as that."
