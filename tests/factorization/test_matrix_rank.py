"""Exact ranks against row reduction in Python's fractions and residues."""

import jax.numpy as jnp
import numpy as np
import pytest
from exact_rank import RINGS, exact_rank

from alphatensor import rings
from alphatensor.factorization import matrix_rank


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_ranks_agree_with_fractions(ring):
    rng = np.random.default_rng(0)
    low = [rng.integers(-9, 10, (5, r)) @ rng.integers(-9, 10, (r, 6)) for r in range(1, 5)]
    big = [rng.integers(-32767, 32768, (5, 6)), 46337 * rng.integers(0, 2, (5, 6)) // 2]
    tiny = [rng.integers(-1, 2, (5, 6)) for _ in range(20)]
    matrices = np.array(low + big + tiny + [np.zeros((5, 6), int)])
    ranks = matrix_rank.rank(jnp.array(matrices), ring, 40_000)
    assert ranks.tolist() == [exact_rank(m, ring) for m in matrices]


def test_rank_over_q_of_a_matrix_that_vanishes_mod_a_prime():
    prime = matrix_rank.primes_for(2, 40_000)[0]
    matrix = jnp.array([[prime, 0], [0, 1]])
    assert matrix_rank.rank_mod(matrix, prime) == 1
    assert matrix_rank.rank(matrix, rings.Integers(), 50_000) == 2
