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
    """The simplest generators of n×n×n with these fixed terms: single entries of the tensor.

    Returns:
      A factorisation of the tensor that gives the rest of n×n×n when its rotations are added.
    """
    n = sum(blocks)
    x = fixed_factors(blocks)
    rest = targets.matmul(n, n, n).tensor - np.einsum("ir,jr,kr->ijk", x, x, x)
    i, j, k = np.nonzero(rest)
    code = np.stack([(i, j, k), (j, k, i), (k, i, j)])  # [rotation, mode, entry]
    side = n * n
    numbers = (code[:, 0] * side + code[:, 1]) * side + code[:, 2]
    first = numbers[0] == numbers.min(axis=0)
    entries = [index[first] for index in (i, j, k)]
    factors = [np.eye(side, dtype=np.int64)[:, index] for index in entries]
    factors[0] = factors[0] * rest[tuple(entries)]
    tensor = np.zeros_like(rest)
    tensor[tuple(entries)] = rest[tuple(entries)]
    target = targets.Target(f"{n}x{n}x{n} of {blocks}", tensor)
    return Factorization(target, ring, *map(ring.reduce, factors), {})


def expand(f: Factorization, blocks: tuple[int, ...]) -> Factorization:
    """The whole scheme of n×n×n: the fixed terms and all rotations of the generators."""
    n = sum(blocks)
    x = fixed_factors(blocks)
    u, v, w = (np.array(factor) for factor in f.factors)
    factors = (np.hstack([x, *rotated]) for rotated in ((u, v, w), (v, w, u), (w, u, v)))
    return from_arrays((n, n, n), f.ring, *factors, f.provenance)
