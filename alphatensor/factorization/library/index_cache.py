"""The index of a library, `index.json`: what it holds, for tables that need no arrays.

The index is a cache. The entry of a file has a check sum of the file and of itself, that of a
recipe one of the recipe, its parts and itself; an entry that does not agree is made anew. What is
said to be exact is verified all the same: `ranks` is for plans, `verified_ranks` for claims.
"""

import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from alphatensor import files, limits, targets
from alphatensor.factorization.analysis import costs, programs, recursion, straight_line
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import formats, parsing
from alphatensor.factorization.library import exact_files, expansion, recipe_file
from alphatensor.files import FileError

INDEX = "index.json"
MAX_SHARED_RANK = 130  # beyond, counting shared additions takes too long for an index
LOCK_SECONDS = 600.0  # how long a writer waits for another one


def index(folder: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """Returns what the library holds: `'3x3x4_Z'` → rank, costs, provenance, check sum.

    Entries that agree are taken from the index, the others made from the files, which must be
    exact, and the recipes. Nothing is written.
    """
    known, others = _agreeing(exact_files.folder_of(folder), "*.npz")
    read = ((path, exact_files.read_or_warn(path)) for path in others)
    known |= {path.stem: _checked(path, entry(f)) for path, f in read if f is not None}
    return _recipes(folder, known) | known


def ranks(folder: str | os.PathLike, domain: str = "Z") -> dict[targets.Sizes, int]:
    """Returns the folder's ranks over one domain, by sorted format, as the index has them.

    They are for plans: a file is verified where the index does not agree with it, and every file
    when it is used.
    """
    known, others = _agreeing(exact_files.folder_of(folder), "*x*x*_*.npz")
    made = _recipes(folder, known, domain)
    found = {recipe_file.parse_name(name)[0]: x["rank"] for name, x in made.items()}
    for sizes, path in exact_files.matmul_paths(folder, domain).items():
        if path.stem in known:
            found[sizes] = known[path.stem]["rank"]
        elif path in others and (f := exact_files.read_or_warn(path)):
            found[sizes] = f.rank
    return found


def verified_ranks(
    folder: str | os.PathLike, domain: str = "Z", maximum: int | None = None
) -> dict[targets.Sizes, int]:
    """Returns the folder's ranks over one domain, by sorted format, each verified just now.

    Every file is verified. Recipes are made from verified parts, and their terms counted; products
    of exact parts are exact, so the sums themselves are left to `store.find`.

    Args:
      folder: the library.
      domain: `'Z'`, `'Q'`, `'Z2'`, ...
      maximum: the largest size of a format; None for all.
    """
    found = {}
    for name in recipe_file.read(folder):
        sizes, ring = recipe_file.parse_name(name)
        if ring.name == domain and max(sizes) <= (maximum or max(sizes)):
            try:
                found[sizes] = expansion.made(folder, name).rank
            except FileError as error:
                exact_files.set_aside(str(error))
    for sizes, path in exact_files.matmul_paths(folder, domain).items():
        if max(sizes) <= (maximum or max(sizes)) and (f := exact_files.read_or_warn(path)):
            found[sizes] = f.rank
    return found


def reindex(folder: str | os.PathLike) -> list[str]:
    """Rebuilds the index from the files; returns one line for each file that is damaged.

    Recipes whose part is missing or damaged are set aside, with a warning.
    """
    folder = exact_files.folder_of(folder)
    problems, entries = [], {}
    with files.locked(folder, LOCK_SECONDS):
        remove_leftovers(folder)
        for path in sorted(folder.glob("*.npz")):
            try:
                entries[path.stem] = _checked(path, entry(exact_files.read(path)))
            except FileError as error:
                problems.append(str(error))
        _write(folder, _recipes(folder, entries) | entries)
    return problems


def repair(folder: pathlib.Path) -> None:
    """Mends what a killed writer left; the caller holds the folder's lock.

    Temporary files of dead writers are deleted, and the index is written anew where it does not
    agree with the files.
    """
    remove_leftovers(folder)
    current = index(folder)
    if current != _stored(folder):
        _write(folder, current)


def remove_leftovers(folder: pathlib.Path) -> None:
    """Deletes the temporary files of writers that are dead; raises `FileError`."""
    try:
        files.remove_leftovers(folder)
    except OSError as error:
        raise FileError(f"{folder}: cannot be written ({error.strerror}).") from None


def entry(f: Factorization) -> dict[str, Any]:
    """Returns the index's entry for a factorization: its rank, costs and provenance, no programs.

    Figures without a meaning are left out, and beyond rank `MAX_SHARED_RANK` shared additions of an
    algorithm that keeps no programs.
    """
    trials = straight_line.TRIALS if f.rank <= MAX_SHARED_RANK else 0
    c = costs.measure(f, trials)
    figures = {
        "additions_naive": c.additions_naive,
        "additions_shared": c.additions_shared,
        "keeps_programs": programs.kept(f) is not None or None,
        "nonzeros": sum(c.nonzeros),
        "recursive_calls": recursion.recursive_calls(f),
        "largest_coefficient": str(c.largest_coefficient),
        "omega": c.omega and round(c.omega, 4),
        "e_max": c.e_max and round(c.e_max, 3),
        "gamma": c.gamma and round(c.gamma, 3),
        "phi": c.phi and round(c.phi, 3),
    }
    known = {key: value for key, value in figures.items() if value is not None}
    provenance = {key: value for key, value in f.provenance.items() if key != "programs"}
    return {"rank": f.rank, **known, "provenance": provenance}


def _recipes(
    folder: str | os.PathLike, files_: Mapping[str, dict], domain: str | None = None
) -> dict[str, dict[str, Any]]:
    """Returns the entries of the recipes over a domain, or all, from those of the files.

    A recipe that lacks a part is set aside, with a warning that names both.
    """
    folder, found = exact_files.folder_of(folder), {}
    book, stored = recipe_file.read(folder), _stored(folder)
    sums = expansion.check_sums(book, lambda name: files_.get(name, {}).get("check"))
    for name in book:
        value = stored.get(name)
        if domain not in (None, recipe_file.parse_name(name)[1].name):
            continue
        if sums[name] and isinstance(value, dict) and value == _summed(sums[name], value):
            found[name] = value
            continue
        try:
            f = expansion.made(folder, name)
        except FileError as error:
            exact_files.set_aside(str(error))
            continue
        figures = {"rank": f.rank, "additions_naive": costs.additions_naive(f)}
        found[name] = _summed(sums[name] or "", figures | {"provenance": dict(f.provenance)})
    return found


def _agreeing(folder: pathlib.Path, pattern: str) -> tuple[dict[str, dict], list[pathlib.Path]]:
    """Returns the entries that agree with their files, and the paths of the other files."""
    stored, known, others = _stored(folder), {}, []
    for path in sorted(folder.glob(pattern)):
        value = stored.get(path.stem)
        if isinstance(value, dict) and value == _checked(path, value):
            known[path.stem] = value
        else:
            others.append(path)
    return known, others


def _stored(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what stands in the index; a damaged one counts as empty, with a warning."""
    path = folder / INDEX
    if not path.exists():
        return {}
    try:
        data = parsing.read_json(files.read_text(path, limits.MAX_TEXT_BYTES), str(path))
        if not isinstance(data, dict):
            raise FileError(f"{path}: not an index.")
    except FileError as error:
        exact_files.set_aside(f"{error} `reindex` rebuilds it.")
        return {}
    return data


def _checked(path: pathlib.Path, value: dict[str, Any]) -> dict[str, Any]:
    """Returns an entry with the check sum of the file at `path` and of itself."""
    return _summed(_digest(path), value)


def _summed(origin: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an entry with the check sum of itself and of what it is made from."""
    rest = {key: x for key, x in value.items() if key != "check"}
    text = origin + json.dumps(rest, sort_keys=True)
    return rest | {"check": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _digest(path: pathlib.Path) -> str:
    """Returns the check sum of a file's content, or an empty text if it cannot be read."""
    try:
        status = os.stat(path)
        version = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return _digest_of(path, version)
    except (OSError, FileError):
        return ""


@functools.lru_cache(maxsize=4096)
def _digest_of(path: pathlib.Path, _version: tuple[int, ...]) -> str:
    return hashlib.sha256(files.read(path, limits.MAX_FILE_BYTES)).hexdigest()


def _write(folder: pathlib.Path, data: dict) -> None:
    ordered = sorted(data.items(), key=lambda item: recipe_file.natural_order(item[0]))
    lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in ordered]
    formats.write_text(folder / INDEX, "{\n" + ",\n".join(lines) + "\n}\n")
