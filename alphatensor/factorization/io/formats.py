"""Reads and writes factorizations: the project's `.npz` and the field's public formats.

`FORMATS` is the table of them. A file is read by what it holds, whatever its name is, and written
as the ending of its name says. Every file is written under a temporary name in its folder and
renamed.
"""

import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from alphatensor import files, limits, rings
from alphatensor.factorization.core import Factorization, Verification
from alphatensor.factorization.io import (
    fast_matmul_json,
    layouts,
    native,
    nested_lists,
    npz,
    parsing,
    plain_text,
    products,
    published,
    slp,
    sms,
)
from alphatensor.files import FileError

_HEAD = 4_096  # characters by which a text is recognised
_PRIMES = (2, 3)  # that are tried where a file does not say its ring


class Format(NamedTuple):
    """One format of files.

    Attributes:
      ending: what the names of files end in that are written in this format.
      what: what it is and holds, for people.
      holds: `'one'` matrix product, `'several'` of them, or `'any'` targets.
      is_complex: whether it holds Gaussian coefficients.
      write: the content (text, an array, or the members of an archive) by path, of algorithms.
      is_named: whether it also holds other targets that have a name.
    """

    ending: str
    what: str
    holds: str
    is_complex: bool
    write: Callable[[str, list[Factorization]], dict[str, Any]]
    is_named: bool = False


class Reader(NamedTuple):
    """How files of one family are read.

    Attributes:
      looks: what the content begins with: bytes, or a pattern of the text's beginning.
      parse: makes the algorithms of a path, its content and the ring where the file says none.
    """

    looks: bytes | re.Pattern
    parse: Callable[[str, Any, rings.Ring], list[Factorization]]


def _single(text_of: Callable) -> Callable:
    return lambda path, fs: {path: text_of(path, fs)}


FORMATS = (
    Format(".alphatensor.npz", "AlphaTensor's arrays 'n,m,p'; integers", "several", False,
           _single(published.arrays_of)),
    Format(".uvw.npz", "np.savez(u=, v=, w=) with a column a multiplication", "one", True,
           _single(layouts.arrays_of)),
    Format(".npz", "the project's own: keeps everything, any target, one rank", "any", True,
           _single(native.arrays_of)),
    Format(".npy", "np.save of u, v, w", "one", True, _single(layouts.array_of)),
    Format(".reduced.json", "FastMatrixMultiplication's JSON with shared sums", "one", False,
           _single(fast_matmul_json.reduced_text_of)),
    Format(".json", "FastMatrixMultiplication's JSON", "one", True,
           _single(fast_matmul_json.text_of), is_named=True),
    Format(".txt", "plain numbers: n m p rank, U, V, W (ternary_flip_graph)", "several", False,
           _single(plain_text.text_of)),
    Format(".exp", "products of sums, (a11 + a22)*(b11)*(c12) a line", "several", True,
           _single(products.text_of)),
    Format(".m", "Mathematica's lists of triples of matrices", "several", True,
           _single(nested_lists.mathematica_of)),
    Format(".mpl", "Maple's TriadSet (also read: matrices L, R, P)", "one", True,
           _single(nested_lists.maple_of)),
    Format("_L.sms", "PLinOpt's sparse matrices, with _R.sms and _P.sms", "one", False,
           sms.texts_of),
    Format("_L.slp", "PLinOpt's straight-line programs, with _R.slp and _P.slp", "one", False,
           slp.texts_of),
)  # fmt: skip


def _parse_archive(path: str, data: bytes, ring: rings.Ring) -> list[Factorization]:
    arrays = npz.parse(path, data)
    if native.VERSION_MEMBER in arrays:
        return native.parse(path, arrays)
    if (triple := layouts.triple_in(arrays)) is not None:
        return layouts.parse(path, triple, ring)
    return published.parse(path, arrays, ring)


READERS = (
    Reader(b"PK", _parse_archive),
    Reader(b"\x93NUMPY", layouts.parse_npy),
    Reader(re.compile(r"\{\s*(\"|\}|$)|\["), fast_matmul_json.parse),
    Reader(re.compile(r"(\w+\s*=\s*)?\{\s*\{"), nested_lists.parse_mathematica),
    Reader(
        re.compile(r"[\s\S]*?:=\s*(Matrix|Triad|TriadSet|\[)\s*[(\[]"), nested_lists.parse_maple
    ),
    Reader(re.compile(r"(?:.*\n)*?\s*\w+\s*:="), slp.parse),
    Reader(re.compile(r"[0-9]+\s+[0-9]+\s+[A-Za-z]"), sms.parse),
    Reader(re.compile(r"([0-9]+\s*\n\s*)?([0-9]+[ \t]+){3}[0-9]+\s"), plain_text.parse),
    Reader(re.compile(r"[-+*/()0-9.I\s]*[a-cA-C][0-9_\[]"), products.parse),
)


def help_text() -> str:
    """Returns the table of formats, as the --help of a command and the README show it."""
    width = max(len(f.ending) for f in FORMATS)
    lines = [f"  {f.ending:<{width}}  {f.what}" for f in FORMATS]
    return "\n".join(
        ["Formats that are read, by their content, and written, by the ending of the name:", *lines]
    )


