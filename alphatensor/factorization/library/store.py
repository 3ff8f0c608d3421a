"""A folder of factorizations: the best one for each format and domain, with an index.

Files are named `3x3x4_Z.npz`, `4x4x4_Z2.npz`, `2x2x2_Q.npz`; matrix products are kept with
n ≤ m ≤ p, from which every other order follows exactly. A tensor of one's own has a name made of
its entries. Large products may be kept as recipes instead (`recipe_file`).
Whatever is taken from the folder has been verified (`exact_files`); `index.json` repeats rank,
provenance and costs (`index_cache`). The index can be rebuilt from the rest.
"""

import math
import os
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from alphatensor import files, rings, targets
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import programs, recursion
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.library import exact_files, expansion, index_cache, recipe_file
from alphatensor.factorization.library.exact_files import file_name, standard_order
from alphatensor.factorization.library.index_cache import (
    INDEX,
    index,
    ranks,
    reindex,
    verified_ranks,
)
from alphatensor.factorization.library.recipes import Recipe
from alphatensor.files import FileError

__all__ = [
    "INDEX",
    "Added",
    "add",
    "add_recipes",
    "best",
    "default_folder",
    "file_name",
    "find",
    "index",
    "load_best",
    "ranks",
    "reindex",
    "standard_order",
    "verified_ranks",
]


class Added(NamedTuple):
    """What `add` did.

    Attributes:
      kept: whether the factorization is in the library now.
      message: one line that says why.
    """

    kept: bool
    message: str


def default_folder() -> pathlib.Path | None:
    """Returns the library that an installed package brings, or `factorizations/` of a checkout.

    It is None where there is neither.
    """
    here = pathlib.Path(__file__)  # setup.py copies the library to `files`, and only into builds
    folders = here.parent / "files", here.parents[3] / "factorizations"
    return next((folder for folder in folders if folder.is_dir()), None)


def load_best(
    name: str, ring: rings.Ring | str = "Z", folder: str | os.PathLike | None = None
) -> Factorization:
    """Returns a library's best factorization of a target by its name.

    Args:
      name: sizes in any order, such as `'4x5x5'`, or another target, such as `'skew4'` or
        `'my.npy'`.
      ring: a ring or its name; `'Q'` for a factorization with fractions.
      folder: the library; by default `default_folder()`.

    Raises:
      ValueError: if there is no such factorization that is exact, or no folder.
    """
    folder = default_folder() if folder is None else folder
    if folder is None:
        raise ValueError(f"{name}: no library beside the package, expected a folder.")
    f = best(folder, name, ring)
    if f is None:
        raise ValueError(f"{name}: the library {os.fspath(folder)} has none over {ring}.")
    return f


def add(folder: str | os.PathLike, f: Factorization, replace_equal: bool = False) -> Added:
    """Verifies `f` and keeps it if it beats what the folder has for its format and domain.

    The file and the index are replaced atomically, under a lock. What a killed writer left is
    mended first; a file that is damaged or not exact is named, and kept as NAME.set-aside.

    Args:
      folder: the library; made if it does not exist.
      f: what to add, in any order of its sizes.
      replace_equal: whether fewer additions of the programs that are kept with an algorithm beat an
        equal rank, or fewer non-zeros where these are equal or there are none; otherwise only a
        smaller rank does, or for structured products more recursive calls.

    Raises:
      ValueError: if `f` is not exact.
      FileError: if the folder cannot be written.
    """
    folder = exact_files.folder_of(folder)
    check = f.verify()
    if not check.ok:
        raise ValueError(check.message)
    f = standard_order(f)
    path = folder / file_name(f)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made ({error.strerror}).") from None
    with files.locked(folder, index_cache.LOCK_SECONDS):
        note, book = "", recipe_file.read(folder)
        if path.exists():
            try:
                old = exact_files.read(path)
                figures = [_figures(x, replace_equal) for x in (f, old)]
                if figures[0] >= figures[1]:
                    index_cache.repair(folder)
                    return Added(False, f"{path}: kept rank {old.rank}, given rank {f.rank}.")
                note = f" (was {old.rank})"
            except FileError as error:
                path.replace(f"{path}.set-aside")
                note = f" (set aside a damaged file: {error})"
        elif path.stem in book:
            rank = _recipe_rank(folder, path.stem, book)
            if rank is not None and rank <= f.rank:
                line = f"{folder / path.stem}: kept a recipe of rank {rank}, given rank {f.rank}."
                return Added(False, line)
            note = f" (was a recipe of rank {rank})" if rank else " (was a recipe lacking a part)"
        formats.save(path, f)
        if book.pop(path.stem, None):
            recipe_file.write(folder, book)
        index_cache.repair(folder)
    return Added(True, f"{path}: rank {f.rank}{note}.")


