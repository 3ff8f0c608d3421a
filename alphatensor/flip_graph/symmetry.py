"""Schemes that a symmetry of their target leaves alone.

Such a scheme is a set of *fixed* terms and of orbits of two, three or six terms, of which one, the
generator, says all (Ballard, Ikenmeyer, Landsberg and Ryder 2019, arXiv 1801.00843; Moosbauer and
Poole 2025, arXiv 2502.04514). Six symmetries are used:

`Rotation`, of square formats: with the target's third mode read transposed, as here, its tensor is
the same after a⊗b⊗c -> b⊗c⊗a. The fixed terms are a⊗a⊗a with block-diagonal unit matrices a that
sum to the identity: over Z2 the vectors of all fixed terms of any such scheme must sum to it.

`Reversal` is the rotation and, beside it, the order of the indices in each block reversed in all
matrices. All orbits but those of the fixed terms have six terms where one index at most stays.

`Reflection` is what is left of the reversal of n×n×n, n odd, in the formats without the index that
stays in one size or two: no rotation, and the fixed terms without the rows and columns of it.

`Cycle` and `Swap` relabel rows and columns of all matrices: 0 -> 1 -> 2 -> 0 in all three sizes, of
three or more; 0 <-> 1, 2 <-> 3, ... in the first and the last size. Further indices stay as they
are. The fixed terms are those of the naive product of the indices that stay.

`Transposition`, of formats (n, m, m): (AB)ᵀ = BᵀAᵀ, so with the third mode read transposed, as
here, the tensor is the same after a⊗b⊗c -> cᵀ⊗bᵀ⊗aᵀ. Rows of the first matrices are swapped as by
`Swap` on the way, which leaves fewer terms fixed: those of the naive product of an index of n that
stays, and of the same index of m twice.
"""

import abc
import dataclasses
import itertools
from collections.abc import Collection, Iterator
from typing import ClassVar, Self

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, from_arrays, naive, project


@dataclasses.dataclass(frozen=True)
class Rotation:
    """Of the modes; `blocks` are the sizes of the blocks of the fixed terms, which sum to n.

    Attributes:
      order: images of a term that are not rotated, itself among them.
      modes: as for relabellings.
    """

    blocks: tuple[int, ...]
    order: ClassVar[int] = 1
    modes: ClassVar[tuple[int, int, int]] = (0, 1, 2)

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()} {self.blocks}"

    @property
    def sizes(self) -> tuple[int, int, int]:
        return (sum(self.blocks),) * 3

    def fixed_terms(self) -> tuple[np.ndarray, ...]:
        """int64 [n², blocks] for each mode."""
        return (fixed_factors(self.blocks),) * 3


class Reversal(Rotation):
    """Of the modes, and of the indices of each block; at most one block has an odd size."""

    order = 2

    def permutations(self) -> list[np.ndarray]:
        ends = np.cumsum(self.blocks)
        reverse = [np.arange(end)[::-1][:size] for end, size in zip(ends, self.blocks, strict=True)]
        return [np.concatenate(reverse)] * 3


@dataclasses.dataclass(frozen=True)
class Relabelling(abc.ABC):
    """Of the indices of a format (n, m, p).

    Attributes:
      sizes: n, m and p.
      order: images of a term, itself among them.
      first: walks of formats with p up to this begin with the naive algorithm, those of larger
        ones with what was found for smaller ones.
      modes: where the image of each mode lies; where some move, matrices are transposed.
    """

    sizes: tuple[int, int, int]
    order: ClassVar[int]
    first: ClassVar[int]
    modes: ClassVar[tuple[int, int, int]] = (0, 1, 2)

    def __str__(self) -> str:
        return type(self).__name__.lower()

    @abc.abstractmethod
    def permutations(self) -> list[np.ndarray]:
        """The image of each index, of n, m and p."""

    def fixed_terms(self) -> tuple[np.ndarray, ...]:
        """int64 [size, number] for each mode."""
        factors = [np.array(x) for x in naive(self.sizes, rings.Integers()).factors]
        images = zip(factors, _turned(factors, self, 1), strict=True)
        is_fixed = np.all([np.all(x == y, axis=0) for x, y in images], axis=0)
        return tuple(x[:, is_fixed] for x in factors)

    def source(self) -> "Symmetry":
        """Of the format that walks come from."""
        n, m, p = self.sizes
        return type(self)(tuple(sorted((n, m, p - 1))))


class Cycle(Relabelling):
    """0 -> 1 -> 2 -> 0 in all sizes."""

    order = first = 3

    def permutations(self) -> list[np.ndarray]:
        return [np.array([1, 2, 0, *range(3, size)]) for size in self.sizes]


class Swap(Relabelling):
    """0 <-> 1, 2 <-> 3, ... in n and in p."""

    order, first = 2, 4

    def permutations(self) -> list[np.ndarray]:
        n, m, p = self.sizes
        return [_swapped(n), np.arange(m), _swapped(p)]


