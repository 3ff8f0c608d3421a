"""Reads and writes factorisations: the project's `.npz` and the field's public formats.

Read (told apart by suffix and content):
  `.npz` of this project; `.npz` of the published AlphaTensor data (a member `'n,m,p'` for each
  format with (u, v, w), object arrays allowed, or one array `factorizations` of shape
  (N, R, 3, S) or (N, 3, S, R) for a square format); `.json` of the FastMatrixMultiplication
  collection; `_L.sms`, `_R.sms`, `_P.sms` triples of PLinOpt (any one of the three is named).
Written: the project's `.npz`, `'.alphatensor.npz'`, `.json`, `_L.sms` (with its two neighbours).
Every file is written under a temporary name in its folder and renamed.
"""

import json
import math
import os
import pathlib
import re
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization, exact_array, matmul_target
from alphatensor.factorization.io import npz, sms
from alphatensor.factorization.io.npz import FileError

FORMAT_VERSION = 1
MAX_JSON_BYTES = 2**28
MAX_SIZE = 64  # of n, m, p in a file
_NAMED = re.compile(r"(skew[2-9]|cyclic[1-9]|(skew|cyclic)[1-9]\d)")  # made by their names


def load(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Factorization]:
    """Reads every factorisation in a file; none of them is verified yet.

    Args:
      path: the file; its suffix says which family of formats it belongs to.
      ring: the ring of a file that does not say it (published `.npz`, `.sms`). By default a
        published `.npz` is read over the integers.

    Raises:
      FileError: one line with the file, the entry and the reason.
    """
    path = os.fspath(path)
    suffix = pathlib.PurePath(path).suffix
    if suffix == ".json":
        return [_load_json(path)]
    if suffix == ".sms":
        return [sms.load(path, ring or rings.Integers())]
    if suffix != ".npz":
        raise FileError(f"{path}: suffix {suffix!r}: expected .npz, .json or .sms.")
    arrays = npz.read(path)
    if "alphatensor_version" in arrays:
        return _load_own(path, arrays)
    return _load_published(path, arrays, ring or rings.Integers())


def save(path: str | os.PathLike, f: Factorization | Sequence[Factorization]) -> None:
    """Writes one factorisation, or several of one target and ring, in the format of the suffix.

    `.npz` keeps everything, exactly; `.alphatensor.npz` is the published layout; `.json` and
    `_L.sms` hold one matrix multiplication each.

    Raises:
      FileError: for a suffix or content that the format cannot hold, or a folder that is missing.
    """
    path = os.fspath(path)
    fs = [f] if isinstance(f, Factorization) else list(f)
    if not fs:
        raise FileError(f"{path}: nothing to write.")
    name = pathlib.PurePath(path).name
    if name.endswith(".alphatensor.npz"):
        _write(path, lambda file: _save_published(file, path, fs))
    elif name.endswith(".npz"):
        arrays = _own_arrays(path, fs)
        _write(path, lambda file: np.savez_compressed(file, **arrays))
    elif name.endswith(".json"):
        text = _json_text(path, _single(path, fs))
        _write(path, lambda file: file.write(text.encode()))
    elif name.endswith(".sms"):
        for part, text in sms.texts(path, _single(path, fs)).items():
            _write(part, lambda file, text=text: file.write(text.encode()))
    else:
        raise FileError(f"{path}: unknown suffix: expected .npz, .alphatensor.npz, .json or .sms.")