def load(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Factorization]:
    """Reads every factorization in a file; none of them is verified yet.

    Args:
      path: the file; what it holds says which format it has.
      ring: the ring of a file that does not say it; by default the integers.

    Raises:
      FileError: one line with the file, the entry and the reason.
    """
    path = os.fspath(path)
    data = files.read(path, limits.MAX_FILE_BYTES)
    found = _read(path, data, ring or rings.Integers())
    parsing.check_file(path, found)
    return found


def _read(path: str, data: bytes, ring: rings.Ring) -> list[Factorization]:
    for reader in READERS:
        if isinstance(reader.looks, bytes) and data.startswith(reader.looks):
            return reader.parse(path, data, ring)
    if len(data) > limits.MAX_TEXT_BYTES:
        raise FileError(
            f"{path}: larger than {limits.MAX_TEXT_BYTES:,} bytes, the limit for such files."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path}: neither an archive, an .npy array nor text.") from None
    head = re.sub(r"^\s*#.*$", "", text[:_HEAD], flags=re.MULTILINE).strip()
    for reader in READERS:
        if isinstance(reader.looks, re.Pattern) and reader.looks.match(head):
            return reader.parse(path, text, ring)
    endings = ", ".join(f.ending for f in FORMATS)
    raise FileError(f"{path}: not recognised; expected what is in files {endings}.")


def load_exact(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Factorization]:
    """Does what `load` does, and raises `FileError` also where a factorization is not exact."""
    found = load(path, ring)
    for checked in map(check, found):
        if not checked.ok:
            raise FileError(f"{os.fspath(path)}: {checked.message}")
    return found


def check(f: Factorization) -> Verification:
    """Verifies a factorization; where its file did not say the ring, also says which one fits."""
    found = f.verify()
    if found.ok or f.provenance.get("ring") != parsing.RING_ASSUMED["ring"]:
        return found
    fitting = [p for p in _PRIMES if p != f.ring.modulus and layouts.is_exact_mod(f, p)]
    if not fitting:
        return found
    where = f"{f.target.title} in rank {f.rank}"
    hint = f"{where}: not over {f.domain}; exact mod {fitting[0]}: pass --ring=Z{fitting[0]}."
    return found._replace(message=hint)


def verify(path: str | os.PathLike, ring: rings.Ring | None = None) -> list[Verification]:
    """Checks every factorization in a file exactly; arguments and errors are those of `load`."""
    return [check(f) for f in load(path, ring)]


def save(path: str | os.PathLike, f: Factorization | Sequence[Factorization]) -> None:
    """Writes one factorization, or several, in the format of the ending.

    Args:
      path: its ending is one of `FORMATS`; `_R` and `_P` stand for `_L`, too.
      f: what to write.

    Raises:
      FileError: for an ending or content that the format cannot hold, or a folder that is missing.
    """
    path = os.fspath(path)
    fs = [f] if isinstance(f, Factorization) else list(f)
    if not fs:
        raise FileError(f"{path}: nothing to write.")
    format_ = format_of(path)
    if format_.holds == "one" and len(fs) != 1:
        raise FileError(f"{path}: {len(fs)} factorisations: this format holds one.")
    for f in fs:
        is_held = f.sizes or (format_.is_named and f.target.is_known)
        if format_.holds != "any" and not is_held:
            raise FileError(f"{path}: target {f.target.title}: this format holds matrix products.")
        if not f.is_real and not format_.is_complex:
            raise FileError(f"{path}: Gaussian coefficients: this format holds real ones.")
    for part, content in format_.write(path, fs).items():
        if isinstance(content, str):
            write_text(part, content)
        else:
            write(part, _writer_of(content))


def format_of(path: str) -> Format:
    """Returns the format that the ending of a file's name stands for; raises `FileError`."""
    name = re.sub(r"_[RP](\.sms|\.slp)$", r"_L\1", pathlib.PurePath(path).name)
    for format_ in FORMATS:
        if name.endswith(format_.ending):
            return format_
    endings = ", ".join(f.ending for f in FORMATS)
    raise FileError(f"{path}: unknown ending: expected one of {endings}.")


def _writer_of(content: np.ndarray | dict[str, np.ndarray]) -> Callable[[BinaryIO], None]:
    if isinstance(content, np.ndarray):
        return lambda file: np.save(file, content, allow_pickle=True)
    return lambda file: np.savez_compressed(file, **content)


def convert(
    path: str | os.PathLike,
    output: str | os.PathLike,
    ring: rings.Ring | None = None,
    entry: int = 0,
) -> Factorization:
    """Reads one factorization of a file, writes it in another format, and returns it unverified.

    Args:
      path: the file to read.
      output: the file to write; the ending of its name says in which format.
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
    if os.path.basename(path) in ("", *(f.ending for f in FORMATS)):
        raise FileError(f"{os.fspath(path)!r}: no name of a file.")
    try:
        files.write(path, write_to)
    except OSError as error:
        raise FileError(f"{os.fspath(path)}: cannot write there ({error.strerror}).") from None


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text as UTF-8, as `write` does."""
    write(path, lambda file: file.write(text.encode()))
