"""Pools of flip-graph searches as files, so that a search that was stopped goes on.

Each pool is one `.npz` in the folder `pools` of the search's library, such as
`4x4x4_Z2-symmetric-rotation-2-2.npz`. Files appear whole or not at all, hold a few dozen schemes at
most, and are verified on reading; one that is damaged or not exact is named and not used.
"""

import pathlib
import re
from collections.abc import Callable

from alphatensor import targets
from alphatensor.factorization import Factorization, FileError, load, matmul_target, save
from alphatensor.targets import Sizes
from alphatensor.training import doors

FOLDER = "pools"
MOST = 64  # schemes of a file


class PoolFiles:
    """The pools of a library's folder."""

    def __init__(self, library: pathlib.Path, say: Callable[[str], None]):
        """Uses a library's folder; `say` is called with a line for each file that is set aside."""
        self._folder, self._say = library / FOLDER, say

    def read(self, sizes: Sizes, name: str) -> list[Factorization]:
        """Returns the exact schemes of a pool; none where there is no such file, or a wrong one."""
        path = self._path(sizes, name)
        if not path.exists():
            return []
        try:
            return [self._checked(f, sizes) for f in load(path)[:MOST]]
        except (FileError, ValueError) as error:
            self._say(doors.set_aside(path, error))
            path.replace(f"{path}.set-aside")
            return []

    def write(self, sizes: Sizes, name: str, schemes: list[Factorization]) -> None:
        """Replaces a pool; without schemes, removes it.

        Raises:
          FileError: where the folder cannot be written.
        """
        path = self._path(sizes, name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not schemes:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"{path}: cannot write there ({error.strerror}).") from None
        if schemes:
            save(path, schemes[:MOST])

    def _path(self, sizes: Sizes, name: str) -> pathlib.Path:
        words = re.sub(r"[^0-9A-Za-z]+", "-", name).strip("-")
        return self._folder / f"{targets.format_name(sizes)}_{words}.npz"

    @staticmethod
    def _checked(f: Factorization, sizes: Sizes) -> Factorization:
        """Returns a scheme as one of its format's own tensor; raises `ValueError` for others."""
        if f.sizes is None or sorted(f.sizes) != sorted(sizes):
            raise ValueError(f"it is one of {f.target.name}, not of {targets.format_name(sizes)}.")
        return doors.exact(f, matmul_target(*f.sizes))
