"""Schemes that stay the same when their modes rotate, for square formats.

With the target's third mode read transposed, as here, its tensor is the same after the rotation
a⊗b⊗c -> b⊗c⊗a. A scheme with that symmetry is a set of *fixed* terms a⊗a⊗a and of orbits of three
terms, of which one, the generator, says all (Ballard, Ikenmeyer, Landsberg and Ryder 2019, arXiv
1801.00843; Moosbauer and Poole 2025, arXiv 2502.04514). The fixed terms used here are
block-diagonal unit matrices that sum to the identity: over Z2 the vectors of all fixed terms of any
such scheme must sum to it.
"""

from collections.abc import Iterator

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, from_arrays


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


def generators(blocks: tuple[int, ...], ring: rings.Ring) -> Factorization:
    """Simple generators of n×n×n with these fixed terms.

    They are the entries of the target off its diagonal, less those of the fixed terms, which are
    taken apart by (x+e)⊗(x+e)⊗(x+e) = x⊗x⊗x + e⊗e⊗e + the orbits of x⊗x⊗e and x⊗e⊗e.

    Returns:
      A factorisation of a tensor that, with its rotations and the fixed terms, sums to n×n×n.
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
    tensor = ring.reduce(np.einsum("ir,jr,kr->ijk", *factors))
    target = targets.Target(f"generators of {n}x{n}x{n}", tensor)
    return Factorization(target, ring, *factors, {})


def expand(f: Factorization, blocks: tuple[int, ...]) -> Factorization:
    """The whole scheme of n×n×n: the fixed terms and all rotations of the generators."""
    n = sum(blocks)
    x = fixed_factors(blocks)
    u, v, w = (np.array(factor) for factor in f.factors)
    factors = (np.hstack([x, *rotated]) for rotated in ((u, v, w), (v, w, u), (w, u, v)))
    return from_arrays((n, n, n), f.ring, *factors, f.provenance)
