"""A folder of factorisations: the best one for each format and domain, with an index.

Files are named `3x3x4_Z.npz`, `4x4x4_Z2.npz`, `2x2x2_Q.npz`; matrix products are kept with
n ≤ m ≤ p, from which every other order follows exactly. `index.json` repeats rank, provenance and
costs, so that a table needs no arrays. Everything in the folder can be rebuilt from its `.npz`.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
from typing import Any, NamedTuple

from alphatensor import rings
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import costs
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import exchange
from alphatensor.factorization.io.npz import FileError

INDEX = "index.json"


class Added(NamedTuple):
    """What `add` did: whether the factorisation was kept, and one line that says why."""

    kept: bool
    message: str


def add(folder: str | os.PathLike, f: Factorization, replace_equal: bool = False) -> Added:
    """Verifies `f` and keeps it if it beats what the folder has for its format and domain.

    Better means a smaller rank, then (only if `replace_equal`) fewer non-zeros. The file and the
    index are replaced atomically, under a lock; a damaged file is replaced and named.

    Raises:
      ValueError: if `f` is not exact.
      FileError: if the folder cannot be written.
    """
    folder = pathlib.Path(folder)
    check = f.verify()
    if not check.ok:
        raise ValueError(check.message)
    f = standard_order(f)
    path = folder / file_name(f)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made ({error.strerror}).") from None
    with _locked(folder):
        note = ""
        if path.exists():
            try:
                old = _load_checked(path)
                if (f.rank, _nonzeros(f) if replace_equal else 0) >= (
                    old.rank,
                    _nonzeros(old) if replace_equal else 0,
                ):
                    return Added(False, f"{path}: kept rank {old.rank}, given rank {f.rank}.")
                note = f" (was {old.rank})"
            except FileError as error:
                note = f" (replaced a damaged file: {error})"
        exchange.save(path, f)
        index = _read_index(folder)
        index[path.stem] = entry(f)
        _write_index(folder, index)
    return Added(True, f"{path}: rank {f.rank}{note}.")


def best(
    folder: str | os.PathLike, sizes: tuple[int, int, int] | str, ring: rings.Ring | str = "Z"
) -> Factorization | None:
    """The folder's factorisation of a format in exactly the order asked for, or None.

    Args:
      sizes: (n, m, p) in any order, or the name of another target, such as `'skew4'`.
      ring: a ring or its name; `'Q'` for one with fractions.

    Raises:
      FileError: for a damaged file, in one line.
    """
    name = ring if isinstance(ring, str) else ring.name
    stem = sizes if isinstance(sizes, str) else "x".join(map(str, sorted(sizes)))
    path = pathlib.Path(folder) / f"{stem}_{name}.npz"
    if not path.exists():
        return None
    f = _load_checked(path)
    return f if f.sizes is None else transforms.permute_sizes(f, tuple(sizes))


def index(folder: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """The index: `'3x3x4_Z'` → rank, domain, provenance, costs. Raises `FileError` if damaged."""
    return _read_index(pathlib.Path(folder))


def reindex(folder: str | os.PathLike) -> list[str]:
    """Rebuilds the index from the files; returns one line for each file that is damaged."""
    folder = pathlib.Path(folder)
    problems, entries = [], {}
    with _locked(folder):
        for path in sorted(folder.glob("*.npz")):
            try:
                entries[path.stem] = entry(_load_checked(path))
            except FileError as error:
                problems.append(str(error))
        _write_index(folder, entries)
    return problems


def ranks(folder: str | os.PathLike, domain: str = "Z") -> dict[tuple[int, int, int], int]:
    """The folder's ranks over one domain, by sorted format."""
    found = {}
    for key, value in index(folder).items():
        if match := re.fullmatch(rf"(\d+)x(\d+)x(\d+)_{domain}", key):
            found[tuple(map(int, match.groups()))] = value["rank"]
    return found


def entry(f: Factorization) -> dict[str, Any]:
    """The index's entry for a factorisation."""
    return {"rank": f.rank, **costs.summary(f), "provenance": dict(f.provenance)}


def standard_order(f: Factorization) -> Factorization:
    """The same algorithm for the sorted format."""
    return f if f.sizes is None else transforms.permute_sizes(f, tuple(sorted(f.sizes)))


def file_name(f: Factorization) -> str:
    """`'3x3x4_Z.npz'`."""
    name = pathlib.PurePath(f.target.name).stem
    return f"{name}_{f.domain}.npz"


def _nonzeros(f: Factorization) -> int:
    return int(sum((x != 0).sum() for x in f.factors))


def _load_checked(path: pathlib.Path) -> Factorization:
    fs = exchange.load(path)
    if len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: expected one.")
    if file_name(fs[0]) != path.name:
        raise FileError(f"{path}: holds {fs[0].target.name} over {fs[0].domain}.")
    return fs[0]


def _read_index(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    path = folder / INDEX
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not all("rank" in value for value in data.values()):
            raise ValueError("entries without a rank")
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise FileError(f"{path}: not an index ({reason}); rebuild it with `reindex`.") from None
    return data


def _write_index(folder: pathlib.Path, data: dict) -> None:
    def natural(item):
        return [int(x) if x.isdigit() else 0 for x in re.split(r"[x_]", item[0])], item[0]

    lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(data.items(), key=natural)]
    exchange.write_text(folder / INDEX, "{\n" + ",\n".join(lines) + "\n}\n")


@contextlib.contextmanager
def _locked(folder: pathlib.Path):
    """One writer at a time, also among processes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
