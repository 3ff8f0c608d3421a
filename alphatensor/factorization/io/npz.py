"""Reads `.npz` archives from anywhere without executing anything in them.

Plain arrays are read from their bytes. Object arrays are pickles: they are interpreted by an
unpickler whose only callables are small stand-ins for "an array", "a dtype", "a scalar" and "a
fraction"; every other name is refused. No NumPy code sees unchecked pickled state.
"""

import fractions
import io
import math
import pickle
import re
import struct
import zipfile
import zlib
from typing import BinaryIO

import numpy as np

from alphatensor import files, limits, npy
from alphatensor.files import FileError

_MEMBER = b"PK\x01\x02"  # begins a member's entry in the directory of an archive
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy writes; others unpack unbounded


def read(path: str) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file, by name; plain ones are read-only.

    Object arrays hold ints, fractions, strings or nested arrays only.

    Raises:
      FileError: for a file that is missing, truncated, no `.npz`, beyond a limit, or that holds
        pickled objects other than plain arrays and numbers.
    """
    return parse(path, files.read(path, limits.MAX_FILE_BYTES))


def parse(path: str, data: bytes) -> dict[str, np.ndarray]:
    """Does what `read` does for the bytes of the archive at `path`."""
    if data.count(_MEMBER) > limits.MAX_MEMBERS:
        raise FileError(f"{path}: more than {limits.MAX_MEMBERS} members, the limit.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_members(archive, path)
    except FileError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,  # encrypted
        NotImplementedError,  # zipfile's, for an unknown compression
    ) as error:
        raise FileError(f"{path}: not a readable .npz archive ({_one_line(error)}).") from None


def _read_members(archive: zipfile.ZipFile, path: str) -> dict[str, np.ndarray]:
    members = archive.infolist()
    total = sum(m.file_size for m in members)
    if total > limits.MAX_ARCHIVE_BYTES:
        raise FileError(f"{path}: {total} bytes uncompressed: at most {limits.MAX_ARCHIVE_BYTES}.")
    if not members:
        raise FileError(f"{path}: the archive is empty: expected arrays.")
    arrays, entries, exact = {}, 0, 0
    for member in members:
        name = member.filename.removesuffix(".npy")
        where = f"{path}: entry {name!r:.60}"
        if member.compress_type not in _METHODS:
            raise FileError(f"{where}: compressed in a way that NumPy does not write.")
        if name in arrays:
            raise FileError(f"{where}: is there twice.")
        with archive.open(member) as stream:
            header = npy.read_header(stream, where)
            entries += header.size
            exact += header.size if header.dtype.kind in "OU" else 0
            if entries > limits.MAX_ENTRIES or exact > limits.MAX_EXACT:
                raise FileError(
                    f"{path}: {entries} entries, {exact} of them text or objects: at most "
                    f"{limits.MAX_ENTRIES} and {limits.MAX_EXACT}."
                )
            if header.dtype.hasobject:
                arrays[name] = _read_pickled(stream, header, where, member.file_size)
            else:
                arrays[name] = npy.read_plain(stream, header, where)
    return arrays


def read_array(stream: BinaryIO, where: str, size: int) -> np.ndarray:
    """Reads one array of `size` bytes as in an archive; `where` names it in a `FileError`."""
    header = npy.read_header(stream, where)
    if header.dtype.kind in "OU" and header.size > limits.MAX_EXACT:
        raise FileError(f"{where}: {header.size} texts or objects: at most {limits.MAX_EXACT}.")
    if header.dtype.hasobject:
        return _read_pickled(stream, header, where, size)
    return npy.read_plain(stream, header, where)


def _read_pickled(stream: BinaryIO, header: npy.Header, where: str, size: int) -> np.ndarray:
    if size > limits.MAX_PICKLE_BYTES:
        raise FileError(f"{where}: {size} bytes of pickle: at most {limits.MAX_PICKLE_BYTES}.")
    return _unpickle(io.BytesIO(stream.read()), header.shape, where)


def _unpickle(stream: BinaryIO, shape: tuple[int, ...], where: str) -> np.ndarray:
    try:
        result = _Unpickler(stream).load()
    except FileError as error:
        raise FileError(f"{where}: {error}") from None
    except Exception as error:  # the pickle machine fails in many ways on damaged bytes
        raise FileError(f"{where}: damaged pickled array ({_one_line(error)}).") from None
    if not isinstance(result, _ArrayState) or result.array is None or result.array.shape != shape:
        raise FileError(f"{where}: expected a pickled array of shape {shape}.")
    return result.array


class _ArrayState:
    """Stands in for an ndarray while its pickled state is checked."""

    array = None

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        dtype = dtype.dtype
        if not all(isinstance(s, int) and 0 <= s <= limits.MAX_ENTRIES for s in shape):
            raise ValueError("bad shape")
        size = math.prod(shape)
        if size > limits.MAX_ENTRIES or len(shape) > limits.MAX_DIMENSIONS:
            raise ValueError("bad shape")
        order = "F" if fortran else "C"
        if dtype == np.dtype(object):
            if not isinstance(data, list) or len(data) != size:
                raise ValueError("bad object data")
            flat = np.empty(size, object)
            for i, x in enumerate(data):
                flat[i] = x.array if isinstance(x, _ArrayState) else _plain(x)
            self.array = flat.reshape(shape, order=order)
        else:
            if not isinstance(data, bytes) or len(data) != size * dtype.itemsize:
                raise ValueError("bad data length")
            self.array = np.frombuffer(data, dtype).reshape(shape, order=order)


class _DtypeState:
    """Stands in for a dtype while its pickled state is checked."""

    def __init__(self, code, align=False, copy=False):
        if code not in {"O", "O8", "b1", "c8", "c16"} and not (
            isinstance(code, str) and code[:1] in "iuf" and code[1:] in {"1", "2", "4", "8"}
        ):
            raise FileError(f"pickled dtype {code!r:.40}: expected integers, floats or objects.")
        self.dtype = np.dtype(code)

    def __setstate__(self, state):
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _NdarrayName:
    """The class `ndarray` where a pickle names it; it cannot be called."""

    def __init__(self, *args):
        raise FileError("pickled call of ndarray: refused.")


def _reconstruct(*args):
    return _ArrayState()


def _scalar(dtype, data):
    if not isinstance(data, bytes) or len(data) != dtype.dtype.itemsize:
        raise ValueError("bad scalar")
    return np.frombuffer(data, dtype.dtype)[0].item()


def _fraction(*args):
    if not all(re.fullmatch(r"-?\d{1,100}(/\d{1,100})?", str(a)) for a in args):
        raise ValueError("bad fraction")
    return fractions.Fraction(*args)


def _encode(text, encoding="latin1"):
    return text.encode("latin1")


def _plain(x):
    if isinstance(x, (bool, int, float, str, fractions.Fraction)):
        return x
    if isinstance(x, (list, tuple)) and all(isinstance(i, _ArrayState) for i in x):
        return [i.array for i in x]
    raise FileError(f"pickled {type(x).__name__}: expected plain arrays and numbers only.")


_ALLOWED = {
    ("numpy", "ndarray"): _NdarrayName,
    ("numpy", "dtype"): _DtypeState,
    ("fractions", "Fraction"): _fraction,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.multiarray", name): stand_in
        for core in ("core", "_core")
        for name, stand_in in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
}


class _Unpickler(pickle._Unpickler):
    """The pure-Python unpickler: its memo is a dict, so a forged index cannot claim memory.

    It stops after `limits.MAX_PICKLE_STEPS` instructions, and knows none that claim memory by
    themselves.
    """

    steps = 0

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except (KeyError, TypeError):
            raise FileError(
                f"pickled object {module!s:.60}.{name!s:.60}: refused, only plain arrays are read."
            ) from None

    def load_build(self):
        if not isinstance(self.stack[-2], (_ArrayState, _DtypeState)):
            raise FileError("pickled state of something else than an array: refused.")
        super().load_build()


def _counted(instruction):
    def run(self):
        self.steps += 1
        if self.steps > limits.MAX_PICKLE_STEPS:
            raise FileError(f"more than {limits.MAX_PICKLE_STEPS} steps of a pickle, the limit.")
        instruction(self)

    return run


_CLAIM_MEMORY = {pickle.BYTEARRAY8[0], pickle.NEXT_BUFFER[0], pickle.READONLY_BUFFER[0]}
_Unpickler.dispatch = {
    code: _counted(instruction)
    for code, instruction in (
        pickle._Unpickler.dispatch | {pickle.BUILD[0]: _Unpickler.load_build}
    ).items()
    if code not in _CLAIM_MEMORY
}


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