class Transposition(Relabelling):
    """All matrices transposed, the first and the last exchanged, and 0 <-> 1, 2 <-> 3, ... in n.

    Of formats (n, m, m).
    """

    order, first = 2, 3
    modes = (2, 1, 0)

    def permutations(self) -> list[np.ndarray]:
        n, m, p = self.sizes
        return [_swapped(n), np.arange(m), np.arange(p)]

    def source(self) -> Self:
        n, m, _ = self.sizes
        return Transposition((n, m - 1, m - 1))

    def origins(self) -> dict[Self, str]:
        """Of smaller formats, and the sizes in which to extend their schemes by one, in turn."""
        n, m, _ = self.sizes
        rows = 2 - n % 2  # which the swaps of the others leave alone
        return {self.source(): "mp", Transposition((n - rows, m, m)): "n" * rows}


@dataclasses.dataclass(frozen=True)
class Reflection(Relabelling):
    """The order of the indices of each block reversed, one block of them of odd size.

    Of formats with sizes that sum(blocks) is, or, the first or the first two of them, one less.
    """

    blocks: tuple[int, ...]
    order, first = 2, 0

    def __str__(self) -> str:
        return f"reflection {self.blocks}"

    @property
    def middle(self) -> int:
        """The index that stays."""
        return int(np.flatnonzero(self._reversed() == np.arange(sum(self.blocks)))[0])

    def permutations(self) -> list[np.ndarray]:
        image = self._reversed()
        without = np.delete(image, self.middle)
        without = without - (without > self.middle)
        return [image if size == len(image) else without for size in self.sizes]

    def fixed_terms(self) -> tuple[np.ndarray, ...]:
        n = sum(self.blocks)
        factors = []
        for mode in range(3):
            matrices = fixed_factors(self.blocks).reshape(n, n, -1)
            for axis, size in enumerate((self.sizes[mode], self.sizes[(mode + 1) % 3])):
                if size < n:
                    matrices = np.delete(matrices, self.middle, axis)
            factors.append(matrices.reshape(-1, len(self.blocks)))
        is_left = np.all([x.any(0) for x in factors], axis=0)
        return tuple(x[:, is_left] for x in factors)

    def source(self) -> "Symmetry":
        (n, m, _), whole = self.sizes, sum(self.blocks)
        if m == whole:
            return Reversal(self.blocks)
        return Reflection((n, whole, whole), self.blocks)

    def projected(self, f: Factorization) -> Factorization:
        """A scheme that keeps the source's symmetry, without the middle index in one size more."""
        return project(f, "n" if isinstance(self.source(), Reversal) else "m", self.middle)

    def _reversed(self) -> np.ndarray:
        return Reversal(self.blocks).permutations()[0]


def _swapped(size: int) -> np.ndarray:
    index = np.arange(size)
    return np.where(index ^ 1 < size, index ^ 1, index)


Symmetry = Rotation | Relabelling


KINDS = {
    "reversal": Reversal,
    "rotation": Rotation,
    "reflection": Reflection,
    "cycle": Cycle,
    "swap": Swap,
    "transposition": Transposition,
}


def symmetries(
    sizes: tuple[int, int, int], kinds: Collection[str] = tuple(KINDS)
) -> list[Symmetry]:
    """Those, of some kinds, that walks of a format may keep."""
    n, m, p = sizes
    blocks = list(partitions(n)) if len(set(sizes)) == 1 and n > 1 else []
    rotations = [Rotation(b) for b in blocks]
    reversals = [Reversal(b) for b in blocks if sum(size % 2 for size in b) <= 1]
    reflections = []
    if n < p == n + 1 and p % 2 == 1:
        blocks = [b for b in partitions(p) if sum(size % 2 for size in b) == 1]
        reflections = [Reflection((n, m, p), b) for b in blocks]
    cycles = [Cycle(sizes)] if min(sizes) >= 3 else []
    swaps = [Swap(sizes)] if min(n, p) >= 2 else []
    pairs = [(p, n, n)] if n == m else [(n, p, p)] if m == p else []
    transpositions = [Transposition(pair) for pair in pairs if min(n, p) >= 2]
    everything = reversals + rotations + reflections + cycles + swaps + transpositions
    return [x for x in everything if type(x) in [KINDS[kind] for kind in kinds]]


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
    if isinstance(symmetry, Reflection):
        source = symmetry.source()
        return split(symmetry.projected(expand(generators(source, ring), source)), symmetry)
    if isinstance(symmetry, Relabelling):
        return split(naive(symmetry.sizes, ring), symmetry)
    return _rotation_generators(symmetry, ring)


def expand(f: Factorization, symmetry: Symmetry) -> Factorization:
    """The whole scheme: the fixed terms and all images of the generators."""
    factors = [np.array(factor) for factor in f.factors]
    parts = zip(symmetry.fixed_terms(), *_images(factors, symmetry), strict=True)
    return from_arrays(symmetry.sizes, f.ring, *map(np.hstack, parts), f.provenance)


