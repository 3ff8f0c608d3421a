"""The cheap closure of a library: what its formats give side by side, multiplied, with a row fewer.

Ranks come from dynamic programming over all formats up to a size, which takes seconds; only what
improves is built, verified and stored. Files hold formats up to `LARGEST_FILE`; larger ones are
recipes, unless they have a file.
"""

import functools
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from alphatensor import rings
from alphatensor.factorization import textbook, transforms
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.library import exact_files, index_cache, recipes, store
from alphatensor.factorization.library.recipes import Recipe, key_of
from alphatensor.factorization.library.recombination import formats
from alphatensor.targets import Sizes

LARGEST_FILE = 12  # the largest size of a format that is stored as a file


def close(
    folder: str | os.PathLike,
    ring: rings.Ring,
    maximum: int | None = None,
    report: Callable[[str], None] = print,
) -> dict[Sizes, int]:
    """Stores what the library's own formats give where that beats what it holds.

    A modular library also takes what the folder holds over the integers.

    Args:
      folder: the library.
      ring: the ring of the factorizations.
      maximum: the largest size of the formats 2 ≤ n ≤ m ≤ p that are looked at; by default those
        that the library holds.
      report: called with a line for each format that improved.

    Returns:
      The library's ranks.
    """
    while True:
        held = store.ranks(folder, ring.name)
        over_z = store.ranks(folder) if ring.is_modular else {}
        largest = maximum or max((max(s) for s in held), default=0)
        found = improvements(held, over_z, largest)
        wanted = set(found) if maximum else set(found) & set(held)
        lines = _store(folder, ring, {s: found[s] for s in wanted}, found)
        for line in lines:
            report(line)
        if not lines:
            return held


def close_after(folder: str | os.PathLike, f: Factorization) -> list[str]:
    """Stores what follows from a new factorization for the other formats that the library holds.

    What is new over the integers counts for the modular rings of the library as well.

    Returns:
      A line for each format that improved; none for targets that are not matrix products, and for
      fractions, which do not enter the closure.
    """
    if f.sizes is None or f.domain == "Q":
        return []
    lines = []
    modular = [] if f.ring.is_modular else exact_files.modular_rings(folder)
    for ring in [f.ring, *modular]:
        close(folder, ring, report=lines.append)
    return lines


def is_recipe(folder: str | os.PathLike, sizes: Sizes, ring: rings.Ring) -> bool:
    """Tells whether a library keeps a format as a recipe: it is large, and there is no file."""
    path = exact_files.folder_of(folder) / f"{key_of(sizes, ring)}.npz"
    return max(sizes) > LARGEST_FILE and not path.exists()


def improvements(
    held: Mapping[Sizes, int], over_z: Mapping[Sizes, int], maximum: int
) -> dict[Sizes, Recipe]:
    """Returns a recipe for each format 2 ≤ n ≤ m ≤ p ≤ `maximum` that beats what is held.

    Args:
      held: ranks by sorted format.
      over_z: ranks over the integers, where they count as well.
      maximum: the largest size.
    """
    best = dict(held)
    found: dict[Sizes, Recipe] = {}
    for sizes, rank in over_z.items():
        if max(sizes) <= maximum and rank < best.get(sizes, rank + 1):
            best[sizes], found[sizes] = rank, Recipe("mod", (sizes,))

    def rank_of(sizes: Sizes) -> int:
        n, m, p = sorted(sizes)
        return m * p if n == 1 else best.get((n, m, p), n * m * p)

    considered = [(sizes, _ways(sizes, maximum)) for sizes in formats(maximum)]
    changed = True
    while changed:
        changed = False
        for sizes, ways in considered:
            for recipe in ways:
                rank = recipe.rank([rank_of(s) for s in recipe.parts])
                if sizes not in best or rank < best[sizes]:
                    best[sizes], found[sizes] = rank, recipe
                    changed = True
    return found