def _figures(f: Factorization, counts_costs: bool) -> tuple[float, ...]:
    """Returns what is compared where a library has to choose; less is better."""
    figures = f.rank, -(recursion.recursive_calls(f) or 0)
    if not counts_costs:
        return figures
    additions = programs.kept_additions(f)
    return *figures, math.inf if additions is None else additions, sum(f.nonzeros)


def add_recipes(folder: str | os.PathLike, recipes: Mapping[str, Recipe]) -> list[str]:
    """Keeps those recipes that beat what the folder has; returns a line for each that is kept.

    They are made from the library's parts to count their terms, and verified when they are used.
    Recipes of formats that have a file, and those that lack a part, are not kept.

    Args:
      folder: the library.
      recipes: by name, such as `'13x14x16_Z'`.

    Raises:
      FileError: if the folder cannot be written.
    """
    folder = exact_files.folder_of(folder)
    with files.locked(folder, index_cache.LOCK_SECONDS):
        read = recipe_file.read(folder)
        book, new = (
            {k: r for k, r in x.items() if not (folder / f"{k}.npz").exists()}
            for x in (read, recipes)
        )
        both, lines = book | new, []
        for name in new:
            old = _recipe_rank(folder, name, book) if name in book else None
            rank = _recipe_rank(folder, name, both)
            if rank is not None and (old is None or rank < old):
                book[name] = new[name]
                note = f" (was {old})" if old else ""
                lines.append(f"{folder / name}: rank {rank}{note}, as a recipe.")
        if lines:
            recipe_file.write(folder, book)
        index_cache.repair(folder)
    return lines


def _recipe_rank(folder: pathlib.Path, name: str, book: Mapping[str, Recipe]) -> int | None:
    """Returns how many multiplications a recipe takes; None where it lacks a part."""
    try:
        return expansion.made(folder, name, book).rank
    except FileError:
        return None


def best(
    folder: str | os.PathLike,
    target: targets.Target | targets.Sizes | str,
    ring: rings.Ring | str = "Z",
) -> Factorization | None:
    """Does what `find` does; a damaged file counts as missing, with a warning of one line."""
    try:
        return find(folder, target, ring)
    except FileError as error:
        exact_files.set_aside(str(error))
        return None


def find(
    folder: str | os.PathLike,
    target: targets.Target | targets.Sizes | str,
    ring: rings.Ring | str = "Z",
) -> Factorization | None:
    """Returns the folder's factorization of a target, verified; None where there is none.

    Args:
      folder: the library.
      target: a target; (n, m, p), for which the result has exactly this order of sizes; or text
        such as `'4x5x5'`, `'skew4'` or `'my.npy'`.
      ring: a ring or its name; `'Q'` for one with fractions.

    Raises:
      FileError: for a file that is damaged, not exact or holds something else than its name says,
        and for a recipe that lacks a part.
      ValueError: for text that names no target.
    """
    name = ring if isinstance(ring, str) else ring.name
    if isinstance(target, str):
        target = targets.parse(target)
    path = exact_files.folder_of(folder) / f"{exact_files.stem(target)}_{name}.npz"
    f = exact_files.read(path) if path.exists() else expansion.expand(folder, path.stem)
    if f is None:
        return None
    sizes = target.sizes if isinstance(target, targets.Target) else target
    if sizes is not None:
        return transforms.permute_sizes(f, tuple(sizes))
    same = np.array_equal(f.target.tensor, target.tensor)
    return f.replace(target=target) if same else None
