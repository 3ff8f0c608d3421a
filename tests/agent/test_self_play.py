"""Self-play: games add up, whoever plays them."""

import chex
import jax
import numpy as np
import pytest
from agent_cases import CONFIG, small_agent, small_constants

from alphatensor import targets
from alphatensor.agent import self_play


@pytest.fixture(scope="module")
def played():
    """A round of real games of an untrained agent on 2x2x2, in random bases."""
    agent = small_agent()
    constants, params = small_constants(agent), agent.network.init(jax.random.key(0))
    play = jax.jit(self_play.play, static_argnums=1)
    games, statistics = play(params, agent, constants, jax.random.split(jax.random.key(1), 12))
    return jax.device_get(games), statistics


def test_games_add_up(played):
    games, statistics = played
    for i in range(games.length.size):
        residual = games.start[i].astype(int)
        for t in range(games.length[i]):
            residual -= np.einsum("i,j,k->ijk", *games.actions[i, t].astype(int))
            index = np.where((games.candidates[i, t] == games.actions[i, t]).all((1, 2)))[0]
            assert games.policy[i, t, index].max() > 0, "played what the search did not visit"
        assert not games.actions[i, games.length[i] :].any()
        bound = 0
        if not games.solved[i]:
            bound = min(
                sum(np.linalg.matrix_rank(s) for s in np.moveaxis(residual, m, 0)) for m in range(3)
            )
        assert games.solved[i] == (not residual.any())
        assert games.returns[i, 0] == -games.length[i] - bound
        assert games.returns[i, 1] == games.returns[i, 0] + 1
    restored = np.einsum(
        "bix,bjy,bkz,bxyz->bijk", *np.moveaxis(games.inverse, 1, 0), games.start.astype(int)
    )
    assert (restored == targets.matmul(2, 2, 2).tensor).all()
    assert len({s.tobytes() for s in games.start}) > 5, "bases are not random"
    assert 0 < float(statistics.policy_entropy) < np.log(CONFIG.search.samples)


def test_games_have_the_documented_shapes(played):
    games, _ = played
    moves, samples = CONFIG.game.max_moves, CONFIG.search.samples
    chex.assert_tree_shape_prefix(games, (12,))
    chex.assert_shape(games.candidates, (12, moves, samples, 3, 4))
    chex.assert_shape([games.policy, games.returns], [(12, moves, samples), (12, moves)])
    chex.assert_shape([games.bonus, games.length, games.solved, games.target], (12,))
    chex.assert_type([games.start, games.actions, games.bonus], [np.int16, np.int8, np.float32])
    assert not games.bonus.any()


def test_a_batch_of_keys_must_be_flat():
    agent = small_agent()
    keys = jax.random.split(jax.random.key(0), (2, 2))
    with pytest.raises(AssertionError, match="rank"):
        self_play.play(None, agent, small_constants(agent), keys)
