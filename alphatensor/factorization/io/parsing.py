"""What all readers share: checked texts, numbers, sizes and factorizations."""

import functools
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from alphatensor import limits, rings, targets
from alphatensor.factorization import gaussian
from alphatensor.factorization.core import Factorization, matmul_target
from alphatensor.files import FileError

RING_ASSUMED = {"ring": "assumed"}  # in the provenance of what comes from a file without a ring
_TOO_LARGE = 10**limits.MAX_DIGITS
_BLOCK = 2**20  # entries that are looked at together
_DIGITS = limits.MAX_DIGITS
_NUMBER = re.compile(rf"\s*[-+]?[0-9]{{1,{_DIGITS}}}(/0*[1-9][0-9]{{0,{_DIGITS - 1}}})?\s*")


def build(
    path: str,
    entry: str,
    target: targets.Target,
    ring: rings.Ring,
    factors: Sequence[np.ndarray],
    provenance: Mapping[str, Any],
) -> Factorization:
    """Makes a `Factorization` whose errors are `FileError`s with the file and the entry."""
    try:
        return Factorization(target, ring, *factors, provenance)
    except (ValueError, OverflowError) as error:
        raise FileError(f"{path}: {entry}: {error}") from None


def matmul(path: str, entry: str, sizes_: targets.Sizes, factors: Sequence) -> targets.Target:
    """Returns the target with these sizes, once the factors are seen to have its shape.

    The tensor of large sizes is thus not made for factors that do not fit.
    """
    n, m, p = sizes_
    for name, factor, size in zip("uvw", factors, (n * m, m * p, p * n), strict=True):
        shape = np.shape(factor)
        if len(shape) != 2 or shape[0] != size:
            raise FileError(
                f"{path}: {entry}: {name} has shape {shape}: expected ({size}, rank) for target "
                f"{n}x{m}x{p}."
            )
        if not 1 <= shape[1] <= limits.MAX_RANK:
            raise FileError(
                f"{path}: {entry}: rank {shape[1]}: expected a rank from 1 to {limits.MAX_RANK}."
            )
    return matmul_target(n, m, p)


def algorithm(
    path: str, entry: str, sizes_: targets.Sizes, ring: rings.Ring, factors: Sequence[np.ndarray]
) -> Factorization:
    """Makes the matrix multiplication with these factors, of a file that does not say its ring."""
    check_exact(path, sum(map(exact_count, factors)))
    target = matmul(path, entry, sizes_, factors)
    return build(path, entry, target, ring, factors, source(path) | RING_ASSUMED)


def source(path: str) -> dict[str, Any]:
    """Returns the provenance of what a file holds that says nothing about it."""
    return {"method": "file", "file": os.path.basename(path)}


def dense(path: str, shape: tuple[int, int], entries: Mapping[tuple[int, int], Any]) -> np.ndarray:
    """Returns a matrix with these entries and zeros: int64 where that holds them."""
    if math.prod(shape) > limits.MAX_ENTRIES:
        raise FileError(f"{path}: {shape[0]} × {shape[1]} numbers: at most {limits.MAX_ENTRIES}.")
    is_small = all(isinstance(x, int) and abs(x) < 2**63 for x in entries.values())
    if not is_small:
        check_exact(path, math.prod(shape))
    matrix = np.zeros(shape, np.int64 if is_small else object)
    for place, x in entries.items():
        matrix[place] = x
    return matrix


def lines(path: str, text: str) -> list[str]:
    """Returns the lines of a text without comments; raises `FileError` for too many."""
    count = text.count("\n")
    if count > limits.MAX_EXACT:
        raise FileError(f"{path}: {count} lines: at most {limits.MAX_EXACT}.")
    return re.sub(r"#[^\n]*", "", text).split("\n")


def compact(path: str, matrix: np.ndarray) -> np.ndarray:
    """Returns a matrix of exact numbers as int64 where that holds them."""
    if all(isinstance(x, int) and abs(x) < 2**63 for x in matrix.flat):
        return matrix.astype(np.int64)
    check_exact(path, matrix.size)
    return matrix


