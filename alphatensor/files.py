"""Files that appear under their name whole or not at all, even where a process is killed."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None


def write(path: str | os.PathLike, write_to: Callable[[BinaryIO], None]) -> None:
    """Calls `write_to` on a temporary file beside `path`, then renames that file to `path`.

    The file gets the permissions that the user's umask gives, and is on the disk before it is
    renamed.

    Raises:
      OSError: if the folder cannot be written; nothing is left behind.
    """
    path = os.fspath(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes bytes whole or not at all; raises `OSError`."""
    write(path, lambda file: file.write(data))


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text as UTF-8, whole or not at all; raises `OSError`."""
    write_bytes(path, text.encode())


@contextlib.contextmanager
def locked(folder: str | os.PathLike, seconds: float = 10.0) -> Iterator[None]:
    """Holds a folder against other processes that lock it too; the lock ends with its process.

    Nothing is written. Where the system has no such locks, nothing is held either.

    Raises:
      OSError: there is no such folder; or another process holds it for so many seconds.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{folder}: locked by another process.") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)  # which also unlocks