def made_at(
    folder: str | os.PathLike, sizes: Sizes, ring: rings.Ring, rank: int
) -> Iterator[Factorization]:
    """Makes what a library's entries give for a format at a rank, side by side and multiplied.

    Args:
      folder: the library.
      sizes: n ≤ m ≤ p.
      ring: the ring of the factorizations.
      rank: theirs.
    """
    held = index_cache.ranks(folder, ring.name)

    def rank_of(sizes: Sizes) -> int:
        return held.get(tuple(sorted(sizes)), math.prod(sizes))

    def part(sizes: Sizes, over: rings.Ring) -> Factorization:
        inner = tuple(sorted(sizes))
        f = None if min(sizes) == 1 else store.best(folder, inner, over)
        return transforms.permute_sizes(f or textbook.naive(inner, over), sizes)

    for recipe in _ways(sizes, max(sizes)):
        if recipe.rank([rank_of(s) for s in recipe.parts]) == rank:
            yield recipes.assemble(recipe, ring, part)


@functools.lru_cache(maxsize=4096)
def _ways(sizes: Sizes, maximum: int) -> tuple[Recipe, ...]:
    """Returns all ways to make a format from formats of sizes up to `maximum`."""
    found = []
    for k, axis in enumerate("nmp"):
        for cut in range(1, sizes[k] // 2 + 1):
            parts = _changed(sizes, k, sizes[k] - cut), _changed(sizes, k, cut)
            found.append(Recipe("sum", parts, axis))
        if sizes[k] < maximum:
            found.append(Recipe("drop", (_changed(sizes, k, sizes[k] + 1),), axis))
    for outer in itertools.product(*map(_divisors, sizes)):
        inner = tuple(s // t for s, t in zip(sizes, outer, strict=True))
        if max(outer) > 1 and max(inner) > 1:
            found.append(Recipe("product", (outer, inner)))
    return tuple(found)


def _changed(sizes: Sizes, k: int, size: int) -> Sizes:
    return tuple(size if i == k else s for i, s in enumerate(sizes))


def _divisors(size: int) -> list[int]:
    return [d for d in range(1, size + 1) if size % d == 0]


def _store(
    folder: str | os.PathLike,
    ring: rings.Ring,
    wanted: Mapping[Sizes, Recipe],
    found: Mapping[Sizes, Recipe],
) -> list[str]:
    """Stores improvements; returns a line for each format that the library holds better now.

    Args:
      folder: the library.
      ring: the ring of the factorizations.
      wanted: what is stored.
      found: recipes of all formats that improve, for parts that are not there yet.
    """

    @functools.cache
    def built(sizes: Sizes) -> Factorization:
        return transforms.permute_sizes(recipes.assemble(found[sizes], ring, part), sizes)

    def part(sizes: Sizes, over: rings.Ring) -> Factorization:
        if min(sizes) == 1:
            return textbook.naive(sizes, over)
        inner = tuple(sorted(sizes))
        f = built(inner) if over == ring and inner in found else store.best(folder, inner, over)
        return transforms.permute_sizes(f or textbook.naive(inner, over), sizes)

    large, lines = {}, []
    for sizes in sorted(_with_parts(wanted, found), key=lambda s: (sum(s), s)):
        if is_recipe(folder, sizes, ring):
            large[key_of(sizes, ring)] = found[sizes]
        else:
            added = store.add(folder, built(sizes))
            lines += [added.message] * added.kept
    return lines + (store.add_recipes(folder, large) if large else [])


def _with_parts(wanted: Iterable[Sizes], found: Mapping[Sizes, Recipe]) -> Iterator[Sizes]:
    """Yields the formats that are wanted, and the parts of recipes that the library lacks."""
    seen, left = set(), list(wanted)
    while left:
        sizes = left.pop()
        if sizes in seen:
            continue
        seen.add(sizes)
        yield sizes
        if max(sizes) > LARGEST_FILE:
            parts = (tuple(sorted(s)) for s in found[sizes].parts)
            left += [s for s in parts if s in found]