def sizes_of(path: str, nm: int, mp: int, np_: int) -> targets.Sizes:
    """Returns (n, m, p) from the numbers of entries of A, B and C."""
    if min(nm, mp, np_) > 0:
        n, m, p = (math.isqrt(x) for x in (nm * np_ // mp, nm * mp // np_, mp * np_ // nm))
        if (n * m, m * p, n * p) == (nm, mp, np_):
            return sizes((n, m, p), path, "sizes")
    raise FileError(f"{path}: matrices with {nm}, {mp}, {np_} entries fit no matrix product.")


def quotient(above: Any, below: Any, where: str) -> int | Fraction:
    """Returns above / below; raises `FileError` where that is no fraction."""
    if not isinstance(above, int) or not isinstance(below, int) or below == 0:
        raise FileError(f"{where}: {above!s:.20} / {below!s:.20}: expected a fraction.")
    exact = Fraction(above, below)
    return int(exact) if exact.denominator == 1 else exact


def number(x: Any, where: str) -> int | Fraction:
    """Reads an exact number from an int, a float, or text such as `'-1/2'`.

    Args:
      x: floats must be the nearest one to a fraction with a denominator of at most 1000.
      where: the file and the entry, for errors.
    """
    if isinstance(x, int) and not isinstance(x, bool) and -_TOO_LARGE < x < _TOO_LARGE:
        return x
    if isinstance(x, float) and math.isfinite(x):
        simple = _simple_fraction(x)
        if simple is not None and abs(simple) < _TOO_LARGE:
            return simple
    if isinstance(x, str) and len(x) < 3 * _DIGITS and _NUMBER.fullmatch(x):
        return Fraction(x) if "/" in x else int(x)
    shown = "an integer" if isinstance(x, int) and not isinstance(x, bool) else f"{x!r:.40}"
    raise FileError(
        f"{where} is {shown}: expected an integer or a simple fraction of at most {_DIGITS} digits."
    )


@functools.lru_cache(maxsize=2**16)
def _simple_fraction(x: float) -> int | Fraction | None:
    """Returns the fraction with a denominator of at most 1000 whose nearest float is x, or None."""
    if x.is_integer():
        return int(x)
    simple = Fraction(x).limit_denominator(1000)
    return simple if float(simple) == x else None


def label(x: Any, where: str) -> str:
    """Returns a short text; raises `FileError` for anything else."""
    if not isinstance(x, str) or len(x) > limits.MAX_LABEL:
        raise FileError(f"{where}: expected a text of at most {limits.MAX_LABEL} characters.")
    return x


def sizes(parts: Sequence, path: str, entry: str) -> targets.Sizes:
    """Reads n, m, p from numbers or texts, and refuses those whose tensor is too large."""
    texts = [f"{part!s:.20}".strip() for part in parts[:4] if isinstance(part, str | int)]
    if len(parts) != 3 or len(texts) != 3 or not all(re.fullmatch(r"[0-9]{1,9}", t) for t in texts):
        raise FileError(
            f"{path}: entry {entry!r:.60}: expected three sizes, got {','.join(texts)!r}."
        )
    n, m, p = map(int, texts)
    entries = (n * m) * (m * p) * (p * n)
    if not all(1 <= s <= limits.MAX_SIZE for s in (n, m, p)) or (
        entries > limits.MAX_TENSOR_ENTRIES
    ):
        raise FileError(f"{path}: entry {entry!r:.60}: sizes {n}x{m}x{p} are out of range.")
    return n, m, p


def provenance(texts: Sequence[str], path: str) -> list[dict[str, Any]]:
    """Reads a JSON object from each text; whatever else is valid JSON counts as none.

    Raises:
      FileError: for texts that are no JSON, are nested deeply or are too long.
    """
    if sum(map(len, texts)) > limits.MAX_PROVENANCE:
        raise FileError(f"{path}: provenance of more than {limits.MAX_PROVENANCE} characters.")
    found = [read_json(str(text), f"{path}: entry 'provenance'") for text in texts]
    return [x if isinstance(x, dict) else {} for x in found]


def read_json(text: str, where: str) -> Any:
    """Reads JSON; raises `FileError` for other text, and where it is nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not JSON ({' '.join(str(error).split())[:100]}).") from None


def check_exact(path: str, count: int) -> None:
    """Refuses a file with too many numbers that must be kept as Python objects."""
    if count > limits.MAX_EXACT:
        raise FileError(
            f"{path}: {count} numbers that are fractions, text or beyond int64: at most "
            f"{limits.MAX_EXACT}."
        )


def exact_count(array: np.ndarray) -> int:
    """Returns how many entries of an array of numbers become Python objects when it is exact."""
    if array.dtype.kind in "Oc":
        return array.size
    flat = array.reshape(-1)
    blocks = (flat[i : i + _BLOCK] for i in range(0, flat.size, _BLOCK))
    if array.dtype.kind == "f":
        fits = all(np.all((x == np.rint(x)) & (np.abs(x) < 2**53)) for x in blocks)
    else:
        fits = array.dtype.kind != "u" or all(int(x.max()) < 2**63 for x in blocks)
    return 0 if fits else array.size


def check_file(path: str, fs: Sequence[Factorization]) -> None:
    """Refuses a file whose algorithms would take too long to verify.

    Raises:
      FileError: for a rank, a common denominator or an amount of work beyond the limits.
    """
    work = 0
    for f in fs:
        if f.rank > limits.MAX_RANK:
            raise FileError(f"{path}: rank {f.rank}: at most {limits.MAX_RANK}.")
        bits = 0 if f.ring.is_modular else _bits(path, f)
        terms = f.rank if f.is_real else 8 * f.rank
        # As many primes as `Factorization.verify` needs: each has half the bits of 2^53 / rank.
        primes = 1 if bits < 53 else 1 + bits // ((53 - f.rank.bit_length()) // 2 - 1)
        work += f.target.tensor.size * terms * primes
    if work > limits.MAX_WORK:
        raise FileError(f"{path}: verifying takes {work:.1e} steps: at most {limits.MAX_WORK:.1e}.")


def _bits(path: str, f: Factorization) -> int:
    """Returns a bound on the bits of the sums that decide whether `f` is exact."""
    largest, denominator = 1, 1
    for factor in f.factors:
        if factor.dtype != object:
            largest *= max(int(factor.max()), -int(factor.min()), 1)
            continue
        numbers = set(factor.flat)
        parts = {gaussian.real(x) for x in numbers} | {gaussian.imag(x) for x in numbers}
        largest *= 2 * max(math.ceil(abs(x)) for x in parts) or 1
        for d in {x.denominator for x in parts}:
            denominator = math.lcm(denominator, d)
            if denominator.bit_length() > limits.MAX_DENOMINATOR_BITS:
                raise FileError(
                    f"{path}: a common denominator of more than {limits.MAX_DENOMINATOR_BITS} bits."
                )
    return (largest * denominator**3 * f.rank).bit_length()
