"""Where walks of a format start: from schemes of the formats next to it.

Schemes of formats one smaller or larger in a size are extended or projected, those of two formats
glued, and those that keep a symmetry extended so that they keep it.
"""

import functools
import itertools
from collections.abc import Callable, Hashable, Iterator

from alphatensor import rings
from alphatensor.factorization import (
    Factorization,
    direct_sum,
    extend,
    naive,
    permute_sizes,
    project,
    projections,
)
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph import symmetry as flip_symmetry
from alphatensor.flip_graph.symmetry import (
    Reflection,
    Relabelling,
    Reversal,
    Rotation,
    Symmetry,
    Transposition,
)

NEIGHBOURS = 32  # schemes of each format next to one that its walks start from
DIRECTIONS = 4  # in which each is projected


def neighbours(
    sizes, schemes_of: Callable[[tuple], list], directions: int = DIRECTIONS
) -> dict[Hashable, list[Factorization]]:
    """Schemes of each format one smaller or larger in one size, brought to this one, best first.

    Args:
      sizes: of this one.
      schemes_of: schemes of a format, its sizes sorted.
      directions: in which a larger one is projected; 0: the last row or column is removed.
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
    sizes, schemes_of: Callable[[tuple], list], ring: rings.Ring
) -> dict[Hashable, list[Factorization]]:
    """Schemes glued from those of two formats with two or more rows (columns) each."""
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


def symmetric(
    symmetry: Symmetry, known: Callable[[Symmetry], list[Factorization]]
) -> dict[Hashable, list[Factorization]]:
    """Generators from neighbouring formats, of the schemes known to keep the symmetry there.

    Those of rotations come from schemes that keep the reversal too, of reflections from projected
    ones.
    """
    near = {}
    if type(symmetry) is Rotation:
        near = {(x := Reversal(symmetry.blocks)): known(x)}
    elif isinstance(symmetry, Reflection):
        near = {(x := symmetry.source()): [symmetry.projected(f) for f in known(x)]}
    elif isinstance(symmetry, Transposition):
        near = {
            smaller: [functools.reduce(extend, axes, f) for f in known(smaller)]
            for smaller, axes in symmetry.origins().items()
        }
    elif isinstance(symmetry, Relabelling):
        near = neighbours(symmetry.sizes, lambda key: known(type(symmetry)(key)), directions=0)
    parts = {key: [flip_symmetry.split(f, symmetry) for f in fs] for key, fs in near.items()}
    parts = {key: [f for f in fs if f is not None] for key, fs in parts.items()}
    return {key: fs for key, fs in parts.items() if fs}


def permuted(schemes: list[Factorization], sizes) -> list[Factorization]:
    """The schemes for the same sizes in another order."""
    return [permute_sizes(f, sizes) for f in schemes]


def _adjacent(sizes) -> Iterator[tuple[tuple, list[int], str]]:
    """Formats one smaller or larger in one size: sorted and not, and that size.

    Each once, and where modes fit in words."""
    seen = set()
    for axis, name in enumerate("nmp"):
        for change in (-1, 1):
            near = list(sizes)
            near[axis] += change
            key = tuple(sorted(near))
            if key not in seen and key[0] >= 1 and key[1] * key[2] <= bitmasks.WORD:
                seen.add(key)
                yield key, near, name