def _write(path: str, write: Callable) -> None:
    folder = os.path.dirname(path) or "."
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=folder)
    except OSError as error:
        raise FileError(f"{path}: cannot write there ({error.strerror}).") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise FileError(f"{path}: cannot write there ({error.strerror}).") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file whole or not at all. Raises `FileError`."""
    _write(os.fspath(path), lambda file: file.write(text.encode()))


def write_with(path: str | os.PathLike, write: Callable) -> None:
    """Calls `write(binary file)`; the file appears at `path` whole or not at all."""
    _write(os.fspath(path), write)


def _single(path: str, fs: list[Factorization]) -> Factorization:
    if len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: this format holds one.")
    if fs[0].sizes is None:
        raise FileError(f"{path}: target {fs[0].target.name}: this format holds matrix products.")
    return fs[0]


# The project's own format.


def _own_arrays(path: str, fs: list[Factorization]) -> dict[str, np.ndarray]:
    first = fs[0]
    if any(f.target.name != first.target.name or f.ring != first.ring for f in fs):
        raise FileError(f"{path}: several targets or rings: a file holds one of each.")
    if any(f.rank != first.rank for f in fs):
        raise FileError(f"{path}: several ranks: a file holds one.")
    arrays = {
        "alphatensor_version": np.array(FORMAT_VERSION),
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


def _smallest(x: np.ndarray) -> np.ndarray:
    """The same integers in the smallest integer dtype, or as decimal text beyond int64."""
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


def _load_own(path: str, arrays: dict[str, np.ndarray]) -> list[Factorization]:
    missing = {"target", "ring", "provenance", "u", "v", "w"} - arrays.keys()
    if missing:
        raise FileError(f"{path}: entry {min(missing)!r} is missing.")
    if arrays["alphatensor_version"].shape or arrays["alphatensor_version"] != FORMAT_VERSION:
        raise FileError(f"{path}: format version is not {FORMAT_VERSION}, the one this code reads.")
    name = str(arrays["target"]) if not arrays["target"].shape else ""
    try:
        ring = rings.parse(str(arrays["ring"]))
        provenance = [json.loads(str(text)) for text in arrays["provenance"].flat]
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    if _NAMED.fullmatch(name):
        target = targets.parse(name)
    elif "tensor" in arrays:
        tensor = _integers(arrays["tensor"], f"{path}: entry 'tensor'")
        if tensor.ndim != 3 or tensor.dtype == object or not tensor.size:
            raise FileError(f"{path}: entry 'tensor': expected a 3-D integer array.")
        target = targets.Target(name, tensor.astype(np.int32))
    else:
        target = matmul_target(*_sizes(name.split("x"), path, "target"))
    factors = []
    for key in "uvw":
        factor = _integers(arrays[key], f"{path}: entry {key!r}")
        if factor.ndim != 3 or len(factor) != len(provenance):
            raise FileError(f"{path}: entry {key!r}: shape {factor.shape} does not fit the file.")
        below = arrays.get(f"{key}_denominator")
        if below is not None:
            below = _integers(below, f"{path}: entry '{key}_denominator'")
            if below.shape != factor.shape or not np.all(below > 0):
                raise FileError(f"{path}: entry '{key}_denominator': expected positive integers.")
            pairs = zip(factor.flat, below.flat, strict=True)
            flat = np.empty(factor.size, object)
            flat[:] = [Fraction(int(a), int(b)) for a, b in pairs]
            factor = flat.reshape(factor.shape)
        factors.append(factor)
    return [
        build(path, f"entry {i}", target, ring, (u, v, w), p if isinstance(p, dict) else {})
        for i, (u, v, w, p) in enumerate(zip(*factors, provenance, strict=True))
    ]


def build(path, entry, target, ring, factors, provenance) -> Factorization:
    """A `Factorization` whose errors name the file and the entry."""
    try:
        return Factorization(target, ring, *factors, provenance)
    except ValueError as error:
        raise FileError(f"{path}: {entry}: {error}") from None


def _sizes(parts, path: str, entry: str) -> tuple[int, int, int]:
    texts = [str(part).strip() for part in parts]
    if len(texts) != 3 or not all(re.fullmatch(r"\d{1,9}", t) for t in texts):
        raise FileError(f"{path}: entry {entry!r}: expected three sizes, got {','.join(texts)!r}.")
    n, m, p = map(int, texts)
    if not all(1 <= s <= MAX_SIZE for s in (n, m, p)) or n * m * m * p * p * n > 2e8:
        raise FileError(f"{path}: entry {entry!r}: sizes {n}x{m}x{p} are out of range.")
    return n, m, p


# The published AlphaTensor layout.


def _load_published(path: str, arrays, ring: rings.Ring) -> list[Factorization]:
    found = []
    for key, array in arrays.items():
        where = f"entry {key!r}"
        if key == "factorizations":
            found.extend(_load_stack(path, array, ring))
            continue
        sizes = _sizes(key.split(","), path, key)
        if array.shape[:1] != (3,) or (array.dtype == object and array.ndim not in (1, 3)):
            raise FileError(f"{path}: {where}: shape {array.shape}: expected matrices u, v, w.")
        if (
            array.dtype == object
            and array.ndim == 1
            and not all(isinstance(factor, np.ndarray) for factor in array)
        ):
            raise FileError(f"{path}: {where}: expected three matrices u, v, w.")
        source = {"method": "file", "file": os.path.basename(path), "entry": key}
        found.append(build(path, where, matmul_target(*sizes), ring, tuple(array), source))
    return found


def _load_stack(path: str, array: np.ndarray, ring: rings.Ring) -> list[Factorization]:
    """`factorizations`: (N, R, 3, S) or (N, 3, S, R), of a square format with S = n²."""
    if array.ndim == 4 and array.shape[2] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise FileError(
            f"{path}: entry 'factorizations': {array.dtype} of shape {array.shape}: expected "
            "numbers of shape (N, R, 3, S) or (N, 3, S, R)."
        )
    n = math.isqrt(array.shape[2])
    if n * n != array.shape[2]:
        raise FileError(f"{path}: entry 'factorizations': {array.shape[2]} is not a square.")
    target = matmul_target(*_sizes((n, n, n), path, "factorizations"))
    try:
        array = exact_array(array, "factorizations")
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None
    return [
        build(path, f"factorization {i}", target, ring, tuple(uvw), {"method": "file", "entry": i})
        for i, uvw in enumerate(array)
    ]


def _save_published(file, path: str, fs: list[Factorization]) -> None:
    arrays = {}
    for f in fs:
        if f.sizes is None or not f.is_integral:
            raise FileError(f"{path}: this layout holds integer matrix multiplications only.")
        key = ",".join(map(str, f.sizes))
        if key in arrays:
            raise FileError(f"{path}: two factorisations of {key}: this layout holds one.")
        arrays[key] = np.empty(3, object)
        arrays[key][:] = list(f.factors)
    np.savez_compressed(file, **arrays)


# The JSON of the FastMatrixMultiplication collection: a row for each multiplication.


def _load_json(path: str) -> Factorization:
    data = _read_json(path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: expected an object with n, m, u, v, w.")
    sizes = data.get("n")
    if not isinstance(sizes, list):
        raise FileError(f"{path}: field 'n': expected three sizes.")
    target = matmul_target(*_sizes(sizes, path, "n"))
    ring = rings.IntegersMod(2) if data.get("z2") is True else rings.Integers()
    factors = [_json_matrix(data.get(name), path, name).T for name in "uvw"]
    source = {"method": "file", "file": os.path.basename(path)}
    f = build(path, "u, v, w", target, ring, factors, source)
    if data.get("m", f.rank) != f.rank:
        raise FileError(f"{path}: field 'm' is {data['m']!r:.40}, but u has {f.rank} rows.")
    return f


def _read_json(path: str):
    try:
        if os.path.getsize(path) > MAX_JSON_BYTES:
            raise FileError(f"{path}: larger than {MAX_JSON_BYTES} bytes.")
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: not JSON ({' '.join(str(error).split())[:100]}).") from None


def _json_matrix(rows, path: str, name: str) -> np.ndarray:
    where = f"{path}: field {name!r}"
    if not isinstance(rows, list) or not rows or not all(isinstance(r, list) for r in rows):
        raise FileError(f"{where}: expected a list of rows.")
    if len({len(r) for r in rows}) != 1:
        raise FileError(f"{where}: rows of different lengths.")
    matrix = np.empty((len(rows), len(rows[0])), object)
    for (i, j), _ in np.ndenumerate(matrix):
        matrix[i, j] = sms.number(rows[i][j], f"{where}: row {i}, column {j}")
    return matrix


def _json_text(path: str, f: Factorization) -> str:
    if f.domain not in ("Z", "Z2", "Q"):
        raise FileError(f"{path}: ring {f.ring}: this format holds Z, Q and Z2.")
    fields = {"n": json.dumps(f.sizes), "m": str(f.rank), "z2": json.dumps(f.ring.modulus == 2)}
    for name, factor in zip("uvw", f.factors, strict=True):
        rows = [[x if isinstance(x, int) else str(x) for x in row] for row in factor.T.tolist()]
        fields[name] = "[\n    " + ",\n    ".join(map(json.dumps, rows)) + "\n  ]"
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in fields.items()) + "\n}\n"
