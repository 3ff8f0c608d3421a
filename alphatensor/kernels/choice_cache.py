"""The file that remembers which kernel was chosen for a shape on a device.

It is a JSON object. A key names the device, the versions and the shape (see `key`); its value holds
the fields of a `Choice`.
"""

import hashlib
import json
import os
import pathlib
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor import files


class Choice(NamedTuple):
    """What was found for one shape.

    Attributes:
      name: name of the candidate, or `dot` for `jnp.dot`.
      ratio: seconds of `jnp.dot` over seconds of the candidate; 1 for `dot`.
      levels: the candidate's factorizations, outermost first: a dictionary of `sizes` and the
        factors `u`, `v`, `w`, with every entry as text.
      schedule: the candidate's schedule, as in `KernelConfig`; empty for `dot`.
    """

    name: str
    ratio: float
    levels: tuple
    schedule: str


def default_path() -> pathlib.Path:
    """Returns $ALPHATENSOR_CACHE, or kernels.json in the user's cache ($XDG_CACHE_HOME)."""
    if given := os.environ.get("ALPHATENSOR_CACHE"):
        return pathlib.Path(given)
    folder = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(folder) / "alphatensor" / "kernels.json"


def key(shape: tuple[int, int, int], dtype, precision=None) -> str:
    """Returns the key of a shape (N, M, P), a dtype and a precision on this device and JAX."""
    kind = jax.devices()[0].device_kind
    parts = (kind, _machine(), jax.__version__, *map(int, shape), jnp.dtype(dtype).name, precision)
    return " | ".join(map(str, parts))


def read(path: pathlib.Path, key: str) -> Choice | None:
    """Reads the choice of a key; None if there is none that this version understands."""
    try:
        fields = dict(_read_all(path)[key])
        # Versions up to 0.1 wrote a size of tiles, which no candidate had.
        return Choice(**fields) if fields.pop("tile", None) is None else None
    except (KeyError, TypeError, ValueError):
        return None


def store(path: pathlib.Path, key: str, choice: Choice) -> None:
    """Adds or replaces the choice of a key; makes the folder where there is none.

    Raises:
      OSError: if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # `tile` lets versions up to 0.1 read the entry.
    content = _read_all(path) | {key: choice._asdict() | {"tile": None}}
    files.write_text(path, json.dumps(content))


def _read_all(path: pathlib.Path) -> dict:
    try:
        stored = json.loads(path.read_text())
        if isinstance(stored, dict):
            return stored
        raise ValueError("not a table")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warnings.warn(f"{path}: ignored, since it cannot be read ({error}).", stacklevel=4)
        return {}


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
