"""The file that remembers which kernel was chosen for a shape on a device.

It is a JSON object. A key names the device, the versions and the shape (see `key`); its value holds
the fields of a `Choice`. The file is a cache: whatever is wrong with it is named once, in a
warning, and then counts as not there. Processes that store at the same time lose nothing.
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
from alphatensor.kernels import schedules

MAX_BYTES = 2**26  # of the file
MAX_LEVELS = 4
MAX_RANK = 3000  # of all levels together; 4x4x4 in 49, twice, has 2,401
MAX_SIZE = 64  # n, m, p of one level
_NUMBER = re.compile(r"-?[0-9]{1,9}(/[1-9][0-9]{0,8})?")

_named: set[str] = set()  # files that a warning has named in this process
_kept: dict[tuple[str, str], "Choice"] = {}  # choices whose file could not be written


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


def default_path() -> pathlib.Path:
    """Returns $ALPHATENSOR_CACHE, or kernels.json in the user's cache ($XDG_CACHE_HOME)."""
    if given := os.environ.get("ALPHATENSOR_CACHE"):
        return pathlib.Path(given)
    folder = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(folder) / "alphatensor" / "kernels.json"


def key(shape: tuple[int, int, int], dtype, precision: str = "None", accuracy: str = "fast") -> str:
    """Returns the key of a shape (N, M, P) and so on, on this device and version of JAX."""
    kind = jax.devices()[0].device_kind
    parts = (kind, _machine(), jax.__version__, *map(int, shape), jnp.dtype(dtype).name, precision)
    # Versions up to 0.1 knew no accuracy; what they measured was fast.
    return " | ".join(map(str, parts if accuracy == "fast" else (*parts, accuracy)))


def read(path: pathlib.Path, key: str) -> Choice | None:
    """Reads the choice of a key, its algorithms verified; None if there is none of this version."""
    if kept := _kept.get((str(path), key)):
        return kept
    try:
        content = _content(path)
        return _choice(content[key]) if key in content else None
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        _warn_once(path, f"ignored, since it cannot be used ({_reason(error)}).")
        return None


def store(path: pathlib.Path, key: str, choice: Choice) -> None:
    """Adds or replaces the choice of a key; makes the folder where there is none.

    A file that holds something else is set aside as NAME.damaged. Where the file cannot be written,
    a warning says so and the choice is kept for this process.
    """
    # `tile` lets versions up to 0.1 read the entry.
    entry = choice._asdict() | {"levels": [_as_lists(f) for f in choice.levels], "tile": None}
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
        _kept[str(path), key] = choice
        warnings.warn(
            f"{path}: cannot be written ({_reason(error)}); this choice is for this process only.",
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
    if not isinstance(choice.ratio, int | float) or not math.isfinite(choice.ratio):
        raise ValueError("a ratio that is no number")
    if not isinstance(choice.levels, list) or len(choice.levels) > MAX_LEVELS:
        raise ValueError("levels that are none")
    if bool(choice.levels) != bool(choice.schedule):
        raise ValueError("a schedule without levels, or levels without one")
    ranks = [len(level["u"][0]) for level in choice.levels]
    if math.prod(ranks) > MAX_RANK:
        raise ValueError(f"more than {MAX_RANK} multiplications")
    return choice._replace(levels=tuple(map(_from_lists, choice.levels)))


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
