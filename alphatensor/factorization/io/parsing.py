"""What all readers share: errors that name the file, and checked numbers, sizes, factorizations."""

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization

MAX_SIZE = 64  # of n, m, p in a file


class FileError(ValueError):
    """A file that cannot be used: one line that names the file, the entry and the reason."""


def build(
    path: str,
    entry: str,
    target: targets.Target,
    ring: rings.Ring,
    factors: Iterable,
    provenance: Mapping[str, Any],
) -> Factorization:
    """Makes a `Factorization` whose errors are `FileError`s with the file and the entry."""
    try:
        return Factorization(target, ring, *factors, provenance)
    except ValueError as error:
        raise FileError(f"{path}: {entry}: {error}") from None


def number(x: Any, where: str) -> int | Fraction:
    """Reads an exact number from an int, a float, or text such as `'-1/2'`.

    Args:
      x: floats must be the nearest one to a fraction with a denominator of at most 1000.
      where: the file and the entry, for errors.
    """
    if isinstance(x, int) and not isinstance(x, bool):
        return x
    if isinstance(x, float) and x.is_integer():
        return int(x)
    if isinstance(x, float) and math.isfinite(x):
        simple = Fraction(x).limit_denominator(1000)
        if float(simple) == x:
            return simple
    if isinstance(x, str) and re.fullmatch(r"\s*[-+]?\d{1,1000}(/0*[1-9]\d{0,999})?\s*", x):
        return Fraction(x)
    raise FileError(f"{where} is {x!r:.40}: expected an integer or a simple fraction.")


def sizes(parts: Iterable, path: str, entry: str) -> targets.Sizes:
    """Reads n, m, p from numbers or texts, and refuses those whose tensor is too large."""
    texts = [str(part).strip() for part in parts]
    if len(texts) != 3 or not all(re.fullmatch(r"\d{1,9}", t) for t in texts):
        raise FileError(f"{path}: entry {entry!r}: expected three sizes, got {','.join(texts)!r}.")
    n, m, p = map(int, texts)
    entries = (n * m) * (m * p) * (p * n)
    if not all(1 <= s <= MAX_SIZE for s in (n, m, p)) or entries > targets.MAX_TENSOR_ENTRIES:
        raise FileError(f"{path}: entry {entry!r}: sizes {n}x{m}x{p} are out of range.")
    return n, m, p
