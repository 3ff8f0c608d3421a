"""The project's own `.npz`: several factorizations of one target, ring and rank, kept exactly.

Members of the archive, for K factorizations of rank R:

  alphatensor_version   integer, the version of this format
  target                text, the target's name, such as `2x2x3` or `skew4`
  ring                  text, `Z` (which includes fractions), `Z2`, `Z3`, ...
  provenance            K texts, each a JSON object
  u, v, w               integers (K, S_u, R), (K, S_v, R), (K, S_w, R); the smallest dtype that
                        holds them, decimal text beyond int64
  u_denominator, ...    positive integers of the same shape, where a factor has fractions
  tensor                integers (S_u, S_v, S_w), for targets that their name does not define
"""

import json
import re
from fractions import Fraction

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization, matmul_target
from alphatensor.factorization.io.parsing import FileError, build, sizes

VERSION_MEMBER = "alphatensor_version"
FORMAT_VERSION = 1
_NAMED = re.compile(r"(skew[2-9]|cyclic[1-9]|(skew|cyclic)[1-9]\d)")  # made by their names


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
    if first.sizes is None and not _NAMED.fullmatch(first.target.name):
        arrays["tensor"] = _smallest(first.target.tensor)
    for name in "uvw":
        stacked = np.stack([getattr(f, name) for f in fs])
        if stacked.dtype == object:
            pairs = [(Fraction(x).numerator, Fraction(x).denominator) for x in stacked.flat]
            top, bottom = (
                np.array(x, object).reshape(stacked.shape) for x in zip(*pairs, strict=True)
            )
            arrays[name] = _smallest(top)
            arrays[f"{name}_denominator"] = _smallest(bottom)
        else:
            arrays[name] = _smallest(stacked)
    return arrays


def parse(path: str, arrays: dict[str, np.ndarray]) -> list[Factorization]:
    """Makes the factorizations that the members of the archive at `path` describe."""
    missing = {"target", "ring", "provenance", "u", "v", "w"} - arrays.keys()
    if missing:
        raise FileError(f"{path}: entry {min(missing)!r} is missing.")
    version = arrays[VERSION_MEMBER]
    if version.shape or version != FORMAT_VERSION:
        raise FileError(f"{path}: format version is not {FORMAT_VERSION}, the one this code reads.")
    try:
        ring = rings.parse(str(arrays["ring"]))
        provenance = [json.loads(str(text)) for text in arrays["provenance"].flat]
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    target = _target(path, arrays)
    factors = [_factor(path, arrays, key, len(provenance)) for key in "uvw"]
    return [
        build(path, f"entry {i}", target, ring, (u, v, w), p if isinstance(p, dict) else {})
        for i, (u, v, w, p) in enumerate(zip(*factors, provenance, strict=True))
    ]


def _target(path: str, arrays: dict[str, np.ndarray]) -> targets.Target:
    name = str(arrays["target"]) if not arrays["target"].shape else ""
    if _NAMED.fullmatch(name):
        return targets.parse(name)
    if "tensor" not in arrays:
        return matmul_target(*sizes(name.split("x"), path, "target"))
    tensor = _integers(arrays["tensor"], f"{path}: entry 'tensor'")
    if tensor.ndim != 3 or tensor.dtype == object or not tensor.size:
        raise FileError(f"{path}: entry 'tensor': expected a 3-D integer array.")
    return targets.Target(name, tensor.astype(np.int32))


def _factor(path: str, arrays: dict[str, np.ndarray], key: str, count: int) -> np.ndarray:
    """Returns one of u, v, w of all factorizations, with its denominators."""
    factor = _integers(arrays[key], f"{path}: entry {key!r}")
    if factor.ndim != 3 or len(factor) != count:
        raise FileError(f"{path}: entry {key!r}: shape {factor.shape} does not fit the file.")
    below = arrays.get(f"{key}_denominator")
    if below is None:
        return factor
    below = _integers(below, f"{path}: entry '{key}_denominator'")
    if below.shape != factor.shape or not np.all(below > 0):
        raise FileError(f"{path}: entry '{key}_denominator': expected positive integers.")
    pairs = zip(factor.flat, below.flat, strict=True)
    flat = np.empty(factor.size, object)
    flat[:] = [Fraction(int(a), int(b)) for a, b in pairs]
    return flat.reshape(factor.shape)


def _smallest(x: np.ndarray) -> np.ndarray:
    """Returns the integers in the smallest integer dtype, or as decimal text beyond int64."""
    low, high = int(x.min()), int(x.max())
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return x.astype(dtype)
    return np.array([str(i) for i in x.flat]).reshape(x.shape)


def _integers(x: np.ndarray, where: str) -> np.ndarray:
    if x.dtype.kind == "U":
        if not all(re.fullmatch(r"-?\d{1,4000}", s) for s in x.flat):
            raise FileError(f"{where}: expected decimal integers.")
        flat = np.empty(x.size, object)
        flat[:] = [int(s) for s in x.flat]
        return flat.reshape(x.shape)
    if x.dtype.kind != "i":
        raise FileError(f"{where}: dtype {x.dtype}: expected integers.")
    return x
