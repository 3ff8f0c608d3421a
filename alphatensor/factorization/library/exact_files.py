"""The files of a library: named by target and domain, and exact before anyone sees them.

A file that cannot be read, is not exact, or holds something else than its name says is set aside:
one warning names it, and the library is used as if the file were not there.
"""

import contextlib
import functools
import os
import pathlib
import re
import warnings

from alphatensor import rings, targets
from alphatensor.factorization import transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.files import FileError, printable


class LibraryWarning(UserWarning):
    """Says in one line which file of a library is set aside, and why."""


def folder_of(folder: str | os.PathLike) -> pathlib.Path:
    """Returns a library's folder as a path; an empty text raises `FileError`."""
    if not os.fspath(folder):
        raise FileError("library '': expected the name of a folder.")
    return pathlib.Path(folder)


def stem(target: targets.Target | targets.Sizes | str) -> str:
    """Returns what the name of a file with algorithms for a target begins with.

    Args:
      target: a target, the sizes of a matrix product in any order, or text as `targets.parse`
        reads it.

    Raises:
      ValueError: for text that names no target.
    """
    if isinstance(target, str):
        target = targets.parse(target)
    sizes = target.sizes if isinstance(target, targets.Target) else target
    return target.file_stem if sizes is None else targets.format_name(sorted(sizes))


def file_name(f: Factorization) -> str:
    """Returns the name of the file that holds `f`, such as `'3x3x4_Z.npz'`."""
    return f"{stem(f.target)}_{f.domain}.npz"


def standard_order(f: Factorization) -> Factorization:
    """Returns the same algorithm for the sorted format."""
    return f if f.sizes is None else transforms.permute_sizes(f, tuple(sorted(f.sizes)))


def read(path: pathlib.Path) -> Factorization:
    """Reads the one factorization of a file of a library, and verifies it.

    Raises:
      FileError: if it is not exact, not what the file's name says, or the file is unusable.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from None
    return _read(path, (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


def read_or_warn(path: pathlib.Path) -> Factorization | None:
    """Does what `read` does; where that fails it warns in one line and returns None."""
    try:
        return read(path)
    except FileError as error:
        set_aside(str(error))
        return None


def matmul_paths(folder: str | os.PathLike, domain: str) -> dict[targets.Sizes, pathlib.Path]:
    """Returns the paths of the matrix products over one domain, by sizes; nothing is read."""
    found = {}
    for path in sorted(folder_of(folder).glob(f"*_{domain}.npz")):
        if match := re.fullmatch(rf"([0-9]+x[0-9]+x[0-9]+)_{domain}\.npz", path.name):
            found[tuple(map(int, match[1].split("x")))] = path
    return found


def modular_rings(folder: str | os.PathLike) -> list[rings.Ring]:
    """Returns the modular rings over which a library has files of matrix products."""
    names = (path.name for path in folder_of(folder).glob("*x*x*_Z*.npz"))
    matches = (re.fullmatch(r"[0-9]+x[0-9]+x[0-9]+_(Z[0-9]+)\.npz", name) for name in names)
    found = []
    for domain in sorted({match[1] for match in matches if match}):
        with contextlib.suppress(ValueError):  # no ring, so none of the library's files
            found.append(rings.parse(domain))
    return found


def set_aside(line: str) -> None:
    """Warns that something of a library is not used."""
    warnings.warn(printable(f"set aside: {line}"), LibraryWarning, stacklevel=1)


@functools.lru_cache(maxsize=32)
def _read(path: pathlib.Path, _version: tuple[int, ...]) -> Factorization:
    """Does what `read` does; the version of the file is there to read changed files again."""
    fs = formats.load(path)
    if len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: expected one.")
    if file_name(fs[0]) != path.name:
        raise FileError(f"{path}: holds {fs[0].target.title} over {fs[0].domain}.")
    check = fs[0].verify()
    if not check.ok:
        raise FileError(f"{path}: {check.message}")
    return fs[0]
