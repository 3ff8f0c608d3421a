"""What the recipes of a library give: ranks that follow from the parts, and factorizations.

A recipe whose part is missing or damaged is set aside, with a warning that names both; the others
are used. Where a format has a file as well, the file goes before the recipe.
"""

import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from alphatensor import rings
from alphatensor.factorization import textbook, transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.library import exact_files, recipe_file, recipes
from alphatensor.factorization.library.recipes import Recipe, key_of
from alphatensor.files import FileError
from alphatensor.targets import Sizes

Held = Callable[[Sizes, str], int | None]  # sorted sizes and a domain to the rank of a file


class Found(NamedTuple):
    """What follows for a recipe from the ranks of its parts.

    Attributes:
      rank: how many multiplications it takes at most.
      provenance: what is said of how it is made.
    """

    rank: int
    provenance: dict[str, Any]


def evaluate(
    book: Mapping[str, Recipe], held: Held, names: Iterable[str] | None = None
) -> tuple[dict[str, Found], dict[str, str]]:
    """Returns what follows for recipes by name, and why others cannot be used.

    Args:
      book: recipes by name.
      held: the rank of the library's file for a format and a domain; None where there is none that
        can be used.
      names: those to look at; by default all.
    """
    rank_of = _ranker(book, held)
    found, problems = {}, {}
    for name in book if names is None else names:
        try:
            used = _needed_ranks(name, book[name], rank_of)
            found[name] = Found(rank_of(name), recipes.provenance(book[name], used))
        except FileError as error:
            problems[name] = str(error)
    return found, problems


def usable(
    folder: str | os.PathLike, held: Held, domain: str | None = None, maximum: int | None = None
) -> dict[str, Found]:
    """Does what `evaluate` does for a library's recipes; the others are named in warnings.

    Args:
      folder: the library.
      held: as in `evaluate`.
      domain: `'Z'`, `'Z2'`, ...; None for all.
      maximum: the largest size of a format; None for all.
    """
    book, names = recipe_file.read(folder), []
    for name in book:
        sizes, ring = recipe_file.parse_name(name)
        if domain in (None, ring.name) and max(sizes) <= (maximum or max(sizes)):
            names.append(name)
    found, problems = evaluate(book, held, names)
    for name, reason in problems.items():
        exact_files.set_aside(f"{recipe_file.path_of(folder)}: {name}: {reason}")
    return found


def expand(folder: str | os.PathLike, name: str) -> Factorization | None:
    """Makes the factorization of a recipe, and verifies it; None where there is no such recipe.

    Args:
      folder: the library.
      name: such as `'13x14x16_Z'`.

    Raises:
      FileError: where a part is missing or damaged, or the result is not exact.
    """
    if name not in recipe_file.read(folder):
        return None
    f = made(folder, name)
    check = f.verify()
    if not check.ok:
        raise FileError(f"{recipe_file.path_of(folder)}: {name}: {check.message}")
    return f


def made(folder: str | os.PathLike, name: str) -> Factorization:
    """Makes what `expand` does of a recipe that exists, and does not verify the result."""
    book, known = recipe_file.read(folder), {}

    def of(name: str) -> Factorization:
        if name not in known:
            known[name] = None  # while it is made
            known[name] = anew(name)
        if known[name] is None:
            raise FileError(f"part {name}: is made from itself.")
        return known[name]

    def anew(name: str) -> Factorization:
        _, ring = recipe_file.parse_name(name)
        path = exact_files.folder_of(folder) / f"{name}.npz"
        if path.exists():
            return exact_files.read(path)
        if name not in book:
            raise FileError(f"part {name}: missing.")
        return exact_files.standard_order(recipes.assemble(book[name], ring, part))

    def part(sizes: Sizes, ring: rings.Ring) -> Factorization:
        if min(sizes) == 1:
            return textbook.naive(sizes, ring)
        return transforms.permute_sizes(of(key_of(sizes, ring)), sizes)

    try:
        return of(name)
    except FileError as error:
        raise FileError(f"{recipe_file.path_of(folder)}: {name}: {error}") from None


def load(
    path: str | os.PathLike, ring: rings.Ring | None = None
) -> Iterator[tuple[str, Factorization | FileError]]:
    """Yields the factorizations of a file with a name for each; none of them is verified yet.

    `FOLDER/13x14x16_Z.npz` that is no file stands for the recipe of that name in the folder, and
    `FOLDER/recipes.json` for all of them; one that cannot be made comes as the reason.

    Args:
      path: a file in any format that is read, or a recipe's name in a library.
      ring: the ring of a file that does not say it; by default the integers.

    Raises:
      FileError: for a file that cannot be used.
    """
    path = pathlib.Path(path)
    book = recipe_file.read(path.parent) if path.name == recipe_file.RECIPES else {}
    names = list(book) or ([path.stem] if is_recipe(path) else [])
    for name in names:
        try:
            yield str(path.parent / name), made(path.parent, name)
        except FileError as error:
            yield str(path.parent / name), error
    if not names:
        found = formats.load(path, ring)
        for i, f in enumerate(found):
            yield f"{path}[{i}]" if len(found) > 1 else str(path), f


def is_recipe(path: str | os.PathLike) -> bool:
    """Tells whether a path is no file, but names a recipe of the library in its folder."""
    path = pathlib.Path(path)
    return not path.exists() and path.stem in recipe_file.read(path.parent)


def _ranker(book: Mapping[str, Recipe], held: Held) -> Callable[[str], int]:
    """Returns a function from a name to its rank, which raises `FileError` where it has none."""
    known: dict[str, int | FileError | None] = {}

    def rank_of(name: str) -> int:
        if name not in known:
            known[name] = FileError(f"part {name}: is made from itself.")  # while it is looked at
            try:
                known[name] = rank_anew(name)
            except FileError as error:
                known[name] = error
        if isinstance(known[name], FileError):
            raise known[name]
        return known[name]

    def rank_anew(name: str) -> int:
        sizes, ring = recipe_file.parse_name(name)
        rank = held(sizes, ring.name)
        if rank is None and name not in book:
            raise FileError(f"part {name}: missing or damaged.")
        return book[name].rank(_needed_ranks(name, book[name], rank_of)) if rank is None else rank

    return rank_of


def _needed_ranks(name: str, recipe: Recipe, rank_of: Callable[[str], int]) -> list[int]:
    """Returns the ranks of what a recipe needs; thin formats are naive, and zeros cost nothing."""
    ring = recipe.part_ring(recipe_file.parse_name(name)[1])
    return [math.prod(s) if min(s) <= 1 else rank_of(key_of(s, ring)) for s in recipe.needs]
