"""TensorGame against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agent_cases import make_game
from exact_rank import RINGS, exact_rank

from alphatensor import rings
from alphatensor.agent import actions, environment

step = jax.jit(environment.step, static_argnums=2)


def play_one(state, action, game):
    """Steps a batch of one game."""
    states, rewards = step(*jax.tree.map(lambda x: jnp.asarray(x)[None], (state, action)), game)
    return jax.tree.map(lambda x: x[0], states), float(rewards[0])


def random_actions(ring, rng, shape):
    entries = range(ring.modulus) if ring.is_modular else (-2, -1, 0, 1, 2)
    return rng.choice(list(entries), shape).astype(np.int8)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_game_agrees_with_numpy_on_random_play(ring):
    game = make_game(ring, 4, max_moves=5, history=2)
    rng = np.random.default_rng(1)
    for _ in range(5):
        tensor = rng.integers(-3, 4, (4, 4, 4))
        state = environment.reset(jnp.array(tensor), jnp.ones((3, 4), bool), game)
        expected, played, total = ring.reduce(tensor), [], 0.0
        for move in range(5 + 2):
            action = random_actions(ring, rng, (3, 4))
            state, reward = play_one(state, action, game)
            total += reward
            if move < 5:
                played.append(action)
                u, v, w = action.astype(int)
                expected = ring.reduce(expected - np.einsum("i,j,k->ijk", u, v, w))
            assert np.array_equal(state.residual, expected)
            assert state.past_actions[0].tolist() == played[-1].tolist()
            assert int(state.num_moves) == len(played) and bool(state.done) == (len(played) == 5)
        slices = [
            sum(exact_rank(s, ring) for s in np.moveaxis(expected, mode, 0)) for mode in range(3)
        ]
        assert total == -5 - min(slices)  # the return of a failed game


def test_solved_game_stops_and_observation_shows_the_past():
    ring = rings.Integers()
    game = make_game(ring, 3, max_moves=4, history=2)
    action = jnp.array([[1, 0, -1], [0, 1, 0], [1, 1, 0]], jnp.int8)
    state = environment.reset(actions.outer(action, ring) * 2, jnp.ones((3, 3), bool), game)
    state, _ = play_one(state, action, game)
    seen = environment.observe(state, game)
    assert np.array_equal(seen.tensors[0], actions.outer(action, ring))
    assert np.array_equal(seen.tensors[1], actions.outer(action, ring))
    assert not seen.tensors[2].any() and seen.scalars.tolist() == [0.25]
    state, reward = play_one(state, action, game)
    assert bool(state.solved) and bool(state.done) and reward == -1
    again, reward = play_one(state, action, game)
    assert reward == 0 and np.array_equal(again.residual, state.residual)


def test_only_games_of_a_batch_that_fail_pay_the_penalty():
    game = make_game(rings.Integers(), 2, max_moves=2, history=1)
    unit = np.array([[1, 0]] * 3, np.int8)
    tensors = np.zeros((4, 2, 2, 2), int)
    tensors[0, 0, 0, 0] = 1  # solved by the first move
    tensors[1, 0, 0, 0] = 2  # solved by the second
    tensors[2, 0, 0, 0] = 3  # fails with rank 1 left
    tensors[3, 0, 0, 0], tensors[3, 1, 1, 1] = 2, 5  # fails with rank 1 left
    support = jnp.ones((3, 2), bool)
    states = jax.vmap(lambda t: environment.reset(t, support, game))(jnp.array(tensors))
    batch = jnp.array(np.stack([unit] * 4))
    states, rewards = step(states, batch, game)
    assert rewards.tolist() == [-1, -1, -1, -1]
    assert states.done.tolist() == [True, False, False, False]
    states, rewards = step(states, batch, game)
    assert rewards.tolist() == [0, -1, -2, -2]
    states, rewards = step(states, batch, game)
    assert rewards.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_positions_are_the_states_that_steps_reach(ring):
    game = make_game(ring, 3, max_moves=9, history=3)
    rng = np.random.default_rng(2)
    tensor, support = jnp.array(ring.reduce(rng.integers(-3, 4, (3, 3, 3)))), jnp.ones((3, 3), bool)
    played = random_actions(ring, rng, (6, 3, 3))
    state = environment.reset(tensor, support, game)
    for num_moves in range(6):
        found = environment.position(tensor, support, jnp.array(played), jnp.array(num_moves), game)
        for x, y in zip(state, found, strict=True):
            assert x.dtype == y.dtype and np.array_equal(x, y)
        state, _ = play_one(state, played[num_moves], game)
