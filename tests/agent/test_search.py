"""The search on games small enough to know the answer, with networks that are plain functions."""

import types

import agent_cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.agent import actions, bases, environment, networks, search
from alphatensor.agent.agent import Agent, make_agent
from alphatensor.agent.config import AgentConfig, GameConfig, SearchConfig
from alphatensor.agent.networks import value_head

SIDE = 2
CONFIG = AgentConfig(
    entries=(-1, 0, 1),
    entries_per_token=2,
    game=GameConfig(max_moves=3, history=1),
    demonstrations=agent_cases.CONFIG.demonstrations,
    search=SearchConfig(simulations=64, samples=16),
)
IDENTITY = bases.SignedPermutation(
    jnp.arange(SIDE)[None, None].repeat(3, 1), jnp.ones((1, 3, SIDE), jnp.int32)
)


def agent_with(network=None, max_moves=3, **search_fields) -> Agent:
    """Returns an agent for 2x2x2 cubes whose network is a plain function."""
    config = CONFIG.replace(
        game=CONFIG.game.replace(max_moves=max_moves), search=CONFIG.search.replace(**search_fields)
    )
    agent = make_agent(config, [(SIDE,) * 3])
    return agent._replace(network=network or uniform_network())


VOCABULARY = actions.make_vocabulary(CONFIG, [(SIDE,) * 3])
RING = rings.Integers()
VALUE_HEAD = value_head.make_value_head(CONFIG.network, 1)


def uniform_network(quantile=0.0):
    """Draws every token uniformly and predicts the same return everywhere."""

    def sample(params, observation, uniforms):
        del params
        tokens = jnp.floor(uniforms * VOCABULARY.size).astype(jnp.int32)
        return networks.Samples(tokens, jnp.full((uniforms.shape[0], 4), quantile))

    return networks.AgentNetwork(None, None, sample, VALUE_HEAD)


def keys(batch, seed=0):
    return jax.random.split(jax.random.key(seed), batch)


def run(agent, state, seed=0, permutations=IDENTITY):
    batch = state.done.shape[0]
    return jax.jit(search.search, static_argnums=1)(
        None, agent, permutations, state, keys(batch, seed)
    )


def states(tensors, agent):
    support = jnp.ones((3, SIDE), bool)
    return jax.vmap(lambda t: environment.reset(t, support, agent.game))(jnp.array(tensors))


def random_rank_one(rng):
    action = np.ones((3, SIDE), int)
    while True:
        action = rng.integers(-1, 2, (3, SIDE))
        if np.all(np.any(action, axis=1)):
            return action


@pytest.mark.parametrize(
    "fields", [dict(q_transform="min_max"), dict(q_transform="raw"), dict(rule="gumbel")]
)
def test_finds_the_winning_move_wherever_it_was_sampled(fields):
    """One move solves a rank-1 tensor: where it is among the samples, it must be played."""
    rng = np.random.default_rng(0)
    solutions = np.array([random_rank_one(rng) for _ in range(64)])
    tensors = np.einsum("bi,bj,bk->bijk", *np.moveaxis(solutions, 1, 0))
    # Two moves without an end cost 2 and the penalty; the network promises nothing better.
    agent = agent_with(uniform_network(-2.0), samples=32, considered=32, **fields)
    result = run(agent, states(tensors, agent))
    winning = actions.canonical(jnp.array(solutions), RING)
    is_winning = jnp.all(result.candidates == winning[:, None], axis=(-2, -1))
    offered = np.array(jnp.any(is_winning, axis=1))
    chosen = np.array(jax.vmap(lambda w, c: w[c])(is_winning, result.chosen))
    assert 5 < offered.sum() < 64
    assert chosen[offered].all()


def test_the_root_may_draw_more_actions_than_other_nodes():
    rng = np.random.default_rng(2)
    tensors = np.einsum("bi,bj,bk->bijk", *rng.integers(-1, 2, (3, 4, SIDE)))
    agent = agent_with(uniform_network(-2.0), samples=2, root_samples=24, simulations=30)
    result = run(agent, states(tensors, agent))
    assert result.candidates.shape[1] == result.policy.shape[1] == 24
    assert np.all(result.num_distinct > 2) and np.all(np.sum(result.policy > 0, axis=1) > 2)
    tree = jax.jit(search.grow_tree, static_argnums=1)(
        None, agent, IDENTITY, states(tensors, agent), keys(4)
    )
    offered = np.isfinite(tree.children_prior_logits)  # [B, nodes, K]
    assert np.all(offered[:, 1:].sum(axis=-1) <= 2) and not offered[:, 1:, 2:].any()
    assert np.all(tree.children_visits[:, 1:, 2:] == 0)


def proposing(factors, quantile):
    """Returns a network that proposes the given actions [N, 3, S] with equal probability."""
    proposals = actions.to_tokens(jnp.array(factors), VOCABULARY)

    def sample(params, observation, uniforms):
        del params, observation
        tokens = proposals[jnp.floor(uniforms[..., 0] * len(factors)).astype(jnp.int32)]
        return networks.Samples(tokens, jnp.full((uniforms.shape[0], 4), quantile))

    return networks.AgentNetwork(None, None, sample, VALUE_HEAD)


