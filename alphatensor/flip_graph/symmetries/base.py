"""What every symmetry tells the walkers, the origins and the scheduler."""

import abc
from collections.abc import Callable, Hashable
from typing import ClassVar, Self

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, from_arrays
from alphatensor.flip_graph.groups import Element
from alphatensor.flip_graph.origins import Sizes

Factors = tuple[np.ndarray, ...]  # of R terms: int64 [entries, R] for each mode
Known = Callable[["Symmetry"], list[Factorization]]  # the schemes known to keep a symmetry
SchemesOf = Callable[[Sizes], list[Factorization]]  # the best of a format, its sizes sorted
Origins = dict[Hashable, list[Factorization]]  # schemes by where they come from


class Symmetry(abc.ABC):
    """A symmetry of the tensor of a matrix format, which schemes may keep.

    A scheme that keeps it consists of *fixed terms* and of *orbits*: a term and all of its images.
    One term of each orbit, its *generator*, stands for all of them. Instances are immutable and
    hashable: they are static arguments of jitted functions.

    Attributes:
      name: of the kind of symmetry.
      order: the number of images of a term under the permutation of its entries, itself among
        them; rotations of the modes are not counted.
      modes: the mode in which the image of each mode lies; where some move, matrices are
        transposed.
      flips_fixed_terms: whether walks change the fixed terms too, with `orbits` instead of
        `kernel`; then they are among the generators.
      sizes: n, m and p of the format.
      starts_from_generators: whether walks of this format may begin with the simplest generators.
        Otherwise they begin with schemes brought from other formats, since walks from the naive
        algorithms of large formats do not get far.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    modes: ClassVar[tuple[int, int, int]] = (0, 1, 2)
    flips_fixed_terms: ClassVar[bool] = False
    sizes: Sizes

    @classmethod
    @abc.abstractmethod
    def of_format(cls, sizes: Sizes) -> list[Self]:
        """Returns all symmetries of this kind that schemes of a format can keep, sizes sorted."""

    @abc.abstractmethod
    def permutations(self) -> list[np.ndarray]:
        """Returns the image of each index, for n, m and p."""

    @abc.abstractmethod
    def fixed_terms(self) -> Factors:
        """Returns the terms whose only image they are: int64 [entries, number] for each mode."""

    @abc.abstractmethod
    def generators(self, ring: rings.Ring) -> Factorization:
        """Returns the simplest generators.

        They factorise the tensor that, with its images and the fixed terms, sums to the format's.
        """

    @property
    def starts_from_generators(self) -> bool:
        return True

    def source(self) -> "Symmetry":
        """Returns the symmetry of the format that walks of this one come from.

        Only symmetries that do not start from their generators have one.
        """
        raise ValueError(f"{self}: walks start from its generators and have no source.")

    def neighbours(self, known: Known) -> Origins:
        """Brings schemes that keep related symmetries to this format.

        Returns:
          For each origin, whole schemes of this format; not all of them need keep the symmetry.
        """
        del known
        return {}

    def origins(self, known: Known, schemes_of: SchemesOf) -> Origins:
        """Returns the generators of schemes that walks may start from, by where they come from.

        Those of the `neighbours` that keep the symmetry, where a subclass says nothing else.
        """
        del schemes_of
        parts = {
            origin: [g for f in schemes if (g := self.split(f)) is not None]
            for origin, schemes in self.neighbours(known).items()
        }
        return {origin: schemes for origin, schemes in parts.items() if schemes}

    def stage(self, known: Known, schemes_of: SchemesOf) -> "Symmetry":
        """Returns the symmetry of the format that walks come to next on their way to this one."""
        if self.starts_from_generators or self.origins(known, schemes_of):
            return self
        return self.source().stage(known, schemes_of)

    def group(self) -> list[Element]:
        """Returns what the elements of the group do to the factors of a term, the identity first.

        The images of a generator under all of them are its orbit.
        """
        modes, group = (0, 1, 2), []
        for times in range(self.order):
            entries = tuple(self.entry_images(mode, times) for mode in range(3))
            group.append(Element(modes, entries))
            modes = tuple(self.modes[mode] for mode in modes)
        return group

    @property
    def cancels_pairs(self) -> bool:
        """Whether over Z2 a generator that equals its own image adds up to nothing with it."""
        return self.order == 2

    def expand(self, f: Factorization) -> Factorization:
        """Returns the whole scheme of generators: the fixed terms and all images."""
        factors = [np.array(factor) for factor in f.factors]
        parts = zip(self.fixed_terms(), *self.images(factors), strict=True)
        return from_arrays(self.sizes, f.ring, *map(np.hstack, parts), f.provenance)

    def split(self, f: Factorization) -> Factorization | None:
        """Returns generators of a scheme; None without the symmetry or with other fixed terms."""
        factors = [np.array(x) for x in f.factors]
        keys = [term_keys(y) for y in (self.fixed_terms(), *self.images(factors))]
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
        name = f"generators of {f.target.name}"
        return with_own_target(name, f.ring, [x[:, chosen] for x in factors])

    def images(self, factors: Factors) -> list[Factors]:
        """Returns all images of terms, themselves first, each int64 [entries, R] for each mode."""
        return [self._image(factors, times) for times in range(self.order)]

    def entry_images(self, mode: int, times: int) -> np.ndarray:
        """Returns where the symmetry, done some times, moves each entry of a mode: int64."""
        permutations = self.permutations() if times else None
        entries = np.arange(self.sizes[mode] * self.sizes[(mode + 1) % 3])
        for _ in range(times):
            row, column = permutations[mode], permutations[(mode + 1) % 3]
            image = row[:, None] * len(column) + column
            if self.modes != (0, 1, 2):
                image = row[:, None] + column * len(row)
            entries, mode = image.reshape(-1)[entries], self.modes[mode]
        return entries

    def _image(self, factors: Factors, times: int) -> Factors:
        images = list(factors)
        for mode, factor in enumerate(factors):
            image = np.zeros_like(factor)
            image[self.entry_images(mode, times)] = factor
            images[self.modes[mode] if times % 2 else mode] = image
        return tuple(images)


def term_keys(factors: Factors) -> list[bytes]:
    """Returns the `term_key` of each term."""
    return [term_key(term) for term in zip(*(x.T for x in factors), strict=True)]


def term_key(term: Factors) -> bytes:
    """Returns a key that terms share if they are equal, however signs are spread over factors."""
    u, v, w = (np.asarray(x, np.int64) for x in term)
    signs = [np.sign(x[np.flatnonzero(x)[0]]) for x in (u, v)]
    return np.concatenate([signs[0] * u, signs[1] * v, signs[0] * signs[1] * w]).tobytes()


def with_own_target(name: str, ring: rings.Ring, factors: Factors) -> Factorization:
    """Returns a factorization of the tensor that the factors sum to."""
    tensor = ring.reduce(np.einsum("ir,jr,kr->ijk", *factors))
    return Factorization(targets.Target(name, tensor), ring, *factors, {})
