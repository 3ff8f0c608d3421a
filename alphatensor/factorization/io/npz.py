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
import sys
import tokenize
import zipfile
import zlib

import numpy as np

from alphatensor.factorization.io.parsing import FileError

MAX_BYTES = 2**31  # of one archive, uncompressed


def read(path: str) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file, by name.

    Object arrays hold ints, fractions, strings or nested arrays only.

    Raises:
      FileError: for a file that is missing, truncated, no `.npz`, too large, or that holds
        pickled objects other than plain arrays and numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(m.file_size for m in members)
            if total > MAX_BYTES:
                raise FileError(f"{path}: {total} bytes uncompressed: at most {MAX_BYTES}.")
            if not members:
                raise FileError(f"{path}: the archive is empty: expected arrays.")
            arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                arrays[name] = _read_array(archive.read(member), f"{path}: entry {name!r}")
            return arrays
    except FileNotFoundError:
        raise FileError(f"{path}: no such file.") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder, expected a file.") from None
    except PermissionError:
        raise FileError(f"{path}: permission denied.") from None
    except FileError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        MemoryError,
        RuntimeError,  # encrypted, or compressed in a way that zipfile does not know
    ) as error:
        raise FileError(f"{path}: not a readable .npz archive ({_one_line(error)}).") from None


def _read_array(data: bytes, where: str) -> np.ndarray:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(stream)
        size = math.prod(shape)
    except KeyError:
        raise FileError(f"{where}: unknown .npy version.") from None
    except (ValueError, TypeError, SyntaxError, EOFError, tokenize.TokenError, RecursionError) as e:
        raise FileError(f"{where}: not an .npy array ({_one_line(e)}).") from None
    order = "F" if fortran else "C"
    if min(shape, default=1) < 0:
        raise FileError(f"{where}: negative shape {shape}.")
    if dtype.hasobject:
        if dtype != np.dtype(object):
            raise FileError(f"{where}: structured dtypes are not read.")
        return _unpickle(stream, shape, where)
    if dtype.kind not in "biufUS":
        raise FileError(f"{where}: dtype {dtype}: expected numbers or text.")
    rest = data[stream.tell() :]
    if len(rest) != size * dtype.itemsize:
        raise FileError(
            f"{where}: {len(rest)} bytes of data, shape {shape} needs {size * dtype.itemsize}."
        )
    if size == 0:
        return np.zeros(shape, dtype)
    if dtype.kind == "U":
        codes = np.frombuffer(rest, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if codes.max() > sys.maxunicode or np.any((codes >= 0xD800) & (codes < 0xE000)):
            raise FileError(f"{where}: not text.")
    return np.frombuffer(rest, dtype).reshape(shape, order=order).copy()


def _unpickle(stream, shape, where: str) -> np.ndarray:
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
        if not all(isinstance(s, int) and 0 <= s <= MAX_BYTES for s in shape):
            raise ValueError("bad shape")
        size = math.prod(shape)
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
            self.array = np.frombuffer(data, dtype).reshape(shape, order=order).copy()


class _DtypeState:
    """Stands in for a dtype while its pickled state is checked."""

    def __init__(self, code, align=False, copy=False):
        if code not in {"O", "O8", "b1"} and not (
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
    if not all(re.fullmatch(r"-?\d{1,1000}(/\d{1,1000})?", str(a)) for a in args):
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
    """The pure-Python unpickler: its memo is a dict, so a forged index cannot claim memory."""

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise FileError(
                f"pickled object {module}.{name!s:.60}: refused, only plain arrays are read."
            ) from None

    def load_build(self):
        if not isinstance(self.stack[-2], (_ArrayState, _DtypeState)):
            raise FileError("pickled state of something else than an array: refused.")
        super().load_build()

    dispatch = pickle._Unpickler.dispatch | {pickle.BUILD[0]: load_build}


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
