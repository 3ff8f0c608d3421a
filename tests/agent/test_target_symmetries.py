"""Symmetries of matrix products: what they map algorithms to are algorithms, and others."""

import functools

import agent_cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.agent import bases, make_agent, replay, self_play, symmetries
from alphatensor.agent.config import BasesConfig, DemonstrationsConfig, GameConfig
from alphatensor.agent.environment import Game
from alphatensor.factorization import naive


def total(factors, modulus):
    u, v, w = (np.array(factors)[:, mode].astype(int) for mode in range(3))
    return np.einsum("ri,rj,rk->ijk", u, v, w) % modulus


@pytest.mark.parametrize("sizes", [(2, 2, 2), (2, 3, 2), (1, 2, 3), (3, 1, 2)])
@pytest.mark.parametrize("modulus", [2, 3])
def test_algorithms_are_mapped_to_algorithms_of_the_same_start(sizes, modulus):
    ring = rings.IntegersMod(modulus)
    target = targets.matmul(*sizes)
    assert symmetries.sizes_of(target.shape) == sizes
    side = max(target.shape) + 1
    game = Game(ring=ring, side=side, config=GameConfig())
    f = naive(sizes, ring)
    terms = [np.pad(x.T, ((0, 0), (0, side - x.shape[0]))) for x in f.factors]
    terms = jnp.array(np.stack(terms, axis=1), jnp.int8)
    draw = functools.partial(
        bases.random_basis, shape=target.shape, game=game, config=BasesConfig(density=0.5)
    )
    change = jax.jit(functools.partial(symmetries.map_factors, shape=target.shape, ring=ring))
    seen = set()
    for seed in range(12):
        basis = draw(jax.random.key(seed))
        played = bases.change_factors(terms, basis.forward, ring)
        moved = change(jax.random.key(100 + seed), played, basis.inverse)
        assert np.array_equal(total(moved, modulus), total(played, modulus))
        plain = np.array(bases.change_factors(moved, basis.inverse, ring)).reshape(len(terms), -1)
        seen.add(plain[np.lexsort(plain.T)].tobytes())
    assert len(seen) > 3, "and they differ"


def test_rotations_and_transpositions_take_part():
    """A term whose second factor alone is an invertible matrix goes to all three places."""
    ring = rings.IntegersMod(2)
    term = jnp.array([[[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1]]], jnp.int8)
    eye = jnp.broadcast_to(jnp.eye(4, dtype=jnp.int32), (3, 4, 4))
    change = jax.vmap(lambda key: symmetries.map_factors(key, term, eye, (4, 4, 4), ring))
    moved = np.array(change(jax.random.split(jax.random.key(0), 64)))[:, 0]
    rank_two = {tuple(i for i, x in enumerate(t) if _rank(x) == 2) for t in moved}
    assert rank_two == {(0,), (1,), (2,)}


def _rank(factor):
    a, b, c, d = factor.astype(int)
    return 2 if (a * d - b * c) % 2 else int(np.any(factor))


@pytest.mark.parametrize("solved", [True, False])
def test_examples_are_positions_of_other_games_of_the_same_start(solved):
    ring, target = rings.IntegersMod(2), targets.matmul(2, 2, 2)
    config = agent_cases.CONFIG.replace(
        ring="Z2",
        entries=(0, 1),
        game=GameConfig(max_moves=8, history=1),
        demonstrations=DemonstrationsConfig(max_rank=3, probabilities=(0.5, 0.5)),
        learner=agent_cases.CONFIG.learner.replace(symmetries=1.0, shuffle_probability=1.0),
    )
    agent = make_agent(config, [target.shape])
    terms = np.stack([x.T for x in naive((2, 2, 2), ring).factors], axis=1).astype(np.int8)
    game = self_play.Games(
        start=target.tensor.astype(np.int16),
        support=np.ones((3, 4), bool),
        actions=terms,
        candidates=np.stack([terms, np.zeros_like(terms)], axis=1),
        policy=np.tile(np.array([1, 0], np.float32), (8, 1)),
        returns=np.arange(-8, 0, dtype=np.float32),
        bonus=np.float32(0),
        length=np.int32(8),
        solved=np.bool_(solved),
        target=np.int32(0),
        inverse=np.broadcast_to(np.eye(4, dtype=np.int32), (3, 4, 4)),
    )
    batch = jax.tree.map(lambda x: np.asarray(x)[None], game)
    ring_buffer = replay.add(replay.empty_ring(game, 2), batch)
    draw = jax.vmap(lambda key: replay.game_example(key, ring_buffer, agent))
    examples = jax.tree.map(np.array, draw(jax.random.split(jax.random.key(0), 40)))
    own = {t.tobytes() for t in terms}
    others = 0
    for residual, moves, value in zip(
        examples.state.residual, examples.actions, examples.value, strict=True
    ):
        if value == -1:  # the last move is what is left
            assert np.array_equal(total(moves[:1], 2), residual)
        others += moves[0].astype(np.int8).tobytes() not in own
    assert (others > 10) == solved
