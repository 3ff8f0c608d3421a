"""The recipes of a library: `recipes.json`, with a line for each factorization that has no file.

  "13x14x16_Z": {"operation": "sum", "parts": ["13x14x8", "13x14x8"], "axis": "p"}

The file has three members: `version`; `bases`, which holds the base algorithms of blocks; and
`recipes`. `alphatensor.factorization.library.recipes` says what the operations mean.
"""

import functools
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from alphatensor import files, limits, rings, targets
from alphatensor.factorization import aggregation, composition
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats, parsing
from alphatensor.factorization.library import exact_files
from alphatensor.factorization.library.recipes import PARTS, Recipe, key_of
from alphatensor.files import FileError
from alphatensor.targets import Sizes

RECIPES = "recipes.json"
VERSION = 1


def path_of(folder: str | os.PathLike) -> pathlib.Path:
    """Returns the path of a library's recipes."""
    return exact_files.folder_of(folder) / RECIPES


def read(folder: str | os.PathLike) -> dict[str, Recipe]:
    """Returns a library's recipes by name; what cannot be used is set aside, with a warning."""
    path = path_of(folder)
    try:
        status = os.stat(path)
    except OSError:
        return {}
    version = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    found, problems = _read(path, version)
    for line in problems:
        exact_files.set_aside(line)
    return dict(found)


def write(folder: str | os.PathLike, recipes: Mapping[str, Recipe]) -> None:
    """Writes a library's recipes; the caller holds the folder's lock. Raises `FileError`."""
    bases = {_base_name(r.base): r.base for r in recipes.values() if r.base is not None}
    shown = {
        "bases": {name: _base_json(bases[name]) for name in sorted(bases)},
        "recipes": {name: to_json(recipes[name]) for name in sorted(recipes, key=natural_order)},
    }
    texts = [f'  "version": {VERSION}']
    for section, entries in shown.items():
        lines = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
        texts.append(f'  "{section}": {{\n{lines}\n  }}' if lines else f'  "{section}": {{}}')
    formats.write_text(path_of(folder), "{\n" + ",\n".join(texts) + "\n}\n")


def natural_order(name: str) -> tuple:
    """Returns a key that sorts `'3x4x5_Z'` before `'10x10x10_Z'`."""
    return [int(x) if x.isdecimal() else 0 for x in re.split(r"[x_]", name)], name


@functools.lru_cache(maxsize=4096)
def parse_name(name: str) -> tuple[Sizes, rings.Ring]:
    """Returns the sorted format and the ring of a name such as `'13x14x16_Z'`.

    Raises:
      ValueError: for another text, and for formats whose tensor would be too large.
    """
    text, _, domain = name.partition("_")
    sizes, ring = targets.parse_sizes(text), rings.parse(domain)
    if key_of(sizes, ring) != name:
        raise FileError("expected a name such as '13x14x16_Z', sizes in increasing order.")
    n, m, p = sizes
    if (n * m * p) ** 2 > limits.MAX_TENSOR_ENTRIES:
        raise FileError(f"{text}: a tensor of more than {limits.MAX_TENSOR_ENTRIES} entries.")
    return sizes, ring


@functools.lru_cache(maxsize=4)
def _read(path: pathlib.Path, _version: tuple) -> tuple[dict[str, Recipe], list[str]]:
    """Returns the recipes of a file, and a line for everything that cannot be used."""
    try:
        data = parsing.read_json(files.read_text(path, limits.MAX_TEXT_BYTES), str(path))
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise FileError(f"{path}: expected recipes of version {VERSION}.")
        for section in ("bases", "recipes"):
            if not isinstance(data.get(section), dict):
                raise FileError(f"{path}: field {section!r}: expected an object.")
    except FileError as error:
        return {}, [str(error)]
    bases, found, problems = {}, {}, []
    for name, value in data["bases"].items():
        try:
            bases[name] = _parse_base(f"{path}: base {name!r:.40}", value)
        except FileError as error:
            problems.append(str(error))
    for name, value in data["recipes"].items():
        try:
            found[name] = _parse(name, value, bases)
        except ValueError as error:
            problems.append(f"{path}: {name!r:.40}: {error}")
    return found, problems


