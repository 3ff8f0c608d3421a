"""What the recipes of a library make: factorizations, and how many multiplications they take.

Where a format has a file as well, the file goes before the recipe. Terms that vanish are dropped,
so a recipe may take fewer multiplications than its parts together.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping

from alphatensor import rings
from alphatensor.factorization import textbook, transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats
from alphatensor.factorization.library import exact_files, recipe_file, recipes
from alphatensor.factorization.library.recipes import Recipe, key_of
from alphatensor.files import FileError
from alphatensor.targets import Sizes


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


def made(
    folder: str | os.PathLike, name: str, book: Mapping[str, Recipe] | None = None
) -> Factorization:
    """Makes what a recipe says from exact parts, and does not verify the result.

    Args:
      folder: the library.
      name: name of the recipe.
      book: recipes by name; by default the library's.

    Raises:
      FileError: where there is no such recipe, or a part is missing or damaged.
    """
    book, known = recipe_file.read(folder) if book is None else book, {}

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


def check_sums(
    book: Mapping[str, Recipe], file_sum: Callable[[str], str | None]
) -> dict[str, str | None]:
    """Returns a check sum of each recipe and of all that it is made of, by name.

    It is None for recipes that lack a part or are made from themselves.

    Args:
      book: recipes by name.
      file_sum: a function from a name to the check sum of the library's file; None without one.
    """
    known: dict[str, str | None] = {}

    def sum_of(name: str) -> str | None:
        if name not in known:
            known[name] = None  # while it is looked at
            known[name] = file_sum(name) or (anew(name) if name in book else None)
        return known[name]

    def anew(name: str) -> str | None:
        recipe, (_, ring) = book[name], recipe_file.parse_name(name)
        needed = sorted({s for s in recipe.needs if min(s) > 1})
        sums = [sum_of(key_of(s, recipe.part_ring(ring))) for s in needed]
        if None in sums:
            return None
        text = json.dumps([name, recipe_file.to_json(recipe), sums])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    return {name: sum_of(name) for name in book}
