"""The file that remembers which kernel was chosen for a shape on a device, and calibrations.

It is a JSON object. A key names the device, the versions and the shape (see `key`); its value holds
the fields of a `Choice`, or of a `Calibration` where the key is that of all shapes. The file is a
cache: whatever is wrong with it is named once, in a warning, and then counts as not there.
Processes that store at the same time lose nothing.
"""

import hashlib
import json
import math
import os
import pathlib
import re
import stat
import warnings
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import files, rings
from alphatensor.factorization import Factorization, from_arrays
from alphatensor.kernels import cost_model, schedules

CLEAR_GAIN = 1.03  # a kernel must be this much faster than jnp.dot, at the lower quartile
MAX_BYTES = 2**26  # of the file
MAX_LEVELS = 4
MAX_RANK = 3000  # of all levels together; 4x4x4 in 49, twice, has 2,401
MAX_SIZE = 64  # n, m, p of one level
MAX_ALGORITHMS = 1000  # of a calibration
ANY = "any"  # what stands for the shape in the key of a calibration
_NUMBER = re.compile(r"-?[0-9]{1,9}(/[1-9][0-9]{0,8})?")

_named: set[str] = set()  # files that a warning has named in this process
_kept: dict[tuple[str, str], "Choice | Calibration"] = {}  # those whose file could not be written


class Choice(NamedTuple):
    """What was found for one shape.

    Attributes:
      name: name of the candidate, or `dot` for `jnp.dot`.
      ratio: seconds of `jnp.dot` over seconds of the candidate; 1 for `dot`.
      levels: the candidate's factorizations, outermost first, each verified; () for `dot`.
      schedule: the candidate's schedule, as in `KernelConfig`; empty for `dot`.
    """

    name: str
    ratio: float
    levels: tuple[Factorization, ...]
    schedule: str


class Calibration(NamedTuple):
    """A cost model that was fitted on a device, for all shapes.

    Attributes:
      weights: what each field of `cost_model.Work` costs, up to a common factor.
      margin: the predicted gain above which a kernel is chosen.
      algorithms: those to choose from, each verified.
      measurements: the number of gains that were measured.
    """

    weights: cost_model.Weights
    margin: float
    algorithms: tuple[Factorization, ...]
    measurements: int


def default_path() -> pathlib.Path:
    """Returns $ALPHATENSOR_CACHE, or kernels.json in the user's cache ($XDG_CACHE_HOME)."""
    if given := os.environ.get("ALPHATENSOR_CACHE"):
        return pathlib.Path(given)
    folder = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(folder) / "alphatensor" / "kernels.json"


def key(
    shape: tuple[int, int, int] | None, dtype, precision: str = "None", accuracy: str = "fast"
) -> str:
    """Returns the key of a shape (N, M, P) and so on, on this device and version of JAX.

    That of all shapes, for a calibration, has the shape None.
    """
    sizes = (ANY,) if shape is None else map(int, shape)
    parts = (*_here(), *sizes, jnp.dtype(dtype).name, precision)
    # Versions up to 0.1 knew no accuracy; what they measured was fast.
    return " | ".join(map(str, parts if accuracy == "fast" else (*parts, accuracy)))


def read(path: pathlib.Path, key: str) -> Choice | Calibration | None:
    """Reads what a key has, its algorithms verified; None if there is nothing of this version.

    Calibrations of other devices and versions alone get a warning, once.
    """
    if kept := _kept.get((str(path), key)):
        return kept
    try:
        content = _content(path)
        if key in content:
            return _calibration(content[key]) if _is_of_all(key) else _choice(content[key])
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        _warn_once(path, f"ignored, since it cannot be used ({_reason(error)}).")
        return None
    known = [x for x in content if _is_of_all(x)]
    if known and _is_of_all(key) and not any(x.split(" | ")[:3] == [*_here()] for x in known):
        _warn_once(
            path,
            "its calibration is of another device or version of JAX and is ignored; "
            "alphatensor.autotune() makes one.",
        )
    return None


def _is_of_all(key: str) -> bool:
    return key.split(" | ")[3:4] == [ANY]


def store(path: pathlib.Path, key: str, found: Choice | Calibration) -> None:
    """Adds or replaces what was found for a key; makes the folder where there is none.

    A file that holds something else is set aside as NAME.damaged. Where the file cannot be written,
    a warning says so and it is kept for this process.
    """
    entry = found._asdict()
    if isinstance(found, Choice):  # `tile` lets versions up to 0.1 read the entry
        entry |= {"levels": [_as_lists(f) for f in found.levels], "tile": None}
    else:
        entry["algorithms"] = [_as_lists(f) for f in found.algorithms]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.locked(path.parent):
            try:
                content = _content(path)
            except (ValueError, RecursionError) as error:
                aside = path.with_name(path.name + ".damaged")
                path.replace(aside)
                warnings.warn(f"{path}: {_reason(error)}; set aside as {aside.name}.", stacklevel=3)
                content = {}
            files.write_text(path, json.dumps(content | {key: entry}))
        _kept.pop((str(path), key), None)
    except (OSError, files.FileError) as error:
        _kept[str(path), key] = found
        warnings.warn(
            f"{path}: cannot be written ({_reason(error)}); this is for this process only.",
            stacklevel=3,
        )