RULES = pytest.mark.parametrize("rule", ["puct", "gumbel"])


@RULES
def test_finds_the_line_that_wins(rule):
    """Two moves allowed and one pair of actions that solves: the search must look ahead."""
    rng = np.random.default_rng(1)
    corners = [[[1, 0]] * 3, [[0, 1]] * 3]
    offered = np.array(corners + [random_rank_one(rng) for _ in range(6)])
    tensor = np.einsum("ti,tj,tk->ijk", *np.moveaxis(offered[:2], 1, 0))
    agent = agent_with(
        proposing(offered, -2.0), max_moves=2, simulations=200, samples=24, rule=rule
    )
    state = states(np.stack([tensor] * 16), agent)
    for move in range(2):
        result = run(agent, state, seed=move)
        action = jax.vmap(lambda c, a: c[a])(result.candidates, result.chosen)
        state, _ = environment.step(state, action, agent.game)
    assert np.mean(state.solved) > 0.5  # playing at random solves 1 in 32


@RULES
def test_merged_and_null_actions_are_never_visited(rule):
    """A network that proposes few distinct actions: copies must stay unvisited everywhere."""
    zero_u = [[0, 0], [1, 0], [0, 1]]
    offered = np.array([zero_u, [[1, 0], [1, 1], [0, 1]], [[0, 1], [1, -1], [1, 0]]])
    agent = agent_with(proposing(offered, -3.0), samples=12, rule=rule)
    rng = np.random.default_rng(2)
    result = run(agent, states(rng.integers(-2, 3, (8, 2, 2, 2)), agent))
    merged = jax.vmap(actions.merge)(result.candidates) == 0
    assert np.all(np.array(result.policy)[np.array(merged)] == 0)
    assert np.all(np.array(result.num_distinct) <= 2)
    np.testing.assert_allclose(result.policy.sum(1), 1, rtol=1e-5)
    chosen = jnp.take_along_axis(merged, result.chosen[:, None], axis=1)
    assert not np.any(chosen)


def test_interior_selection_masks_copies():
    tree = types.SimpleNamespace(
        children_prior_logits=jnp.log(jnp.array([[0.25, 0.75, 0.0, 0.0]])),
        children_visits=jnp.array([[9, 30, 0, 0]]),
        node_visits=jnp.array([40]),
        node_values=jnp.array([-100.0]),
        qvalues=lambda node: jnp.array([-50.0, -60.0, 0.0, 0.0]),
    )
    select = search._select(CONFIG.search.replace(q_transform="raw"))
    assert int(select(None, tree, 0)) == 0  # not the unvisited copies with their Q of 0


def test_policy_temperature():
    low = search.improved_policy(jnp.array([60, 30, 10, 0]), 100)
    np.testing.assert_allclose(low, [0.6, 0.3, 0.1, 0], rtol=1e-6)
    visits = np.array([9000.0, 900, 100, 0])
    high = search.improved_policy(jnp.array(visits), 100)
    expected = visits**0.5 / np.sum(visits**0.5)  # τ = log 10,000 / log 100 = 2
    np.testing.assert_allclose(high, expected, rtol=1e-5)


def test_acting_drops_actions_worse_than_the_most_visited():
    policy = jnp.array([0.5, 0.3, 0.15, 0.05])
    q = jnp.array([-4.0, -5.0, -3.0, -4.0])
    acting = search.acting_policy(policy, jnp.array([50, 30, 15, 5]), q)
    np.testing.assert_allclose(acting, np.array([0.5, 0, 0.15, 0.05]) / 0.7, rtol=1e-6)


@RULES
def test_a_game_does_not_depend_on_its_batch(rule):
    rng = np.random.default_rng(3)
    tensors = rng.integers(-2, 3, (6, 2, 2, 2))
    agent = agent_with(simulations=16, rule=rule)
    bank = jax.vmap(
        lambda k: bases.random_signed_permutation(k, (2, 2, 2), agent.game, shared=False)
    )(jax.random.split(jax.random.key(0), 7))
    state, all_keys = states(tensors, agent), keys(6)
    program = jax.jit(search.search, static_argnums=1)
    together = program(None, agent, bank, state, all_keys)
    part = jax.tree.map(lambda x: x[2:4], state)
    apart = program(None, agent, bank, part, all_keys[2:4])
    for x, y in zip(together, apart, strict=True):
        assert np.array_equal(x[2:4], y)


def test_root_noise_reaches_only_valid_actions():
    config = CONFIG.search.replace(root_noise=0.5)
    logits = jnp.log(jnp.array([[0.7, 0.3, 0.0, 0.0]]))
    noisy = search._add_root_noise(keys(1), logits, config)
    probabilities = np.exp(noisy[0])
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-5)
    assert probabilities[2:].tolist() == [0, 0] and probabilities[0] >= 0.35
    assert not np.allclose(probabilities[0], 0.7)


def test_states_and_keys_of_different_batches_are_refused():
    agent = agent_with()
    state = states(np.ones((3, 2, 2, 2), int), agent)
    with pytest.raises(AssertionError, match="shape"):
        search.search(None, agent, IDENTITY, state, keys(2))
