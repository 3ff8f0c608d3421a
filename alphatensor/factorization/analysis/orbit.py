"""Algorithms of the same rank with fewer additions: a walk through orbits and along flips.

(A U B⁻¹, B V C⁻¹, C W A⁻¹) multiplies as (U, V, W) does. With A, B, C products of elementary
matrices I ± e_ij the coefficients stay integers; what changes is how many sums the products share.
Flips lead to algorithms that are not equivalent: two terms a⊗b⊗c and a⊗b'⊗c' that share a factor
become a⊗(b ± b')⊗c and a⊗b'⊗(c' ∓ c).
"""

import itertools
import math
import random

import numpy as np

from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import straight_line
from alphatensor.factorization.core import Factorization

LARGEST = 2  # coefficients beyond this cost multiplications
TEMPERATURE = 1.0  # the first one of the annealing, in additions


def fewer_additions(
    f: Factorization, tries: int = 2000, seed: int = 0, trials: int = 4, flips: float = 0.0
) -> Factorization:
    """Returns the algorithm with the fewest shared additions that a random walk from `f` meets.

    Simulated annealing: worse neighbours are accepted with probability exp(-increase / T), where T
    falls linearly from `TEMPERATURE` to 0.

    Args:
      f: over Z, of a matmul format.
      tries: neighbours that are scored.
      seed: seed of the walk.
      trials: tie-breaks in the score of each neighbour.
      flips: the share of steps that are flips; without them all that is met is equivalent to `f`.

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
            is_flip = flips > 0 and rng.random() < flips
            there = _random_flip(there, rng) if is_flip else _random_neighbour(there, f, rng)
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
        raise RuntimeError(f"orbit: a step changed the target: {checked.message}")
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


def _random_flip(stacks: transforms.Matrices, rng: random.Random) -> transforms.Matrices:
    """Flips two terms that share a factor up to sign; none where there are no such terms.

    A flip that would make a factor zero is not made, either.
    """
    shared = rng.randrange(3)
    groups: dict[bytes, list[tuple[int, int]]] = {}
    for term, factor in enumerate(stacks[shared]):
        sign = int(np.sign(factor.flat[np.flatnonzero(factor)[0]]))
        groups.setdefault((sign * factor).tobytes(), []).append((term, sign))
    pairs = [pair for group in groups.values() for pair in itertools.permutations(group, 2)]
    if not pairs:
        return stacks
    (first, one), (second, other) = rng.choice(pairs)
    b, c = rng.sample([mode for mode in range(3) if mode != shared], 2)
    added = rng.choice((-1, 1))
    new = [x.copy() for x in stacks]
    new[b][first] += added * stacks[b][second]
    new[c][second] -= added * one * other * stacks[c][first]
    return tuple(new) if new[b][first].any() and new[c][second].any() else stacks
