"""Generators of schemes that keep a group, and the schemes of generators.

Terms that some of the group leaves as they are are among the generators; walks flip them, too
(see `orbits`).
"""

import numpy as np

from alphatensor import rings
from alphatensor.factorization import Factorization, from_arrays, naive
from alphatensor.flip_graph.groups import Element
from alphatensor.flip_graph.symmetries.base import Factors, Symmetry, term_keys, with_own_target


def images(factors: Factors, group: list[Element]) -> list[Factors]:
    """Returns the images of terms under each element of a group that moves no mode."""
    found = []
    for element in group:
        moved = [np.zeros_like(x) for x in factors]
        for image, factor, entries in zip(moved, factors, element.entries, strict=True):
            image[entries] = factor
        found.append(tuple(moved))
    return found


def split(f: Factorization, images: list[Factors]) -> Factorization | None:
    """Returns one term of each orbit; None where an image is no term.

    Args:
      f: a scheme.
      images: of its terms under each element, themselves first; int64 [entries, R] for each mode.
    """
    keys = [term_keys(x) for x in images]
    left, chosen = set(keys[0]), []
    if len(left) < f.rank:
        return None
    for number, orbit in enumerate(zip(*keys, strict=True)):
        if orbit[0] in left:
            if not left >= set(orbit):
                return None
            left -= set(orbit)
            chosen.append(number)
    name = f"generators of {f.target.name}"
    return with_own_target(name, f.ring, [x[:, chosen] for x in images[0]])


def whole(images: list[Factors]) -> list[np.ndarray]:
    """Returns the factors of the different images of generators."""
    keys = [term_keys(x) for x in images]
    parts = []
    for number, factors in enumerate(images):
        columns = zip(keys[number], *keys[:number], strict=True)
        is_new = [key not in earlier for key, *earlier in columns]
        parts.append([x[:, is_new] for x in factors])
    return [np.hstack(x) for x in zip(*parts, strict=True)]


class AllFlipped(Symmetry):
    """A symmetry of a format whose walks, over Z2, flip the terms of every stabilizer."""

    flips_fixed_terms = True

    def fixed_terms(self) -> Factors:
        """Returns none: those of a scheme are among its generators."""
        n, m, p = self.sizes
        return tuple(np.zeros((entries, 0), np.int64) for entries in (n * m, m * p, p * n))

    def generators(self, ring: rings.Ring) -> Factorization:
        """Returns those of the naive algorithm."""
        return self.split(naive(self.sizes, ring))

    def expand(self, f: Factorization) -> Factorization:
        """Returns the whole scheme of generators: the different images of each."""
        factors = whole(self.images([np.array(factor) for factor in f.factors]))
        return from_arrays(self.sizes, f.ring, *factors, f.provenance)

    def split(self, f: Factorization) -> Factorization | None:
        """Returns generators of a scheme, fixed terms among them; None without the symmetry."""
        return split(f, self.images([np.array(x) for x in f.factors]))
