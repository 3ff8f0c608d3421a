"""The project's own `.npz`: several factorizations of one target, ring and rank, kept exactly.

Members of the archive, for K factorizations of rank R:

  alphatensor_version   integer, the version of this format
  target                text, the target's name, such as `2x2x3` or `skew4`; a name that defines
                        a tensor always means that tensor
  ring                  text, `Z` (which includes fractions), `Z2`, `Z3`, ...
  provenance            K texts, each a JSON object
  u, v, w               integers (K, S_u, R), (K, S_v, R), (K, S_w, R); the smallest dtype that
                        holds them, decimal text beyond int64
  u_denominator, ...    positive integers of the same shape, where a factor has fractions
  u_imaginary, ...      integers of the same shape, where a factor has Gaussian numbers, which are
                        (u + i u_imaginary) / u_denominator
  tensor                integers (S_u, S_v, S_w), for targets that their name does not define
"""

import json
import math
import re
from fractions import Fraction

import numpy as np

from alphatensor import limits, rings, targets
from alphatensor.factorization import gaussian
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import parsing
from alphatensor.files import FileError

VERSION_MEMBER = "alphatensor_version"
FORMAT_VERSION = 1
_INTEGER = re.compile(rf"-?[0-9]{{1,{limits.MAX_DIGITS}}}")


def arrays_of(path: str, fs: list[Factorization]) -> dict[str, np.ndarray]:
    """Returns the members of the archive at `path` that holds the factorizations."""
    first = fs[0]
    if any(f.target.name != first.target.name or f.ring != first.ring for f in fs):
        raise FileError(f"{path}: several targets or rings: a file holds one of each.")
    if any(f.rank != first.rank for f in fs):
        raise FileError(f"{path}: several ranks: a file holds one.")
    arrays = {
        VERSION_MEMBER: np.array(FORMAT_VERSION),
        "target": np.array(first.target.name),
        "ring": np.array(first.ring.name),
        "provenance": np.array([json.dumps(dict(f.provenance), default=str) for f in fs]),
    }
    if not first.target.is_known:
        if targets.means_known(first.target.name):
            raise FileError(f"{path}: target {first.target.title}: named as a known one.")
        arrays["tensor"] = _smallest(first.target.tensor)
    for name in "uvw":
        stacked = np.stack([getattr(f, name) for f in fs])
        if stacked.dtype == object:
            top, above, bottom = (
                np.array(x, object).reshape(stacked.shape)
                for x in zip(*map(_split, stacked.flat), strict=True)
            )
            arrays[name] = _smallest(top)
            arrays[f"{name}_denominator"] = _smallest(bottom)
            if above.any():
                arrays[f"{name}_imaginary"] = _smallest(above)
        else:
            arrays[name] = _smallest(stacked)
    return arrays


def _split(x) -> tuple[int, int, int]:
    """Returns a, b, d with x = (a + i b) / d."""
    a, b = gaussian.real(x), gaussian.imag(x)
    d = math.lcm(a.denominator, b.denominator)
    return int(a * d), int(b * d), d


def parse(path: str, arrays: dict[str, np.ndarray]) -> list[Factorization]:
    """Makes the factorizations that the members of the archive at `path` describe."""
    missing = {"target", "ring", "provenance", "u", "v", "w"} - arrays.keys()
    if missing:
        raise FileError(f"{path}: entry {min(missing)!r} is missing.")
    version = arrays[VERSION_MEMBER]
    if version.shape or version != FORMAT_VERSION:
        raise FileError(f"{path}: format version is not {FORMAT_VERSION}, the one this code reads.")
    try:
        ring = rings.parse(_text(path, arrays, "ring"))
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    texts = arrays["provenance"]
    if texts.dtype.kind != "U" or texts.ndim != 1 or texts.size > limits.MAX_FACTORIZATIONS:
        most = limits.MAX_FACTORIZATIONS
        raise FileError(f"{path}: entry 'provenance': expected at most {most} texts in a row.")
    provenance = parsing.provenance(texts.tolist(), path)
    parsing.check_exact(path, sum(arrays[x].size for x in "uvw" if f"{x}_denominator" in arrays))
    factors = [_factor(path, arrays, key, len(provenance)) for key in "uvw"]
    target = _target(path, arrays, factors)
    return [
        parsing.build(path, f"entry {i}", target, ring, (u, v, w), p)
        for i, (u, v, w, p) in enumerate(zip(*factors, provenance, strict=True))
    ]