def _parse(name: str, value: Any, bases: Mapping[str, Factorization]) -> Recipe:
    """Reads one recipe; raises `ValueError` without the file and the name."""
    sizes, ring = parse_name(name)
    operation = value.get("operation") if isinstance(value, dict) else None
    if not isinstance(operation, str) or operation not in PARTS:
        raise ValueError(f"field 'operation': expected one of {', '.join(PARTS)}.")
    if operation == "mod" and not ring.is_modular:
        raise ValueError("field 'operation': mod is for modular rings.")
    parts = value.get("parts", [])
    if not isinstance(parts, list) or len(parts) != PARTS[operation]:
        raise ValueError(f"field 'parts': expected {PARTS[operation]} formats.")
    axis = value.get("axis") if operation in ("sum", "drop") else None
    if operation in ("sum", "drop") and axis not in composition.AXES:
        raise ValueError("field 'axis': expected n, m or p.")
    recipe = Recipe(operation, tuple(targets.parse_sizes(str(x)) for x in parts), axis)
    if operation == "polygons":
        recipe = recipe._replace(construction=_construction(value))
    if operation == "blocks":
        base = bases.get(str(value.get("base")))
        if base is None or base.ring != ring:
            raise ValueError(f"base {value.get('base')!r:.40}: missing or damaged.")
        recipe = recipe._replace(base=base, split=_split(value.get("split"), base))
    if operation == "pairs" and not (recipe.sizes[1] == 2 and recipe.sizes[0] <= recipe.sizes[2]):
        raise ValueError("field 'parts': expected a format nx2xp with n <= p.")
    if tuple(sorted(recipe.sizes)) != sizes:
        raise ValueError(f"the parts make {targets.format_name(recipe.sizes)}.")
    return recipe


def _construction(value: Mapping[str, Any]) -> aggregation.Construction:
    cube, shrunk = value.get("cube"), value.get("contractions")
    if not _are_integers(cube, 3) or cube[1] not in (0, 1) or cube[2] not in (0, 1):
        raise ValueError("field 'cube': expected its size, and 0 or 1 twice.")
    if not 2 <= cube[0] <= limits.MAX_SIZE:
        raise ValueError(f"field 'cube': expected a size from 2 to {limits.MAX_SIZE}.")
    edges = dict.fromkeys(composition.AXES, cube[0] + 1)
    for x in shrunk if isinstance(shrunk, list) else [None]:
        is_one = isinstance(x, list) and len(x) == 3 and x[0] in composition.AXES
        if not is_one or not _are_integers(x[1:], 2) or (x[1] - x[2]) % edges[x[0]] == 0:
            raise ValueError("field 'contractions': expected lists of n, m or p and two edges.")
        edges[x[0]] -= 1
        if edges[x[0]] < 3:
            raise ValueError("field 'contractions': expected sizes of 2 or more to be left.")
    return aggregation.Construction(*cube, tuple(aggregation.Contraction(*x) for x in shrunk))


def _are_integers(value: Any, number: int) -> bool:
    is_list = isinstance(value, list) and len(value) == number
    return is_list and all(type(x) is int for x in value)


def _split(value: Any, base: Factorization) -> tuple[tuple[int, ...], ...]:
    fits = isinstance(value, list) and [len(x) for x in value if isinstance(x, list)] == [
        *base.sizes
    ]
    if not fits or len(value) != 3:
        raise ValueError(f"field 'split': expected block sizes for {base.target.name}.")
    if not all(type(i) is int and 0 <= i <= limits.MAX_SIZE for x in value for i in x):
        raise ValueError(f"field 'split': expected integers from 0 to {limits.MAX_SIZE}.")
    return tuple(map(tuple, value))


def to_json(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as it stands in the file."""
    if recipe.base is not None:
        split = [list(x) for x in recipe.split]
        return {"operation": recipe.operation, "base": _base_name(recipe.base), "split": split}
    if recipe.construction is not None:
        size, half, turned, contractions = recipe.construction
        shown = {"cube": [size, half, turned], "contractions": [list(c) for c in contractions]}
        return {"operation": recipe.operation, **shown}
    names = [targets.format_name(s) for s in recipe.parts]
    axis = {"axis": recipe.axis} if recipe.axis else {}
    return {"operation": recipe.operation, "parts": names, **axis}


def _parse_base(where: str, value: Any) -> Factorization:
    """Reads a base algorithm, and verifies it."""
    if not isinstance(value, dict):
        raise FileError(f"{where}: expected an object.")
    try:
        ring = rings.parse(str(value.get("ring")))
        sizes = parsing.sizes(str(value.get("format")).split("x"), where, "format")
        factors = [np.array(value.get(name), np.int64).T for name in "uvw"]
    except (ValueError, TypeError, OverflowError) as error:
        raise FileError(f"{where}: {' '.join(str(error).split())}") from None
    target = parsing.matmul(where, "u, v, w", sizes, factors)
    f = parsing.build(where, "u, v, w", target, ring, factors, {"method": "base"})
    parsing.check_file(where, [f])
    check = f.verify()
    if not check.ok:
        raise FileError(f"{where}: {check.message}")
    return f


def _base_json(f: Factorization) -> dict[str, Any]:
    rows = {name: x.T.tolist() for name, x in zip("uvw", f.factors, strict=True)}
    return {"format": f.target.name, "ring": f.ring.name, **rows}


@functools.lru_cache(maxsize=1024)
def _base_name(f: Factorization) -> str:
    digest = hashlib.sha256(json.dumps(_base_json(f)).encode()).hexdigest()
    return f"{f.target.name}:{f.rank}:{digest[:8]}"
