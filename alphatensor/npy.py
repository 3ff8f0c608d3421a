"""Reads `.npy` arrays from anywhere: what they declare is checked before memory is given."""

import io
import math
import struct
import sys
import warnings
from typing import BinaryIO, NamedTuple

import numpy as np

from alphatensor import files, limits
from alphatensor.files import FileError

_READERS = {
    b"\x01\x00": ("<H", np.lib.format.read_array_header_1_0),
    b"\x02\x00": ("<I", np.lib.format.read_array_header_2_0),
}


class Header(NamedTuple):
    """What an `.npy` array declares.

    Attributes:
      shape: its shape.
      order: `'C'` or `'F'`.
      dtype: its dtype; only numbers, text and Python objects get here.
    """

    shape: tuple[int, ...]
    order: str
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Returns the number of entries."""
        return math.prod(self.shape)


def load(path: str) -> np.ndarray:
    """Returns the array of numbers or text that an `.npy` file holds.

    Raises:
      FileError: for any other file, a damaged or too large one, or one with pickled objects.
    """
    stream = io.BytesIO(files.read(path, limits.MAX_FILE_BYTES))
    return read_plain(stream, read_header(stream, path), path)


def read_header(stream: BinaryIO, where: str) -> Header:
    """Reads the header of an array; `where` names it in a `FileError`."""
    if stream.read(6) != np.lib.format.MAGIC_PREFIX:
        raise FileError(f"{where}: not an .npy array.")
    version = stream.read(2)
    if version not in _READERS:
        raise FileError(f"{where}: unknown .npy version.")
    code, reader = _READERS[version]
    length = stream.read(struct.calcsize(code))
    if len(length) < struct.calcsize(code):
        raise FileError(f"{where}: not an .npy array (its header is cut off).")
    (count,) = struct.unpack(code, length)
    if count > limits.MAX_HEADER_BYTES:
        raise FileError(f"{where}: a header of {count} bytes: at most {limits.MAX_HEADER_BYTES}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = reader(io.BytesIO(length + stream.read(count)))
    except Exception as error:  # NumPy evaluates the header and fails in many ways
        raise FileError(f"{where}: not an .npy array ({_reason(error)}).") from None
    if len(shape) > limits.MAX_DIMENSIONS or min(shape, default=1) < 0:
        raise FileError(f"{where}: shape {shape!s:.60}: out of range.")
    if max(shape, default=1) > limits.MAX_ENTRIES or math.prod(shape) > limits.MAX_ENTRIES:
        raise FileError(
            f"{where}: shape {shape!s:.60}: more than {limits.MAX_ENTRIES:,} entries, the limit."
        )
    if dtype.kind not in "biufcUSO" or dtype.names:
        raise FileError(f"{where}: dtype {dtype!s:.40}: expected numbers or text.")
    return Header(tuple(map(int, shape)), "F" if fortran else "C", dtype)


def read_plain(stream: BinaryIO, header: Header, where: str) -> np.ndarray:
    """Reads what follows a header into a read-only array; `where` names it in a `FileError`."""
    shape, order, dtype = header
    if dtype.hasobject:
        raise FileError(f"{where}: pickled objects: expected numbers.")
    needed = header.size * dtype.itemsize
    if needed > limits.MAX_ARCHIVE_BYTES:
        raise FileError(f"{where}: {needed} bytes: at most {limits.MAX_ARCHIVE_BYTES}.")
    data = stream.read(needed + 1)
    if len(data) != needed:
        given = f"{len(data)} bytes" if len(data) < needed else "more bytes"
        raise FileError(f"{where}: {given} of data, shape {shape} needs {needed}.")
    if not needed:
        return np.zeros(shape, dtype if dtype.itemsize else dtype.kind)
    if dtype.kind == "U":
        codes = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if codes.max() > sys.maxunicode or np.any((codes >= 0xD800) & (codes < 0xE000)):
            raise FileError(f"{where}: not text.")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
