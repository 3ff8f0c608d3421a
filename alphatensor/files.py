"""Files that appear under their name whole or not at all, even where a process is killed."""

import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO


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
