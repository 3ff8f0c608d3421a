"""Files: written whole or not at all, even where a process is killed; read without surprises."""

import contextlib
import fcntl
import os
import pathlib
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

TEMPORARY = ".writing-"  # what the names of files that are being written begin with
_LONGEST_MESSAGE = 1_000


class FileError(ValueError):
    """A file that cannot be used: one printable line that names the file and the reason."""

    def __init__(self, message: str):
        super().__init__(printable(message)[:_LONGEST_MESSAGE])


def printable(text: str) -> str:
    """Returns text in which characters that steer a terminal or break the line are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read(path: str | os.PathLike, most: int) -> bytes:
    """Returns the bytes of a regular file.

    Args:
      path: the file. Pipes and devices are refused, and never waited for.
      most: the largest number of bytes that is read.

    Raises:
      FileError: if there is no such file, or it cannot be read, is not regular or is larger.
    """
    name = os.fspath(path)
    try:
        _require_regular(name, os.stat(path))  # opening some devices does something
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _require_regular(name, status)
            data = file.read(status.st_size + 1) if status.st_size <= most else None
            if data is not None and len(data) > status.st_size:  # it grows, or is one of /proc
                data += file.read(most + 1 - len(data))
    except FileNotFoundError:
        raise FileError(f"{name}: no such file.") from None
    except PermissionError:
        raise FileError(f"{name}: permission denied.") from None
    except OSError as error:
        raise FileError(f"{name}: cannot be read ({error.strerror}).") from None
    except ValueError as error:  # a null character in the path
        raise error if isinstance(error, FileError) else FileError(f"{name}: {error}.") from None
    if data is None or len(data) > most:
        raise FileError(f"{name}: larger than {most:,} bytes, the limit for such files.")
    return data


@contextlib.contextmanager
def locked(folder: str | os.PathLike, seconds: float = 10.0) -> Iterator[None]:
    """Lets one process at a time into a folder that exists.

    Raises:
      FileError: if the folder cannot be opened, or others keep it locked for so many seconds.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileError(f"{os.fspath(folder)}: cannot be opened ({error.strerror}).") from None
    end = time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise FileError(
                        f"{os.fspath(folder)}: another process has locked it for {seconds:.0f} s."
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def read_text(path: str | os.PathLike, most: int) -> str:
    """Returns a regular file's text in UTF-8; arguments and errors are those of `read`."""
    try:
        return read(path, most).decode()
    except UnicodeDecodeError:
        raise FileError(f"{os.fspath(path)}: not a text file.") from None


def _require_regular(name: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileError(f"{name}: is a folder, expected a file.")
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{name}: not a regular file; pipes and devices are not read.")


def write(path: str | os.PathLike, write_to: Callable[[BinaryIO], None]) -> None:
    """Calls `write_to` on a temporary file beside `path`, then renames that file to `path`.

    The file gets the permissions that the user's umask gives, and is on the disk before it is
    renamed. The temporary file is locked while its writer lives.

    Raises:
      OSError: if the folder cannot be written; nothing is left behind.
    """
    path = os.fspath(path)
    descriptor, temporary = _new_temporary(os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, path)  # while it is locked
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _new_temporary(folder: str) -> tuple[int, str]:
    """Makes a temporary file and locks it; returns its descriptor and path."""
    while True:
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # else another process took it for a leftover
            return descriptor, temporary
        os.close(descriptor)


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Deletes the temporary files of writers that were killed; those of living ones are locked.

    Raises:
      OSError: if the folder cannot be read or written.
    """
    for path in pathlib.Path(folder).glob(f"{TEMPORARY}*"):
        if path.is_symlink() or not path.is_file():
            continue
        with contextlib.suppress(FileNotFoundError, BlockingIOError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes bytes whole or not at all; raises `OSError`."""
    write(path, lambda file: file.write(data))


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text as UTF-8, whole or not at all; raises `OSError`."""
    write_bytes(path, text.encode())