def _text(path: str, arrays: dict[str, np.ndarray], key: str) -> str:
    text = arrays[key]
    if text.dtype.kind != "U" or text.shape:
        raise FileError(f"{path}: entry {key!r}: expected a text.")
    return parsing.label(str(text), f"{path}: entry {key!r}")


def _target(path: str, arrays: dict[str, np.ndarray], factors: list[np.ndarray]) -> targets.Target:
    """Returns the target that the file's name of it defines, or the tensor under another name."""
    name = _text(path, arrays, "target")
    if not targets.means_known(name):
        if "tensor" not in arrays:
            raise FileError(f"{path}: entry 'target': no target {name!r}, and no entry 'tensor'.")
        return targets.own(name, arrays["tensor"], f"{path}: entry 'tensor'")
    if re.fullmatch("[0-9x]+", name):
        sizes = parsing.sizes(name.split("x"), path, "target")
        target = parsing.matmul(path, "u, v, w", sizes, [x[0] for x in factors])
    else:
        try:
            target = targets.named(name)
        except ValueError as error:
            raise FileError(f"{path}: {error}") from None
    if "tensor" in arrays and not np.array_equal(arrays["tensor"], target.tensor):
        raise FileError(f"{path}: entry 'tensor': not the tensor of {target.name}.")
    return target


def _factor(path: str, arrays: dict[str, np.ndarray], key: str, count: int) -> np.ndarray:
    """Returns one of u, v, w of all factorizations, with its denominators."""
    factor = _integers(arrays[key], f"{path}: entry {key!r}")
    if factor.ndim != 3 or not len(factor) == count > 0:
        raise FileError(f"{path}: entry {key!r}: shape {factor.shape} does not fit the file.")
    below = arrays.get(f"{key}_denominator")
    if below is None:
        return factor
    below = _integers(below, f"{path}: entry '{key}_denominator'")
    if below.shape != factor.shape or not np.all(below > 0):
        raise FileError(f"{path}: entry '{key}_denominator': expected positive integers.")
    reals = _quotients(factor, below)
    if f"{key}_imaginary" not in arrays:
        return reals
    above = _integers(arrays[f"{key}_imaginary"], f"{path}: entry '{key}_imaginary'")
    if above.shape != factor.shape:
        raise FileError(f"{path}: entry '{key}_imaginary': shape {above.shape} does not fit.")
    return gaussian.join(reals, _quotients(above, below))


def _quotients(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    pairs = zip(above.flat, below.flat, strict=True)
    flat = np.empty(above.size, object)
    flat[:] = [int(a) if b == 1 else Fraction(int(a), int(b)) for a, b in pairs]
    return flat.reshape(above.shape)


def _smallest(x: np.ndarray) -> np.ndarray:
    """Returns the integers in the smallest integer dtype, or as decimal text beyond int64."""
    low, high = int(x.min()), int(x.max())
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return x.astype(dtype)
    return np.array([str(i) for i in x.flat]).reshape(x.shape)


def _integers(x: np.ndarray, where: str) -> np.ndarray:
    if x.dtype.kind == "U":
        if x.dtype.itemsize > 8 * limits.MAX_DIGITS or not all(map(_INTEGER.fullmatch, x.flat)):
            most = limits.MAX_DIGITS
            raise FileError(f"{where}: expected decimal integers of at most {most} digits.")
        flat = np.empty(x.size, object)
        flat[:] = [int(s) for s in x.flat]
        return flat.reshape(x.shape)
    if x.dtype.kind != "i":
        raise FileError(f"{where}: dtype {x.dtype}: expected integers.")
    return x
