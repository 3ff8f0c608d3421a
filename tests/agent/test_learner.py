"""The learner: weights follow the losses, and a small network learns."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agent_cases import CONFIG, first, small_agent, small_constants, solved_games

from alphatensor import rings
from alphatensor.agent import actions, batches, learner, replay


@pytest.fixture(scope="module")
def agent():
    return small_agent()


@pytest.fixture(scope="module")
def constants(agent):
    return small_constants(agent)


def empty_buffers():
    game = first(solved_games())
    return replay.empty_ring(game, 3), replay.empty_best(game, 3)


def filled_buffers():
    ring, best = empty_buffers()
    return replay.add(ring, solved_games()), replay.add_best(best, solved_games(), slack=2)


MESH = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
SPEC = jax.sharding.PartitionSpec()
EVERYWHERE = jax.sharding.NamedSharding(MESH, SPEC)


def on_mesh(function):
    return jax.shard_map(function, mesh=MESH, in_specs=SPEC, out_specs=SPEC, check_vma=False)


def learn_from_experience(state, key, experience, constants, *, agent, shard):
    def draw(keys):
        return batches.draw_examples(keys, experience, constants, agent)

    return learner.learn(state, key, draw, constants.permutations, agent=agent, shard=shard)


@functools.cache
def compiled(agent, updates):
    shard = learner.Shard(updates, devices=1, axis="data")
    return jax.jit(on_mesh(functools.partial(learn_from_experience, agent=agent, shard=shard)))


def learn(agent, constants, state, mixture, buffers, updates, seed=0):
    experience = batches.Experience(*buffers, jnp.array(mixture, jnp.float32))
    # Arguments lie where results do, so that a second call does not compile the program again.
    arguments = (state, jax.random.key(seed), experience, constants)
    return compiled(agent, updates)(*jax.device_put(arguments, EVERYWHERE))


def test_signed_permutations_move_input_and_target_together(constants):
    agent = small_agent(actions_per_state=1)
    keys = jax.random.split(jax.random.key(2), 20)
    support = constants.supports[0]
    examples = jax.vmap(lambda k: replay.demonstration_example(k, support, agent))(keys)
    batch = batches.make_batch(keys, examples, constants.permutations, agent)
    factors = actions.from_tokens(batch.tokens[:, 0], agent.vocabulary)
    residual = np.array(batch.observation.tensors[:, 0])
    rest = residual - np.array(actions.outer(factors, rings.Integers()))
    last = np.array(batch.value) == -1
    assert last.sum() > 3
    assert not rest[last].any() and rest[~last].any((1, 2, 3)).all()
    assert not np.array_equal(residual, examples.state.residual)


def test_learner_overfits_a_handful_of_games(agent, constants):
    state = learner.init(jax.random.key(0), agent)
    before = None
    for seed in range(4):
        state, losses = learn(agent, constants, state, [0.0, 0.5, 0.5], filled_buffers(), 75, seed)
        before = losses if before is None else before
    assert losses.policy < 0.5 * before.policy and losses.policy < 3
    assert losses.value < 0.3 * before.value
    assert int(state.step) == 300 and bool(losses.finite)


def test_mixture_falls_back_to_demonstrations_while_buffers_are_empty(agent, constants):
    ring, best = empty_buffers()
    keys = jax.random.split(jax.random.key(0), 50)
    experience = batches.Experience(ring, best, jnp.array([0.0, 0.5, 0.5]))
    examples, source = batches.draw_examples(keys, experience, constants, agent)
    assert not np.any(np.array(source))
    assert not np.any(np.array(actions.is_null(examples.actions)))
    filled = batches.Experience(filled_buffers()[0], best, jnp.array([0.25, 0.5, 0.25]))
    mixed, source = batches.draw_examples(keys, filled, constants, agent)
    same = np.array(mixed.state.residual == examples.state.residual).all((1, 2, 3))
    assert 0.3 < same.mean() < 0.7, "a quarter plus the share of the empty buffer"
    np.testing.assert_array_equal(same, np.array(source) == 0)


def test_losses_are_split_by_source(agent, constants):
    state = learner.init(jax.random.key(0), agent)
    _, losses = learn(agent, constants, state, [0.0, 1.0, 0.0], filled_buffers(), 2)
    np.testing.assert_allclose(losses.policy_by_source[1], losses.policy, rtol=1e-5)
    np.testing.assert_allclose(losses.value_by_source[1], losses.value, rtol=1e-5)
    assert np.isnan(losses.policy_by_source[0]) and np.isnan(losses.value_by_source[2])


def test_updates_that_are_not_finite_are_undone(agent, constants):
    state = learner.init(jax.random.key(0), agent)
    reckless = small_agent(learning_rate=1e30)._replace(network=agent.network)
    after, losses = learn(reckless, constants, state, [1.0, 0, 0], empty_buffers(), 5)
    assert not bool(losses.finite) and int(after.step) < 5
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(after.params))
    _, losses = learn(agent, constants, state, [1.0, 0, 0], empty_buffers(), 5)
    assert bool(losses.finite)


def test_games_may_be_played_with_a_mean_of_the_parameters(agent, constants):
    state = learner.init(jax.random.key(0), agent)
    assert state.played is state.params
    mean = small_agent(average=0.75)._replace(network=agent.network)
    begin = learner.init(jax.random.key(0), mean)
    chex.assert_trees_all_equal(begin.played, begin.params)
    ends = [
        learn(mean, constants, begin, [1.0, 0, 0], empty_buffers(), updates)[0]
        for updates in (1, 40)
    ]
    for start, new, old in zip(
        *map(jax.tree.leaves, (begin.params, ends[0].params, ends[0].played)), strict=True
    ):
        np.testing.assert_allclose(old, 0.1 * start + 0.9 * new, atol=1e-6)  # 1 of 10 at first
    plain, _ = learn(agent, constants, state, [1.0, 0, 0], empty_buffers(), 40)
    chex.assert_trees_all_close(plain.params, ends[1].params)
    far, near = (
        sum(float(jnp.sum((x - y) ** 2)) for x, y in zip(*map(jax.tree.leaves, pair), strict=True))
        for pair in ((begin.params, ends[1].params), (ends[1].played, ends[1].params))
    )
    assert 0 < near < 0.1 * far


def test_lr_scale_scales_the_updates(agent, constants):
    state = learner.init(jax.random.key(0), agent)
    slower = state._replace(lr_scale=jnp.array(0.5, jnp.float32))
    whole, _ = learn(agent, constants, state, [1.0, 0, 0], empty_buffers(), 1)
    half, _ = learn(agent, constants, slower, [1.0, 0, 0], empty_buffers(), 1)
    for start, one, other in zip(
        *map(jax.tree.leaves, (state.params, whole.params, half.params)), strict=True
    ):
        np.testing.assert_allclose(0.5 * (one - start), other - start, atol=1e-6)


def test_one_program_learns_from_empty_and_full_buffers_and_any_mixture(agent, constants):
    chex.clear_trace_counter()

    @chex.assert_max_traces(n=1)
    def run(*arguments):
        shard = learner.Shard(1, devices=1, axis="data")
        return learn_from_experience(*arguments, agent=agent, shard=shard)

    program, state = jax.jit(on_mesh(run)), learner.init(jax.random.key(0), agent)
    for mixture, buffers in (([1.0, 0, 0], empty_buffers()), ([0.2, 0.4, 0.4], filled_buffers())):
        experience = batches.Experience(*buffers, jnp.array(mixture, jnp.float32))
        arguments = (state, jax.random.key(1), experience, constants)
        state, _ = program(*jax.device_put(arguments, EVERYWHERE))
    assert int(state.step) == 2


def test_learning_rate_staircase_and_clipping():
    config = CONFIG.learner.replace(decay_every=10, weight_decay=0.0)
    optimiser = learner.make_optimiser(config)
    params = {"w": jnp.ones(3)}
    state = optimiser.init(params)
    steps = []
    for _ in range(11):
        change, state = optimiser.update({"w": jnp.full(3, 1e6)}, state, params)
        steps.append(float(-change["w"][0]))
    np.testing.assert_allclose(steps[:10], config.learning_rate, rtol=1e-3)
    np.testing.assert_allclose(steps[10], 0.1 * config.learning_rate, rtol=1e-3)
