"""Replay and learner: positions are right, weights follow the policy, and a small net learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.agent import actions as factors
from alphatensor.agent import (
    bases,
    demonstrations,
    environment,
    learner,
    networks,
    replay,
    search,
    self_play,
)

RING = rings.Integers()
SIDE, MOVES, SAMPLES = 4, 4, 8
RULES = environment.Rules(RING, SIDE, MOVES, history=2)
VOCABULARY = factors.Vocabulary((-1, 0, 1), 4, (4, 4, 4), SIDE)
LAW = demonstrations.Law(1, 3, (-1, 0, 1), (0.25, 0.5, 0.25))
NETWORK = networks.NetworkConfig(
    networks.TorsoConfig(16, 1, 2, 8, 2, grid_positions=True, rematerialise=False),
    networks.PolicyConfig(32, 1, 2, 8, 2, dropout=0.0),
    networks.ValueConfig(32, 4, 0.75),
)
LEARNER = learner.LearnerConfig(
    batch_size=32, actions_per_state=2, learning_rate=3e-3, decay_every=1000, decay_factor=0.1,
    weight_decay=1e-5, clip_norm=4.0, policy_weight=1.0, value_weight=1.0, shuffle_probability=0.5,
)  # fmt: skip
SEARCH = search.SearchConfig(8, SAMPLES, 1.25, 19652.0, "min_max", 100, 0.0, 0.3, True)
SUPPORT = jnp.ones((3, SIDE), bool)


@pytest.fixture(scope="module")
def agent():
    network = networks.make_network(
        NETWORK, VOCABULARY.num_tokens, VOCABULARY.size, VOCABULARY.sizes, RULES.history
    )
    return search.Agent(network, RULES, VOCABULARY, SEARCH, NETWORK.value)


@pytest.fixture(scope="module")
def bank():
    draw = functools.partial(
        bases.random_signed_permutation, sizes=(4, 4, 4), side=SIDE, ring=RING, shared=False
    )
    return jax.vmap(draw)(jax.random.split(jax.random.key(8), 5))


@pytest.fixture(scope="module")
def played(agent, bank):
    """A round of real games of an untrained agent on 2x2x2, in random bases."""
    symmetries = self_play.Symmetries(((4, 4, 4),), 0.3, 0.3, 1000, False)
    tensors = jnp.array(targets.matmul(2, 2, 2).tensor)[None]

    def play(params, keys):
        return self_play.play(params, agent, bank, tensors, symmetries, jax.random.key(3), keys)

    params = agent.network.init(jax.random.key(0))
    games, statistics = jax.jit(play)(params, jax.random.split(jax.random.key(1), 12))
    return jax.device_get(games), statistics


def solved_games():
    """Three hand-made games of lengths 2, 3 and 4, solved."""
    rng = np.random.default_rng(0)
    games = []
    for length in (2, 3, 4):
        actions = np.zeros((MOVES, 3, SIDE), np.int8)
        actions[:length] = rng.integers(-1, 2, (length, 3, SIDE))
        actions[:length, :, 0] = 1
        start = np.einsum("ti,tj,tk->ijk", *np.moveaxis(actions.astype(int), 1, 0))
        policy = np.zeros((MOVES, SAMPLES), np.float32)
        policy[:, 1] = 1
        candidates = np.zeros((MOVES, SAMPLES, 3, SIDE), np.int8)
        candidates[:, 1] = actions
        games.append(
            self_play.Games(
                start.astype(np.int16), np.array(SUPPORT), actions, candidates, policy,
                -np.maximum(length - np.arange(MOVES), 0).astype(np.float32), np.int32(length),
                np.array(True), np.int32(0), np.stack([np.eye(SIDE, dtype=np.int32)] * 3),
            )
        )  # fmt: skip
    return jax.tree.map(lambda *x: np.stack(x), *games)


def first(games):
    return jax.tree.map(lambda x: jnp.array(x[0]), games)


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
    assert 0 < float(statistics.policy_entropy) < np.log(SAMPLES)


def test_ring_buffer_overwrites_the_oldest():
    games = solved_games()
    buffer = replay.empty(first(games), 4)
    buffer = replay.add(buffer, games)
    assert int(buffer.size) == 3
    buffer = replay.add(buffer, games)
    assert int(buffer.size) == 4 and int(buffer.next) == 2
    assert buffer.games.length.tolist() == [3, 4, 4, 2]


def test_best_games_are_the_shortest_of_their_target():
    games = solved_games()
    unsolved = games._replace(solved=np.array([False, True, True]))
    buffer = replay.add_best(replay.empty(first(games), 3), unsolved, slack=0)
    assert int(buffer.size) == 1 and buffer.games.length[0] == 3
    buffer = replay.add_best(buffer, games, slack=1)
    assert int(buffer.size) == 3
    assert sorted(buffer.games.length.tolist()) == [2, 3, 3]
    other = games._replace(target=np.array([1, 1, 1], np.int32))
    buffer = replay.add_best(buffer, other, slack=0)
    assert sorted(buffer.games.length[: int(buffer.size)].tolist()) == [2, 2]
    assert sorted(buffer.games.target[: int(buffer.size)].tolist()) == [0, 1]


@pytest.mark.parametrize("shuffle", [0.0, 1.0])
def test_examples_are_positions_of_the_game(shuffle):
    games = solved_games()
    buffer = replay.add(replay.empty(first(games), 5), games)
    draw = jax.jit(jax.vmap(lambda k: replay.game_example(k, buffer, RULES, 2, shuffle)))(
        jax.random.split(jax.random.key(0), 60)
    )
    starts = {g.tobytes(): i for i, g in enumerate(games.start)}
    orders = set()
    for i in range(60):
        state = jax.tree.map(lambda x, i=i: np.array(x[i]), draw.state)
        action = np.array(draw.actions[i, 0], int)
        move, left = int(state.move), int(-draw.value[i])
        # What is left is a sum of `left` actions of the game, among them the one to predict.
        rest = state.residual - np.einsum("i,j,k->ijk", *action)
        past = state.past[: min(move, 2)].astype(int)
        replayed = state.residual + np.einsum("ti,tj,tk->ijk", *np.moveaxis(past, 1, 0))
        if move <= 2:
            game = starts[replayed.astype(np.int16).tobytes()]
            assert move + left == games.length[game]
            orders.add((game, move, action.tobytes()))
        assert (left == 1) == (not rest.any())
        assert not state.past[move:].any()
    per_position = len(orders) / len({o[:2] for o in orders})
    assert per_position == 1 if shuffle == 0 else per_position > 1.5


def test_demonstration_examples_can_be_finished_by_their_actions():
    draw = jax.jit(jax.vmap(lambda k: replay.demonstration_example(k, SUPPORT, LAW, RULES, 3)))(
        jax.random.split(jax.random.key(1), 100)
    )
    for i in range(100):
        left = int(-draw.value[i])
        assert 1 <= left <= 3
        total = np.einsum(
            "ti,tj,tk->ijk", *np.moveaxis(np.array(draw.actions[i, :left], int), 1, 0)
        )
        assert np.array_equal(total, draw.state.residual[i])


def test_signed_permutations_move_input_and_target_together(agent, bank):
    keys = jax.random.split(jax.random.key(2), 20)
    examples = jax.vmap(lambda k: replay.demonstration_example(k, SUPPORT, LAW, RULES, 1))(keys)
    batch = learner.make_batch(keys, examples, bank, agent)
    actions = factors.from_tokens(batch.tokens[:, 0], VOCABULARY)
    residual = np.array(batch.observation.tensors[:, 0])
    rest = residual - np.array(factors.outer(actions, RING))
    last = np.array(batch.value) == -1
    assert last.sum() > 3
    assert not rest[last].any() and rest[~last].any((1, 2, 3)).all()
    assert not np.array_equal(residual, examples.state.residual)


def learn(agent, bank, state, mixture, buffer, updates, config=LEARNER, seed=0):
    run = functools.partial(
        learner.learn, agent=agent, law=LAW, config=config, updates=updates, devices=1, axis="data"
    )
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
    spec = jax.sharding.PartitionSpec()
    run = jax.jit(jax.shard_map(run, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    return run(state, jax.random.key(seed), buffer, buffer, jnp.array(mixture), SUPPORT[None], bank)


def test_learner_overfits_a_handful_of_games(agent, bank):
    games = solved_games()
    buffer = replay.add(replay.empty(first(games), 3), games)
    state = learner.init(jax.random.key(0), agent, LEARNER)
    before = None
    for seed in range(4):
        state, losses = learn(agent, bank, state, [0.0, 0.5, 0.5], buffer, 75, seed=seed)
        before = losses if before is None else before
    assert losses.policy < 0.5 * before.policy and losses.policy < 3
    assert losses.value < 0.3 * before.value
    assert int(state.step) == 300 and bool(losses.finite)


def test_mixture_falls_back_to_demonstrations_while_buffers_are_empty(agent):
    buffer = replay.empty(first(solved_games()), 3)
    keys = jax.random.split(jax.random.key(0), 50)
    draw = functools.partial(
        learner.draw_examples, supports=SUPPORT[None], agent=agent, law=LAW, config=LEARNER
    )
    examples, source = draw(keys, buffer, buffer, jnp.array([0.0, 0.5, 0.5]))
    assert not np.any(np.array(source))
    assert not np.any(np.array(factors.is_null(examples.actions)))
    filled = replay.add(buffer, solved_games())
    mixed, source = draw(keys, filled, buffer, jnp.array([0.25, 0.5, 0.25]))
    same = np.array(mixed.state.residual == examples.state.residual).all((1, 2, 3))
    assert 0.3 < same.mean() < 0.7, "a quarter plus the share of the empty buffer"
    np.testing.assert_array_equal(same, np.array(source) == 0)


def test_losses_are_split_by_source(agent, bank):
    games = solved_games()
    buffer = replay.add(replay.empty(first(games), 3), games)
    state = learner.init(jax.random.key(0), agent, LEARNER)
    _, losses = learn(agent, bank, state, [0.0, 1.0, 0.0], buffer, 2)
    np.testing.assert_allclose(losses.policy_by_source[1], losses.policy, rtol=1e-5)
    np.testing.assert_allclose(losses.value_by_source[1], losses.value, rtol=1e-5)
    assert np.isnan(losses.policy_by_source[0]) and np.isnan(losses.value_by_source[2])


def test_updates_that_are_not_finite_are_undone(agent, bank):
    buffer = replay.empty(first(solved_games()), 3)
    state = learner.init(jax.random.key(0), agent, LEARNER)
    reckless = LEARNER._replace(learning_rate=1e30)
    after, losses = learn(agent, bank, state, [1.0, 0, 0], buffer, 5, reckless)
    assert not bool(losses.finite) and int(after.step) < 5
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(after.params))
    _, losses = learn(agent, bank, state, [1.0, 0, 0], buffer, 5)
    assert bool(losses.finite)


def test_the_rate_scales_the_updates(agent, bank):
    buffer = replay.empty(first(solved_games()), 3)
    state = learner.init(jax.random.key(0), agent, LEARNER)
    whole, _ = learn(agent, bank, state, [1.0, 0, 0], buffer, 1)
    half, _ = learn(agent, bank, state._replace(rate=jnp.array(0.5)), [1.0, 0, 0], buffer, 1)
    for start, one, other in zip(
        *map(jax.tree.leaves, (state.params, whole.params, half.params)), strict=True
    ):
        np.testing.assert_allclose(0.5 * (one - start), other - start, atol=1e-6)


def test_learning_rate_staircase_and_clipping():
    config = LEARNER._replace(decay_every=10, weight_decay=0.0)
    optimiser = learner.make_optimiser(config)
    params = {"w": jnp.ones(3)}
    state = optimiser.init(params)
    steps = []
    for _ in range(11):
        change, state = optimiser.update({"w": jnp.full(3, 1e6)}, state, params)
        steps.append(float(-change["w"][0]))
    np.testing.assert_allclose(steps[:10], config.learning_rate, rtol=1e-3)
    np.testing.assert_allclose(steps[10], 0.1 * config.learning_rate, rtol=1e-3)
