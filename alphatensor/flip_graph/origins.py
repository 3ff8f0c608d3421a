"""Where walks of a format start: schemes of the formats next to it, brought to this one.

Schemes of formats one smaller or larger in one size are extended or projected, those of two formats
are glued, or one with its own copy, and those of two whose sizes multiply to this one's are
multiplied. Two starts come from rules: for 2×n×p Strassen's algorithm on pairs of indices, for the
others trilinear aggregation. What walks made of an aggregated scheme loses a row or column in two
sizes at once, by edges of its polygons that shrink in step.
"""

import functools
import itertools
from collections.abc import Callable, Collection, Hashable, Iterator

from alphatensor import rings
from alphatensor.factorization import (
    Factorization,
    aggregated,
    direct_sum,
    extend,
    kronecker,
    naive,
    permute_sizes,
    project,
    projections,
    reduce_mod,
    strassen_pairs,
)
from alphatensor.factorization.aggregation import PAIRS as EDGES
from alphatensor.factorization.aggregation import shrunk
from alphatensor.factorization.transforms import ORIENTATIONS
from alphatensor.flip_graph import bitmasks
from alphatensor.targets import Sizes

NEIGHBOURS = 32  # schemes of each format next to one that its walks start from
PRODUCTS = 4  # schemes of each format that are multiplied by others
DIRECTIONS = 4  # directions in which each larger scheme is projected
LEAST_PAIRS = 7  # the largest size of the formats that start from pairs of indices, or more
PRODUCT = "product"
COPIES = "copies"
PAIRS = "pairs"  # where Strassen's algorithm on pairs of indices comes from
AGGREGATION = "aggregation"  # where schemes by trilinear aggregation come from
CONTRACTION = "contraction"
CONTRACTED = 2  # schemes of each format that lose edges in step


def neighbours(
    sizes: Sizes,
    schemes_of: Callable[[Sizes], list[Factorization]],
    directions: int = DIRECTIONS,
) -> dict[Hashable, list[Factorization]]:
    """Brings the schemes of formats one smaller or larger in one size to this one.

    Args:
      sizes: n, m and p of this format.
      schemes_of: returns the known schemes of a format, its sizes sorted.
      directions: the number of directions in which a larger scheme is projected; with 0 the last
        row or column is removed.

    Returns:
      For the sizes of each such format, schemes of this one, those of least rank first.
    """
    brought = {}
    for key, near, name in _adjacent(sizes):
        schemes = [permute_sizes(f, near) for f in schemes_of(key)[:NEIGHBOURS]]
        if sum(near) < sum(sizes):
            fs = [extend(f, name) for f in schemes]
        elif directions:
            fs = [g for f in schemes for g in projections(f, name, directions)]
        else:
            fs = [project(f, name) for f in schemes]
        if fs:
            brought[key] = sorted(fs, key=lambda f: f.rank)
    return brought