def split(f: Factorization, symmetry: Symmetry) -> Factorization | None:
    """Generators of a scheme; None if it lacks the symmetry or has other fixed terms."""
    factors = [np.array(x) for x in f.factors]
    keys = [
        [_key(term) for term in zip(*(x.T for x in y), strict=True)]
        for y in (symmetry.fixed_terms(), *_images(factors, symmetry))
    ]
    fixed = set(keys.pop(0))
    chosen, left = [], set(keys[0])
    if len(left) < f.rank or not fixed <= left:
        return None
    for number, orbit in enumerate(zip(*keys, strict=True)):
        if orbit[0] in left and orbit[0] not in fixed:
            if len(set(orbit)) < len(orbit) or not left >= set(orbit):
                return None
            left -= set(orbit)
            chosen.append(number)
    return _with_own_target(
        f"generators of {f.target.name}", f.ring, [x[:, chosen] for x in factors]
    )


def moved_bits(symmetry: Symmetry, mode: int, turns: int) -> dict[int, int]:
    """Where a symmetry, done some times, moves the entries of a mode: shift to the left -> mask."""
    moved: dict[int, int] = {}
    for place, image in enumerate(_turned_places(symmetry, mode, turns).tolist()):
        moved[image - place] = moved.get(image - place, 0) | 1 << place
    return moved


def _turned_places(symmetry: Symmetry, mode: int, turns: int) -> np.ndarray:
    """The image of each entry of a mode, int64 [entries]."""
    permutations = symmetry.permutations() if turns else None
    places = np.arange(symmetry.sizes[mode] * symmetry.sizes[(mode + 1) % 3])
    for _ in range(turns):
        row, column = permutations[mode], permutations[(mode + 1) % 3]
        image = row[:, None] * len(column) + column
        if symmetry.modes != (0, 1, 2):
            image = row[:, None] + column * len(row)
        places, mode = image.reshape(-1)[places], symmetry.modes[mode]
    return places


def _turned(factors, symmetry: Symmetry, turns: int) -> tuple[np.ndarray, ...]:
    """The images of terms, [size, R] for each mode."""
    images = list(factors)
    for mode, factor in enumerate(factors):
        image = np.zeros_like(factor)
        image[_turned_places(symmetry, mode, turns)] = factor
        images[symmetry.modes[mode] if turns % 2 else mode] = image
    return tuple(images)


def _images(factors, symmetry: Symmetry) -> list[tuple[np.ndarray, ...]]:
    """All images of terms, themselves first, [size, R] for each mode."""
    images = [_turned(factors, symmetry, turns) for turns in range(symmetry.order)]
    if isinstance(symmetry, Rotation):
        images = [x for u, v, w in images for x in ((u, v, w), (v, w, u), (w, u, v))]
    return images


def _key(term) -> bytes:
    """The same for equal terms, however signs are spread over their factors."""
    u, v, w = (np.asarray(x, np.int64) for x in term)
    signs = [np.sign(x[np.flatnonzero(x)[0]]) for x in (u, v)]
    return np.concatenate([signs[0] * u, signs[1] * v, signs[0] * signs[1] * w]).tobytes()


def _with_own_target(name: str, ring: rings.Ring, factors) -> Factorization:
    tensor = ring.reduce(np.einsum("ir,jr,kr->ijk", *factors))
    return Factorization(targets.Target(name, tensor), ring, *factors, {})


def _rotation_generators(symmetry: Rotation, ring: rings.Ring) -> Factorization:
    """Generators of n×n×n with these fixed terms.

    They are the entries of the target less those of the fixed terms: outside of the blocks the
    products of the naive algorithm, in a block those of its diagonal, with the other sign.
    """
    (n, _, _), blocks = symmetry.sizes, symmetry.blocks
    units = np.eye(n * n, dtype=np.int64)
    owner = np.repeat(np.arange(len(blocks)), blocks)
    diagonal = np.arange(n) * (n + 1)
    products = {term: 1 for term in map(tuple, np.argwhere(targets.matmul(n, n, n).tensor))}
    for i, j, k in itertools.product(range(n), repeat=3):
        if owner[i] == owner[j] == owner[k]:
            term = diagonal[i], diagonal[j], diagonal[k]
            products[term] = products.get(term, 0) - 1
    image = _turned_places(symmetry, 0, symmetry.order - 1)
    terms = []
    for (i, j, k), sign in products.items():
        rotated = [(i, j, k), (j, k, i), (k, i, j)]
        if sign and (i, j, k) == min(rotated + [tuple(image[list(x)]) for x in rotated]):
            terms.append((sign * units[i], units[j], units[k]))
    factors = [ring.reduce(np.array(factor).T) for factor in zip(*terms, strict=True)]
    return _with_own_target(f"generators of {n}x{n}x{n}", ring, factors)
