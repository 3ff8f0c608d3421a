"""The agent's static description and the constants of a run."""

import jax
import numpy as np
import pytest
from agent_cases import CONFIG

import alphatensor.agent
from alphatensor import targets
from alphatensor.agent import agent as agent_lib
from alphatensor.agent.agent import make_agent, make_constants, support_of


@pytest.fixture(scope="module")
def agent():
    """An agent for 2x2x2 and 1x2x2, whose tensors have different shapes."""
    return make_agent(CONFIG, [(4, 4, 4), (2, 4, 2)])


def test_agent_is_a_static_argument(agent):
    assert hash(agent) == hash(agent._replace(shapes=((4, 4, 4), (2, 4, 2))))
    program = jax.jit(lambda x, agent: x + agent.game.side, static_argnums=1)
    assert program(1, agent) == 5


def test_constants_hold_padded_targets_and_their_supports(agent):
    tensors = [targets.matmul(2, 2, 2).tensor, targets.matmul(1, 2, 2).tensor]
    constants = make_constants(agent, tensors, jax.random.key(0), jax.random.key(1))
    assert constants.targets.shape == (2, 4, 4, 4) and constants.supports.shape == (2, 3, 4)
    for tensor, padded, support in zip(tensors, constants.targets, constants.supports, strict=True):
        inside = np.ix_(*support)
        assert np.array_equal(padded[inside], tensor) and padded.sum() == tensor.sum()


def test_constants_refuse_tensors_of_other_shapes(agent):
    tensors = [targets.matmul(2, 2, 2).tensor] * 2
    with pytest.raises(AssertionError, match="shape"):
        make_constants(agent, tensors, jax.random.key(0), jax.random.key(1))


def test_support_covers_the_shape_alone():
    assert support_of((2, 3, 1), 3).astype(int).tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]


def test_permutations_move_padding_only_where_targets_differ(agent):
    """One bank serves targets that occupy different coordinates, so it permutes all of them."""
    padding = np.arange(2, 4)
    bank = agent_lib.permutation_bank(jax.random.key(2), agent)
    assert not np.array_equal(np.array(bank.source)[:, 0, 2:], [padding] * 5)
    alone = make_agent(CONFIG, [(2, 4, 2)])
    bank = agent_lib.permutation_bank(jax.random.key(2), alone)
    assert np.array_equal(np.array(bank.source)[:, 0, 2:], [padding] * 5)
    assert np.array_equal(np.sort(bank.source), np.tile(np.arange(4), (5, 3, 1)))


def test_public_names_are_found():
    for name in alphatensor.agent.__all__:
        assert getattr(alphatensor.agent, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        alphatensor.agent.nothing  # noqa: B018
