"""Schemes that a symmetry of order three of their target leaves alone.

Such a scheme is a set of *fixed* terms and of orbits of three terms, of which one, the generator,
says all (Ballard, Ikenmeyer, Landsberg and Ryder 2019, arXiv 1801.00843; Moosbauer and Poole 2025,
arXiv 2502.04514). Two symmetries are used:

`Rotation`, of square formats: with the target's third mode read transposed, as here, its tensor is
the same after a⊗b⊗c -> b⊗c⊗a. The fixed terms are a⊗a⊗a with block-diagonal unit matrices a that
sum to the identity: over Z2 the vectors of all fixed terms of any such scheme must sum to it.

`Cycle`, of formats with all sizes of three or more: the tensor is the same when 0 -> 1 -> 2 -> 0 is
done to the rows and columns of all matrices, further indices staying as they are. The fixed terms
are those of the naive product of the blocks of further indices.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, from_arrays, naive

ORDER = 3  # of both symmetries; also the number of indices that a cycle moves


@dataclasses.dataclass(frozen=True)
class Rotation:
    """Of the modes; `blocks` are the sizes of the blocks of the fixed terms, which sum to n."""

    blocks: tuple[int, ...]

    def __str__(self) -> str:
        return f"rotation {self.blocks}"


@dataclasses.dataclass(frozen=True)
class Cycle:
    """Of the first three rows and columns of the matrices of a format (n, m, p)."""

    sizes: tuple[int, int, int]

    def __str__(self) -> str:
        return "cycle"


Symmetry = Rotation | Cycle


def symmetries(sizes: tuple[int, int, int]) -> list[Symmetry]:
    """Those that walks of a format may keep."""
    n = sizes[0]
    rotations = [Rotation(b) for b in partitions(n)] if len(set(sizes)) == 1 and n > 1 else []
    cycles = [Cycle(sizes)] if min(sizes) >= ORDER else []
    return rotations + cycles


def partitions(n: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """The ways to write n as a sum of positive integers that do not increase."""
    if n == 0:
        yield ()
    for first in range(min(n, largest or n), 0, -1):
        for rest in partitions(n - first, first):
            yield (first, *rest)


def fixed_factors(blocks: tuple[int, ...]) -> np.ndarray:
    """The vectors of the fixed terms, int64 [n², blocks]: units of diagonal blocks."""
    n = sum(blocks)
    owner = np.repeat(np.arange(len(blocks)), blocks)
    vectors = np.zeros((n, n, len(blocks)), np.int64)
    vectors[np.arange(n), np.arange(n), owner] = 1
    return vectors.reshape(n * n, -1)


def generators(symmetry: Symmetry, ring: rings.Ring) -> Factorization:
    """The simplest generators of a format.

    Returns:
      A factorisation of a tensor that, with its images and the fixed terms, sums to the format's.
    """
    if isinstance(symmetry, Cycle):
        return split(naive(symmetry.sizes, ring))
    return _rotation_generators(symmetry.blocks, ring)


def expand(f: Factorization, symmetry: Symmetry) -> Factorization:
    """The whole scheme: the fixed terms and all images of the generators."""
    u, v, w = (np.array(factor) for factor in f.factors)
    if isinstance(symmetry, Cycle):
        sizes = symmetry.sizes
        images = [_turned((u, v, w), sizes, turns) for turns in range(ORDER)]
        fixed = _fixed_products(sizes)
    else:
        sizes = (sum(symmetry.blocks),) * 3
        images = [(u, v, w), (v, w, u), (w, u, v)]
        fixed = (fixed_factors(symmetry.blocks),) * 3
    factors = (np.hstack(parts) for parts in zip(fixed, *images, strict=True))
    return from_arrays(sizes, f.ring, *factors, f.provenance)


def split(f: Factorization) -> Factorization | None:
    """Generators under the cycle; None if a scheme lacks it or has other fixed terms."""
    factors = [np.array(x) for x in f.factors]
    fixed = {_key(term) for term in zip(*(x.T for x in _fixed_products(f.sizes)), strict=True)}
    images = [_turned(factors, f.sizes, turns) for turns in range(ORDER)]
    keys = [[_key(term) for term in zip(*(x.T for x in y), strict=True)] for y in images]
    chosen, left = [], set(keys[0])
    if len(left) < f.rank or not fixed <= left:
        return None
    for number, orbit in enumerate(zip(*keys, strict=True)):
        if orbit[0] in left and orbit[0] not in fixed:
            if len(set(orbit)) < ORDER or not left >= set(orbit):
                return None
            left -= set(orbit)
            chosen.append(number)
    return _with_own_target(
        f"generators of {f.target.name}", f.ring, [x[:, chosen] for x in factors]
    )


def moved_bits(sizes: tuple[int, int, int], mode: int, turns: int) -> dict[int, int]:
    """Where a cycle, done some times, moves the entries of a mode: shift to the left -> mask."""
    moved: dict[int, int] = {}
    for place, image in enumerate(_turned_places(sizes, mode, turns).tolist()):
        moved[image - place] = moved.get(image - place, 0) | 1 << place
    return moved


def _turned_places(sizes, mode: int, turns: int) -> np.ndarray:
    """The image of each entry of a mode, int64 [entries]."""
    rows, columns = sizes[mode], sizes[(mode + 1) % 3]
    row, column = (
        np.where(np.arange(size) < ORDER, (np.arange(size) + turns) % ORDER, np.arange(size))
        for size in (rows, columns)
    )
    return (row[:, None] * columns + column).reshape(-1)


def _turned(factors, sizes, turns: int) -> tuple[np.ndarray, ...]:
    """The images of terms, [size, R] for each mode."""
    images = []
    for mode, factor in enumerate(factors):
        image = np.zeros_like(factor)
        image[_turned_places(sizes, mode, turns)] = factor
        images.append(image)
    return tuple(images)


def _fixed_products(sizes) -> tuple[np.ndarray, ...]:
    """The fixed terms of a cycle, int64 [size, number] for each mode."""
    f = naive(sizes, rings.Integers())
    row, inner, column = (np.array(x) for x in np.unravel_index(np.arange(f.rank), sizes))
    is_fixed = (row >= ORDER) & (inner >= ORDER) & (column >= ORDER)
    return tuple(np.array(x)[:, is_fixed] for x in f.factors)


def _key(term) -> bytes:
    """The same for equal terms, however signs are spread over their factors."""
    u, v, w = (np.asarray(x, np.int64) for x in term)
    signs = [np.sign(x[np.flatnonzero(x)[0]]) for x in (u, v)]
    return np.concatenate([signs[0] * u, signs[1] * v, signs[0] * signs[1] * w]).tobytes()


def _with_own_target(name: str, ring: rings.Ring, factors) -> Factorization:
    tensor = ring.reduce(np.einsum("ir,jr,kr->ijk", *factors))
    return Factorization(targets.Target(name, tensor), ring, *factors, {})


def _rotation_generators(blocks: tuple[int, ...], ring: rings.Ring) -> Factorization:
    """Generators of n×n×n with these fixed terms.

    They are the entries of the target off its diagonal, less those of the fixed terms, which are
    taken apart by (x+e)⊗(x+e)⊗(x+e) = x⊗x⊗x + e⊗e⊗e + the orbits of x⊗x⊗e and x⊗e⊗e.
    """
    n = sum(blocks)
    units = np.eye(n * n, dtype=np.int64)
    terms = [
        (units[i], units[j], units[k])
        for i, j, k in np.argwhere(targets.matmul(n, n, n).tensor).tolist()
        if (i, j, k) < min((j, k, i), (k, i, j))
    ]
    for x in fixed_factors(blocks).T:
        support = np.flatnonzero(x)
        for number in range(1, len(support)):
            part, unit = units[support[:number]].sum(0), units[support[number]]
            terms += [(-part, part, unit), (-part, unit, unit)]
    factors = [ring.reduce(np.array(factor).T) for factor in zip(*terms, strict=True)]
    return _with_own_target(f"generators of {n}x{n}x{n}", ring, factors)
