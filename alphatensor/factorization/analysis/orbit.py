"""Equivalent algorithms with fewer additions: a walk through the orbit of a factorization.

(A U B⁻¹, B V C⁻¹, C W A⁻¹) multiplies as (U, V, W) does. With A, B, C products of elementary
matrices I ± e_ij the coefficients stay integers; what changes is how many sums the products share.
"""

import math
import random

import numpy as np

from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import straight_line
from alphatensor.factorization.core import Factorization

LARGEST = 2  # coefficients beyond this cost multiplications
TEMPERATURE = 1.0  # the first one of the annealing, in additions


def fewer_additions(
    f: Factorization, tries: int = 2000, seed: int = 0, trials: int = 4
) -> Factorization:
    """Returns the equivalent of `f` with the fewest shared additions that a random walk meets.

    Simulated annealing: worse neighbours are accepted with probability exp(-increase / T), where T
    falls linearly from `TEMPERATURE` to 0.

    Args:
      f: over Z, of a matmul format.
      tries: neighbours that are scored.
      seed: seed of the walk.
      trials: tie-breaks in the score of each neighbour.

    Returns:
      A verified factorization; `f` itself where nothing better was met.
    """
    if f.ring.is_modular or not f.is_integral or f.sizes is None:
        raise ValueError("factorization: expected a matrix multiplication with integer factors.")
    rng = random.Random(seed)
    here = tuple(x.astype(np.int64) for x in transforms.matrices(f))
    cost = best_cost = first_cost = _cost(here, trials)
    best = here
    for step in range(tries):
        there = here
        for _ in range(rng.choice((1, 1, 2))):
            there = _random_neighbour(there, f, rng)
        if max(np.abs(x).max() for x in there) > LARGEST:
            continue
        new = _cost(there, trials)
        heat = TEMPERATURE * (1 - step / tries)
        if new <= cost or (heat > 0 and rng.random() < math.exp((cost - new) / heat)):
            here, cost = there, new
            if cost < best_cost:
                best, best_cost = here, cost
    if best_cost >= first_cost:
        return f
    found = transforms.from_matrices(f, f.sizes, *best)
    if not (checked := found.verify()).ok:
        raise RuntimeError(f"orbit: a sandwich changed the algorithm: {checked.message}")
    return found


def _cost(stacks: transforms.Matrices, trials: int) -> int:
    u, v, w = (x.reshape(len(x), -1) for x in stacks)
    return sum(len(straight_line.straight_line(x, trials).steps) for x in (u, v, w.T))


def _random_neighbour(
    stacks: transforms.Matrices, f: Factorization, rng: random.Random
) -> transforms.Matrices:
    """Sandwiches with one elementary matrix I ± e_ij at one of the three places."""
    place = rng.randrange(3)
    if f.sizes[place] == 1:
        return stacks
    i, j = rng.sample(range(f.sizes[place]), 2)
    return transforms.elementary_sandwich(stacks, place, i, j, rng.choice((-1, 1)), f.ring)
