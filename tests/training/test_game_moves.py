"""Factorizations become moves and come back the same, in any basis."""

import jax
import numpy as np
import pytest
from agent_cases import make_game

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.agent import BasesConfig, bases
from alphatensor.training import moves


@pytest.mark.parametrize("ring", [rings.Integers(), rings.IntegersMod(2), rings.IntegersMod(3)])
@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 2, 3)])
def test_there_and_back(ring, sizes):
    f = fz.strassen(ring) if sizes == (2, 2, 2) else fz.naive(sizes, ring)
    side = max(f.target.shape) + 1
    played = moves.to_moves(f, side)
    assert played.shape == (f.rank, 3, side)
    config = BasesConfig(density=0.3, shared=False)
    basis = bases.random_basis(jax.random.key(0), f.target.shape, make_game(ring, side), config)
    moved = np.array(bases.change_factors(played, basis.forward, ring))
    padded = np.concatenate([moved, np.zeros((2, 3, side), int)])
    back = moves.from_moves(padded, np.array(basis.inverse), f.target, ring)
    expected = fz.canonical(f)
    for x, y in zip(back.factors, expected.factors, strict=True):
        np.testing.assert_array_equal(x, y)
    wrong = padded.copy()
    wrong[0, 0] = wrong[0, 0] + 1
    assert moves.from_moves(wrong, np.array(basis.inverse), f.target, ring) is None
