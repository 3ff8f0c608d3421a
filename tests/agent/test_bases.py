"""Changes of basis and signed permutations keep factorizations and can be undone exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agent_cases import make_game
from exact_rank import RINGS

from alphatensor import targets
from alphatensor.agent import actions, bases, environment
from alphatensor.agent.config import BasesConfig
from alphatensor.factorization import matrix_rank

SHAPE, SIDE = (4, 6, 6), 6  # 2x2x3, padded


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize("shared", [True, False])
def test_bases_are_inverted_exactly_and_keep_factorizations(ring, shared):
    sample = jax.jit(bases.random_basis, static_argnums=(1, 2, 3))
    game, config = make_game(ring, SIDE), BasesConfig(density=0.4, shared=shared)
    target = np.zeros((6, 6, 6), np.int32)
    target[:4] = targets.matmul(2, 2, 3).tensor
    distinct = set()
    for seed in range(10):
        basis = sample(jax.random.key(seed), SHAPE, game, config)
        product = ring.reduce(np.array(basis.forward) @ np.array(basis.inverse))
        assert np.array_equal(product, np.stack([np.eye(6)] * 3))
        assert np.array_equal(basis.forward[1], basis.forward[2]) or not shared
        changed = bases.change_tensor(jnp.array(target), basis.forward, ring)
        distinct.add(np.array(changed).tobytes())
        back = bases.change_tensor(changed, basis.inverse, ring)
        assert np.array_equal(back, ring.reduce(target))
        unfolding = jnp.moveaxis(changed, 1, 0).reshape(6, 36)
        assert matrix_rank.rank(unfolding, ring, 1000) == 6  # flattening ranks do not change
        action = jax.random.randint(jax.random.key(seed), (3, 6), 0, 2)
        assert np.array_equal(
            actions.outer(bases.change_factors(action, basis.forward, ring), ring),
            bases.change_tensor(actions.outer(action, ring), basis.forward, ring),
        )
    assert len(distinct) > 5


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_signed_permutations_commute_with_the_game(ring):
    game = make_game(ring, SIDE, max_moves=9, history=1)
    rng = np.random.default_rng(4)

    def play(state, action):
        states, _ = environment.step(*jax.tree.map(lambda x: x[None], (state, action)), game)
        return jax.tree.map(lambda x: x[0], states)

    for seed in range(5):
        permutation = bases.random_signed_permutation(
            jax.random.key(seed), SHAPE, game, shared=seed % 2 == 0
        )
        action = jnp.array(ring.reduce(rng.integers(-1, 2, (3, 6))), jnp.int8)
        tensor = jnp.array(ring.reduce(rng.integers(-2, 3, (6, 6, 6))), jnp.int16)
        moved = bases.permute_factors(action, permutation, ring)
        assert np.array_equal(bases.unpermute_factors(moved, permutation, ring), action)
        state = environment.reset(tensor, jnp.ones((3, 6), bool), game)
        seen = bases.permute_state(play(state, action), permutation, ring)
        played = play(bases.permute_state(state, permutation, ring), moved)
        for x, y in zip(seen, played, strict=True):
            assert np.array_equal(x, y)


def test_permutations_are_drawn_from_the_bank():
    game = make_game(RINGS[0], SIDE)
    bank = jax.vmap(lambda k: bases.random_signed_permutation(k, SHAPE, game, False))(
        jax.random.split(jax.random.key(0), 3)
    )
    drawn = jax.vmap(lambda k: bases.draw_permutation(k, bank))(
        jax.random.split(jax.random.key(1), 40)
    )
    rows = [np.concatenate([np.ravel(x) for x in p]).tolist() for p in zip(*drawn, strict=True)]
    stored = [np.concatenate([np.ravel(x) for x in p]).tolist() for p in zip(*bank, strict=True)]
    assert all(row in rows for row in stored) and all(row in stored for row in rows)
