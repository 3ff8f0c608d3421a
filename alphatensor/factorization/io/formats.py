"""Reads and writes factorizations: the project's `.npz` and the field's public formats.

  .npz               the project's own format, which keeps everything (`native`); read, too: the
                     layouts of the published AlphaTensor data (`published`)
  .alphatensor.npz   the published layout, written
  .json              the FastMatrixMultiplication collection (`fast_matmul_json`)
  _L.sms             PLinOpt's triples with _R.sms and _P.sms (`sms`); any of the three is named

Files are told apart by suffix and content. Every file is written under a temporary name in its
folder and renamed.
"""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import BinaryIO

import numpy as np

from alphatensor import files, rings
from alphatensor.factorization.core import Factorization, Verification
from alphatensor.factorization.io import fast_matmul_json, native, npz, parsing, published, sms
from alphatensor.files import FileError


def load(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Factorization]:
    """Reads every factorization in a file; none of them is verified yet.

    Args:
      path: the file; its suffix says which family of formats it belongs to.
      ring: the ring of a file that does not say it (published `.npz`, `.sms`); by default the
        integers.

    Raises:
      FileError: one line with the file, the entry and the reason.
    """
    path = os.fspath(path)
    suffix = pathlib.PurePath(path).suffix
    if suffix == ".json":
        found = [fast_matmul_json.load(path)]
    elif suffix == ".sms":
        found = [sms.load(path, ring or rings.Integers())]
    elif suffix == ".npz":
        found = _of_arrays(path, npz.read(path), ring)
    else:
        raise FileError(f"{path}: suffix {suffix!r}: expected .npz, .json or .sms.")
    parsing.check_file(path, found)
    return found


def load_exact(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Factorization]:
    """Does what `load` does, and raises `FileError` also where a factorization is not exact."""
    found = load(path, ring)
    for check in (f.verify() for f in found):
        if not check.ok:
            raise FileError(f"{os.fspath(path)}: {check.message}")
    return found


def _of_arrays(
    path: str, arrays: dict[str, np.ndarray], ring: rings.Ring | None
) -> list[Factorization]:
    if native.VERSION_MEMBER in arrays:
        return native.parse(path, arrays)
    return published.parse(path, arrays, ring or rings.Integers())


def verify(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Verification]:
    """Checks every factorization in a file exactly; arguments and errors are those of `load`."""
    return [f.verify() for f in load(path, ring)]


def save(path: str | os.PathLike, f: Factorization | Sequence[Factorization]) -> None:
    """Writes one factorization, or several, in the format of the suffix.

    Args:
      path: `.npz` keeps everything, exactly, of several factorizations of one target, ring and
        rank; `.alphatensor.npz` holds integer ones of several formats; `.json` and `_L.sms` hold
        one matrix multiplication each.
      f: what to write.

    Raises:
      FileError: for a suffix or content that the format cannot hold, or a folder that is missing.
    """
    path = os.fspath(path)
    fs = [f] if isinstance(f, Factorization) else list(f)
    if not fs:
        raise FileError(f"{path}: nothing to write.")
    name = pathlib.PurePath(path).name
    if name.endswith(".alphatensor.npz"):
        _write_arrays(path, published.arrays_of(path, fs))
    elif name.endswith(".npz"):
        _write_arrays(path, native.arrays_of(path, fs))
    elif name.endswith(".json"):
        write_text(path, fast_matmul_json.text_of(path, _one_matmul(path, fs)))
    elif name.endswith(".sms"):
        for part, text in sms.texts_of(path, _one_matmul(path, fs)).items():
            write_text(part, text)
    else:
        raise FileError(f"{path}: unknown suffix: expected .npz, .alphatensor.npz, .json or .sms.")


def convert(
    path: str | os.PathLike,
    output: str | os.PathLike,
    ring: rings.Ring | None = None,
    entry: int = 0,
) -> Factorization:
    """Reads one factorization of a file, writes it in another format, and returns it unverified.

    Args:
      path: the file to read.
      output: the file to write; its suffix says in which format.
      ring: as in `load`.
      entry: which factorization of the file, from 0.
    """
    f = load_entry(path, ring, entry)
    save(output, f)
    return f


def load_entry(
    path: str | os.PathLike, ring: rings.Ring | None = None, entry: int = 0
) -> Factorization:
    """Reads one factorization of a file, counted from 0; raises `FileError` beyond the last."""
    found = load(path, ring)
    if not 0 <= entry < len(found):
        raise FileError(f"entry {entry}: {os.fspath(path)} holds {len(found)} factorisations.")
    return found[entry]


def write(path: str | os.PathLike, write_to: Callable[[BinaryIO], None]) -> None:
    """Calls `write_to` on a file that appears at `path` whole or not at all.

    Raises:
      FileError: if the folder cannot be written.
    """
    if os.path.basename(path) in ("", ".npz", ".alphatensor.npz", ".json"):
        raise FileError(f"{os.fspath(path)!r}: no name of a file.")
    try:
        files.write(path, write_to)
    except OSError as error:
        raise FileError(f"{os.fspath(path)}: cannot write there ({error.strerror}).") from None


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text as UTF-8, as `write` does."""
    write(path, lambda file: file.write(text.encode()))


def _write_arrays(path: str, arrays: dict[str, np.ndarray]) -> None:
    write(path, lambda file: np.savez_compressed(file, **arrays))


def _one_matmul(path: str, fs: list[Factorization]) -> Factorization:
    if len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: this format holds one.")
    if fs[0].sizes is None:
        raise FileError(f"{path}: target {fs[0].target.title}: this format holds matrix products.")
    return fs[0]
