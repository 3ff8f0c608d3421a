"""Several libraries made one: what each of many machines has found, in one folder."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alphatensor.factorization.library import exact_files, store
from alphatensor.files import FileError


class Taken(NamedTuple):
    """What became of one file.

    Attributes:
      is_exact: whether its algorithm is exact and in the result, or no better than what is.
      is_kept: whether it is what the result holds now.
      message: one line.
    """

    is_exact: bool
    is_kept: bool
    message: str


def merge(sources: Sequence[str | os.PathLike], into: str | os.PathLike) -> Iterator[Taken]:
    """Adds the algorithms of several libraries to one, and yields what became of each.

    Each is verified first. Of equal ranks the one whose programs have fewer additions is kept, or
    that with fewer non-zeros. The sources stay as they are, and the result is locked for each
    addition alone, so searches may use all of them meanwhile. Calling it again, or after it was
    interrupted, changes nothing more. Recipes are not merged: `close` makes those of the result.

    Args:
      sources: folders of libraries.
      into: the folder of the result, made if it does not exist; it may be one of the sources.

    Raises:
      FileError: for a source that is no folder, before anything is added, or a result that cannot
        be written.
    """
    folders = [exact_files.folder_of(x) for x in sources]
    for folder in folders:
        if not folder.is_dir():
            raise FileError(f"{folder}: no folder, expected a library.")
    result = exact_files.folder_of(into)
    for folder in folders:
        if result.is_dir() and folder.samefile(result):
            continue
        for path in sorted(folder.glob("*.npz")):
            try:
                f = exact_files.read(path)
            except FileError as error:
                yield Taken(False, False, f"set aside: {error}")
                continue
            added = store.add(result, f, replace_equal=True)
            yield Taken(True, added.kept, f"{path} → {added.message}")