def sums(
    sizes: Sizes, schemes_of: Callable[[Sizes], list[Factorization]], ring: rings.Ring
) -> dict[Hashable, list[Factorization]]:
    """Glues schemes of this format from those of two with two or more rows (columns) each.

    Where no scheme of a part is known, the naive algorithm stands for it.

    Returns:
      For the pair of sizes of both parts, schemes of this format.
    """
    glued = {}
    for axis, name in enumerate("nmp"):
        for first in range(2, sizes[axis] // 2 + 1):
            parts = [list(sizes), list(sizes)]
            parts[0][axis], parts[1][axis] = first, sizes[axis] - first
            keys = tuple(tuple(sorted(part)) for part in parts)
            known = [(schemes_of(key) or [naive(key, ring)])[:NEIGHBOURS] for key in keys]
            if keys not in glued:
                pairs = zip(*map(itertools.cycle, known), strict=True)
                glued[keys] = [
                    direct_sum(permute_sizes(f, parts[0]), permute_sizes(g, parts[1]), name)
                    for f, g in itertools.islice(pairs, max(map(len, known)))
                ]
    return glued


def copies(
    sizes: Sizes, schemes_of: Callable[[Sizes], list[Factorization]], of: str = ""
) -> dict[Hashable, list[Factorization]]:
    """Glues each scheme to a copy of itself, of which some rows (columns) may be removed.

    A format of p columns comes so from those of p/2 columns or more. Both parts share most of their
    factors, so that walks flip terms of one with those of the other at once. They get further from
    here than from two different schemes of lower rank.

    Args:
      sizes: n, m and p of this format.
      schemes_of: returns the known schemes of a format, its sizes sorted.
      of: a word that tells apart what these schemes are; part of the origins.

    Returns:
      For the sizes of each first part and the number of rows (columns) removed, schemes of this
      format: of each known one in turn, where each time other rows are removed.
    """
    made = {}
    for axis, name in enumerate("nmp"):
        size = sizes[axis]
        for first in range(-(-size // 2), size):
            part = [*sizes[:axis], first, *sizes[axis + 1 :]]
            key = tuple(sorted(part))
            removed = 2 * first - size
            known = permuted(schemes_of(key)[:NEIGHBOURS], part)
            origin = COPIES, key, removed, of
            if not known or origin in made:
                continue
            made[origin] = [
                direct_sum(f, _without(f, name, number, removed), name)
                for number, f in zip(
                    range(NEIGHBOURS if removed else len(known)), itertools.cycle(known)
                )
            ]
    return made


def is_copy(origin: Hashable) -> bool:
    """Says whether schemes of an origin are glued to their own copies."""
    return isinstance(origin, tuple) and origin[0] == COPIES


def is_aggregated(origin: Hashable) -> bool:
    """Says whether schemes of an origin have the coordinates of trilinear aggregation."""
    return origin == AGGREGATION or (isinstance(origin, tuple) and origin[0] == CONTRACTION)


def part_of(origin: Hashable) -> Sizes | None:
    """Returns the sizes of the one format that an origin's schemes come from, None for the others.

    These are extensions, projections and copies.
    """
    if is_copy(origin):
        return origin[1]
    is_sizes = isinstance(origin, tuple) and all(isinstance(x, int) for x in origin)
    return origin if is_sizes else None


def _without(f: Factorization, name: str, first: int, number: int) -> Factorization:
    """Removes a number of rows or columns, from the first on, which is taken modulo their size."""
    size = f.sizes["nmp".index(name)]
    for index in sorted(((first + k) % size for k in range(number)), reverse=True):
        f = project(f, name, index)
    return f


def products(
    sizes: Sizes, schemes_of: Callable[[Sizes], list[Factorization]]
) -> dict[Hashable, list[Factorization]]:
    """Multiplies schemes of two formats: one works on blocks, the other inside them.

    Returns:
      For each pair of sizes of both parts that have known schemes, schemes of this format.
    """
    known = functools.cache(lambda key: schemes_of(key)[:PRODUCTS])
    made = {}
    for outer in itertools.product(*map(_divisors, sizes)):
        inner = tuple(size // part for size, part in zip(sizes, outer, strict=True))
        if any(sorted(part)[1] == 1 for part in (outer, inner)):
            continue  # one row and one column: copies alone
        parts = [known(tuple(sorted(part))) for part in (outer, inner)]
        if all(parts):
            pairs = zip(*map(itertools.cycle, parts), strict=True)
            made[PRODUCT, outer, inner] = [
                kronecker(permute_sizes(f, outer), permute_sizes(g, inner))
                for f, g in itertools.islice(pairs, max(map(len, parts)))
            ]
    return made


@functools.cache
def pairs(sizes: Sizes, ring: rings.Ring) -> dict[Hashable, list[Factorization]]:
    """Returns Strassen's algorithm on pairs of indices, for the sizes 2, n, p in some order.

    None for sizes below `LEAST_PAIRS`, for which walks find as low ranks by themselves.
    """
    small, n, p = sorted(sizes)
    if small != 2 or p < LEAST_PAIRS:
        return {}
    return {PAIRS: [permute_sizes(strassen_pairs(n, p, ring), sizes)]}


@functools.cache
def aggregation(sizes: Sizes, ring: rings.Ring) -> dict[Hashable, list[Factorization]]:
    """Returns the scheme of a format by trilinear aggregation; none for formats with a side 2.

    It is made once, which takes seconds for long formats.
    """
    if min(sizes) < 3:
        return {}
    f = aggregated(sizes)
    return {AGGREGATION: [reduce_mod(f, ring.modulus) if ring.is_modular else f]}


def contractions(
    sizes: Sizes, schemes_of: Callable[[Sizes], list[Factorization]]
) -> dict[Hashable, list[Factorization]]:
    """Shrinks a pair of edges in schemes of the formats one larger in two sizes.

    Only formats are taken whose schemes are turned round, not transposed, to have the sizes in this
    order: a transposed scheme has other coordinates.

    Returns:
      For the sizes of each such format that has known schemes, schemes of this one.
    """
    made = {}
    for pair in EDGES:
        near = tuple(s + (axis in pair) for s, axis in zip(sizes, "nmp", strict=True))
        key = tuple(sorted(near))
        is_turned = any(x.of_sizes(key) == near for x in ORIENTATIONS if not x.transposed)
        schemes = schemes_of(key)[:CONTRACTED] if is_turned and min(sizes) > 2 else []
        if schemes:
            fs = [shrunk(permute_sizes(f, near), pair) for f in schemes]
            made[CONTRACTION, key, pair] = sorted(fs, key=lambda f: f.rank)
    return made


def by_rule(
    sizes: Sizes, ring: rings.Ring, kinds: Collection[str]
) -> dict[Hashable, list[Factorization]]:
    """Returns the schemes that come from rules alone: pairs, and where asked for aggregation.

    Args:
      sizes: n, m and p of the format.
      ring: their ring.
      kinds: kinds of origins that are asked for.
    """
    made = pairs(sizes, ring)
    return made | aggregation(sizes, ring) if AGGREGATION in kinds else made


RULES = (PAIRS, AGGREGATION)
KINDS = (
    "extension",
    "projection",
    CONTRACTION,
    "sum",
    COPIES,
    PRODUCT,
    *RULES,
    "symmetric",
    "naive",
)


def kind_of(origin: Hashable, sizes: Sizes) -> str:
    """Returns what kind of origin schemes of a format come from, one of `KINDS`.

    Args:
      origin: a key of what the functions above return; None for the naive algorithm, and a symmetry
        for the schemes that keep it.
      sizes: of the format.
    """
    if origin is None:
        return "naive"
    if origin in RULES:
        return origin
    if not isinstance(origin, tuple):
        return "symmetric"
    if origin[0] in (PRODUCT, CONTRACTION) or is_copy(origin):
        return origin[0]
    if isinstance(origin[0], tuple):
        return "sum"
    return "extension" if sum(origin) < sum(sizes) else "projection"


def _divisors(n: int) -> list[int]:
    return [x for x in range(1, n + 1) if n % x == 0]


def permuted(schemes: list[Factorization], sizes: Sizes) -> list[Factorization]:
    """Returns the schemes for the same sizes in another order."""
    return [permute_sizes(f, sizes) for f in schemes]


def _adjacent(sizes: Sizes) -> Iterator[tuple[Sizes, list[int], str]]:
    """Yields formats one smaller or larger in one size, each once, that walkers can hold.

    Yields:
      (sizes in increasing order, sizes in the given format's order, name of the size that differs).
    """
    seen = set()
    for axis, name in enumerate("nmp"):
        for change in (-1, 1):
            near = list(sizes)
            near[axis] += change
            key = tuple(sorted(near))
            if key not in seen and key[0] >= 1 and bitmasks.fits(key):
                seen.add(key)
                yield key, near, name