def _content(path: pathlib.Path) -> dict[str, Any]:
    """Reads all entries; {} where there is no file.

    Raises:
      OSError: it cannot be read.
      ValueError, RecursionError: it holds something else.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("no regular file")
    if status.st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    content = json.loads(path.read_text())
    if not isinstance(content, dict):
        raise ValueError("not a table")
    return content


def _choice(entry: dict) -> Choice | None:
    """Reads one entry; None for one of another version.

    Raises:
      ValueError, TypeError, LookupError: it is none, or an algorithm is not exact.
    """
    fields = dict(entry)
    # Versions up to 0.1 wrote a size of tiles, which no candidate had.
    if fields.pop("tile", None) is not None or fields.keys() - set(Choice._fields):
        return None
    choice = Choice(**fields)
    if not isinstance(choice.name, str) or choice.schedule not in ("", *schedules.SCHEDULES):
        raise ValueError("a name or a schedule that is none")
    if not _is_finite(choice.ratio):
        raise ValueError("a ratio that is no number")
    if not isinstance(choice.levels, list) or len(choice.levels) > MAX_LEVELS:
        raise ValueError("levels that are none")
    if bool(choice.levels) != bool(choice.schedule):
        raise ValueError("a schedule without levels, or levels without one")
    ranks = [len(level["u"][0]) for level in choice.levels]
    if math.prod(ranks) > MAX_RANK:
        raise ValueError(f"more than {MAX_RANK} multiplications")
    return choice._replace(levels=tuple(map(_from_lists, choice.levels)))


def _calibration(entry: dict) -> Calibration | None:
    """Reads one entry; None for one of another version. Errors are those of `_choice`."""
    if entry.keys() != set(Calibration._fields):
        return None
    found = Calibration(**entry)
    weights, algorithms = found.weights, found.algorithms
    if not isinstance(weights, list) or len(weights) != len(cost_model.Weights._fields):
        return None
    if not all(_is_finite(x) and x >= 0 for x in weights) or weights[0] <= 0:
        raise ValueError("costs that are none")
    if not _is_finite(found.margin) or found.margin < 1:
        raise ValueError("a margin that is none")
    if not isinstance(algorithms, list) or len(algorithms) > MAX_ALGORITHMS:
        raise ValueError("algorithms that are none")
    if any(len(f["u"][0]) > MAX_RANK for f in algorithms):
        raise ValueError(f"more than {MAX_RANK} multiplications")
    return found._replace(
        weights=cost_model.Weights(*weights), algorithms=tuple(map(_from_lists, algorithms))
    )


def _is_finite(x: Any) -> bool:
    return isinstance(x, int | float) and math.isfinite(x)


def _as_lists(f: Factorization) -> dict:
    factors = {name: [[str(x) for x in row] for row in getattr(f, name)] for name in "uvw"}
    return {"sizes": list(f.sizes)} | factors


def _from_lists(stored: dict) -> Factorization:
    """Reads one algorithm and verifies it; raises `ValueError`."""
    sizes = stored["sizes"]
    if len(sizes) != 3 or not all(type(x) is int and 1 <= x <= MAX_SIZE for x in sizes):
        raise ValueError("sizes that are none")
    u, v, w = (
        np.array([[_number(x) for x in row] for row in stored[name]], object) for name in "uvw"
    )
    f = from_arrays(tuple(sizes), rings.Integers(), u, v, w)
    if not (found := f.verify()).ok:
        raise ValueError(found.message)
    return f


def _number(text: str) -> Fraction:
    if not _NUMBER.fullmatch(text):
        raise ValueError("an entry that is no number")
    return Fraction(text)


def _warn_once(path: pathlib.Path, message: str) -> None:
    if str(path) not in _named:
        _named.add(str(path))
        warnings.warn(f"{path}: {message}", stacklevel=4)


def _reason(error: Exception) -> str:
    """Returns the first line of an error, shortened."""
    is_missing = isinstance(error, LookupError)
    text = f"no {error}" if is_missing else getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0][:200]


def _here() -> tuple[str, str, str]:
    """Returns what names this device and version of JAX in a key."""
    return jax.devices()[0].device_kind, _machine(), jax.__version__


def _machine() -> str:
    """Tells CPUs of one kind name apart by their number of cores, model and flags."""
    if jax.default_backend() != "cpu":
        return str(jax.local_device_count())
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        lines = {x for x in text.splitlines() if x.startswith(("model name", "flags"))}
    except OSError:
        lines = set()
    digest = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:8]
    return f"{os.cpu_count()} {digest}"
