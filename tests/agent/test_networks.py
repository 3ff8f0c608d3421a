"""The network: sampling against teacher forcing, causality, symmetry of the grids, quantiles."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from alphatensor import rings
from alphatensor.agent import actions, environment, networks
from alphatensor.agent.config import GameConfig
from alphatensor.agent.network_config import NetworkConfig
from alphatensor.agent.networks import contractions, policy_head, torso, value_head

K, SIDE, HISTORY = 64, 3, 1
VOCABULARY = actions.Vocabulary((0, 1), 3, (SIDE,) * 3, SIDE)
TOKENS = VOCABULARY.num_tokens
GAME = environment.Game(rings.Integers(), SIDE, GameConfig(history=HISTORY))
CONFIG = NetworkConfig(
    channels=16,
    torso_blocks=2,
    heads=2,
    head_size=8,
    widening=2,
    grid_positions=True,
    rematerialise=False,
    policy_width=24,
    policy_layers=2,
    policy_heads=2,
    dropout=0.1,
    value_width=16,
    quantiles=8,
)


SMALL = CONFIG.replace(torso="contractions", policy="perceptron", torso_blocks=1)


@pytest.fixture(scope="module", params=[CONFIG, SMALL], ids=["paper", "small"])
def network(request):
    return networks.make_network(request.param, VOCABULARY, GAME)


@pytest.fixture(scope="module")
def params(network):
    # Away from the small initial values, so that every path matters.
    params = network.init(jax.random.key(0))
    return jax.tree.map(
        lambda x: x + 0.1 * jax.random.normal(jax.random.key(x.size), x.shape), params
    )


@pytest.fixture(scope="module")
def observation():
    tensors = jax.random.normal(jax.random.key(1), (2, HISTORY + 1, SIDE, SIDE, SIDE))
    return environment.Observation(tensors, jnp.array([[0.1], [0.5]]))


def test_samples_follow_the_distribution_of_teacher_forcing(network, params, observation):
    """The tokens of known actions, drawn again from their own logits, are the same tokens."""
    uniforms = jax.random.uniform(jax.random.key(2), (2, K, TOKENS))
    samples = jax.jit(network.sample)(params, observation, uniforms)
    predict = jax.jit(network.predict, static_argnums=4)
    for k in range(0, K, 7):
        chosen = samples.tokens[:, k : k + 2]
        predictions = predict(params, None, observation, chosen, False)
        probabilities = np.array(jax.nn.softmax(predictions.logits))
        below = np.cumsum(probabilities, axis=-1) - probabilities
        low, share = (
            np.take_along_axis(x, np.array(chosen)[..., None], axis=-1)[..., 0]
            for x in (below, probabilities)
        )
        # Each uniform number lies in the interval of its token.
        given = np.array(uniforms[:, k : k + 2])
        assert np.all(low - 1e-4 <= given) and np.all(given <= low + share + 1e-4)
        np.testing.assert_allclose(predictions.value, samples.value, rtol=1e-4, atol=1e-4)
    assert len(np.unique(np.array(samples.tokens[0]), axis=0)) > 5


def test_a_later_token_does_not_change_earlier_logits(network, params, observation):
    tokens = jnp.array([[[1, 2, 3]], [[4, 5, 6]]])
    predict = jax.jit(network.predict, static_argnums=4)
    base = predict(params, None, observation, tokens, False)
    for position in range(TOKENS):
        other = predict(
            params,
            None,
            observation,
            tokens.at[..., position].set((tokens[..., position] + 1) % VOCABULARY.size),
            False,
        )
        changed = np.abs(np.array(other.logits - base.logits)).max((0, 1, 3)) > 1e-6
        assert changed.tolist() == [i > position for i in range(TOKENS)]
        np.testing.assert_allclose(other.value, base.value, rtol=1e-5)


def test_dropout_only_while_training(network, params, observation):
    tokens = jnp.array([[[1, 2, 3]], [[4, 5, 6]]])

    def run(seed, training):
        key = jax.random.key(seed)
        return network.predict(params, key, observation, tokens, training).logits

    assert np.array_equal(run(0, False), run(1, False))
    assert not np.allclose(run(0, True), run(1, True))


def test_draw_inverts_the_cumulative_distribution():
    logits = jnp.log(jnp.array([0.2, 0.5, 0.3]))
    uniform = jnp.array([0.0, 0.19, 0.21, 0.69, 0.71, 0.999999])
    tokens = policy_head.draw(jnp.broadcast_to(logits, (6, 3)), uniform)
    assert tokens.tolist() == [0, 0, 1, 1, 2, 2]


def test_torso_treats_the_three_modes_alike():
    """Cyclic rotation of the tensor's modes rotates the grids when their weights are equal."""
    config = CONFIG.replace(grid_positions=False, torso_blocks=1)
    run = hk.without_apply_rng(hk.transform(lambda t, s: torso.torso(t, s, config)))
    tensors = jax.random.normal(jax.random.key(3), (1, 1, SIDE, SIDE, SIDE))
    scalars = jnp.ones((1, 1))
    params = run.init(jax.random.key(4), tensors, scalars)
    same = {
        name: params[name.replace("_1", "_0").replace("_2", "_0")]
        if "_modes" not in name
        else value
        for name, value in params.items()
    }
    # Embedding alone (zero the output layers of attention and dense): grids are fibres.
    same = {
        name: jax.tree.map(jnp.zeros_like, v) if name.endswith(("out", "contract")) else v
        for name, v in same.items()
    }
    features = run.apply(same, tensors, scalars).reshape(3, SIDE, SIDE, -1)
    rotated = run.apply(same, jnp.transpose(tensors, (0, 1, 3, 4, 2)), scalars)
    rotated = rotated.reshape(3, SIDE, SIDE, -1)
    # Modes (U, V, W) become (V, W, U): the (V, W) grid of the old is the (U, V) grid of the new.
    np.testing.assert_allclose(rotated[0], features[2], rtol=1e-5)
    np.testing.assert_allclose(rotated[1], features[0], rtol=1e-5)
    np.testing.assert_allclose(rotated[2], features[1], rtol=1e-5)


def test_torso_is_equivariant_to_permuted_rows_of_a_mode_given_the_fibres():
    """A stage attends within rows that share a coordinate: permuting slices of U permutes rows.

    With the features of the third grid made blind to U's order, the whole torso must commute with a
    permutation of mode U; a missing transposition in a stage breaks this. The three modes have
    different sizes.
    """
    config = CONFIG.replace(grid_positions=False)
    run = hk.without_apply_rng(hk.transform(lambda t, s: torso.torso(t, s, config)))
    u, v, w = 3, 2, 4
    tensors = jax.random.normal(jax.random.key(5), (1, 1, u, v, w))
    scalars = jnp.zeros((1, 1))
    params = run.init(jax.random.key(6), tensors, scalars)
    weights = params["embed_2"]["w"]
    blind = jnp.broadcast_to(weights[:1], (u, weights.shape[1]))
    params["embed_2"]["w"] = weights.at[:u].set(blind)
    order = jnp.array([2, 0, 1])

    def grids(x):
        features = run.apply(params, x, scalars)[0]
        uv, wu, vw = jnp.split(features, [u * v, u * v + w * u])
        return uv.reshape(u, v, -1), wu.reshape(w, u, -1), vw.reshape(v, w, -1)

    before = grids(tensors)
    after = grids(tensors[:, :, order])
    np.testing.assert_allclose(after[0], before[0][order], rtol=2e-4, atol=2e-5)  # rows U
    np.testing.assert_allclose(after[1], before[1][:, order], rtol=2e-4, atol=2e-5)  # columns U
    np.testing.assert_allclose(after[2], before[2], rtol=2e-4, atol=2e-5)  # no U


def test_quantile_loss_by_hand():
    quantiles = jnp.array([[-3.0, -1.0]])  # levels 0.25 and 0.75
    # errors for return -2.5: 0.5 (under, weight 0.25) and -1.5 (over, weight 0.25)
    expected = (0.25 * 0.125 + 0.25 * (1.5 - 0.5)) / 2
    np.testing.assert_allclose(
        value_head.quantile_loss(quantiles, jnp.array([-2.5])), [expected], rtol=1e-6
    )


def test_quantiles_converge_to_those_of_a_known_distribution():
    returns = jax.random.uniform(jax.random.key(7), (4096,), minval=-8.0, maxval=0.0)

    def loss(quantiles):
        everywhere = jnp.broadcast_to(quantiles, (returns.size, 4))
        return value_head.quantile_loss(everywhere * 20, returns * 20).mean()

    optimiser = optax.adam(0.05)
    quantiles = jnp.full((4,), -4.0)
    state = optimiser.init(quantiles)

    @jax.jit
    def update(quantiles, state):
        change, state = optimiser.update(jax.grad(loss)(quantiles), state)
        return optax.apply_updates(quantiles, change), state

    for _ in range(300):
        quantiles, state = update(quantiles, state)
    np.testing.assert_allclose(quantiles, [-7, -5, -3, -1], atol=0.25)
    assert value_head.risk_seeking(quantiles[None], 0.75) == quantiles[3]


def test_rematerialising_changes_no_gradient(observation):
    network = networks.make_network(CONFIG, VOCABULARY, GAME)
    other = networks.make_network(CONFIG.replace(rematerialise=True), VOCABULARY, GAME)
    params = network.init(jax.random.key(0))
    tokens = jnp.array([[[1, 2, 3]], [[4, 5, 6]]])

    def gradient(network):
        def total(params):
            output = network.predict(params, None, observation, tokens, False)
            return jnp.sum(output.logits**2) + jnp.sum(output.value)

        return jax.jit(jax.grad(total))(params)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-4),
        gradient(network),
        gradient(other),
    )


@pytest.mark.parametrize("config", [CONFIG, SMALL], ids=["paper", "small"])
def test_network_does_not_look_at_padding(config):
    network = networks.make_network(config, VOCABULARY._replace(shape=(2, SIDE, 1)), GAME)
    tokens, scalars = jnp.array([[[1, 2]]]), jnp.zeros((1, 1))
    tensors = jax.random.normal(jax.random.key(7), (1, HISTORY + 1, SIDE, SIDE, SIDE))
    params = network.init(jax.random.key(8))

    def logits(x):
        return network.predict(
            params, None, environment.Observation(x, scalars), tokens, False
        ).logits

    before = logits(tensors)
    assert jnp.array_equal(before, logits(tensors.at[:, :, 2:].add(1.0).at[..., 1:].add(1.0)))
    assert not jnp.array_equal(before, logits(tensors.at[:, :, 1, SIDE - 1, 0].add(1.0)))


@pytest.mark.parametrize("modulus, size, count", [(2, 4, 15), (3, 3, 13), (0, 3, 13)])
def test_short_vectors_are_all_lines_once(modulus, size, count):
    ring = rings.Ring(modulus)
    vectors = contractions.short_vectors(size, 1_000, ring)
    assert len(vectors) == count
    lines = {min(tuple(ring.reduce(s * v)) for s in (1, -1)) for v in vectors}
    assert len(lines) == count and np.all(np.any(vectors != 0, axis=1))
    weights = np.sum(vectors != 0, axis=1)
    assert np.all(np.diff(weights) >= 0)
    assert np.array_equal(contractions.short_vectors(size, 5, ring), vectors[:5])


@pytest.mark.parametrize("modulus", [2, 3, 0])
def test_contractions_by_hand(modulus):
    """A rank-1 tensor contracted with x is (x·u) v⊗w, in each mode."""
    ring = rings.Ring(modulus)
    u, v, w = np.array([1, 1, 0]), np.array([0, 1]), np.array([1, 1, 1, 0])
    residual = np.einsum("i,j,k->ijk", u, v, w)[None].astype(np.float32)
    seen = contractions.contractions(jnp.array(residual), 3, ring)
    expected = []
    for mode, factors in enumerate([(u, v, w), (v, u, w), (w, u, v)]):
        for x in contractions.short_vectors(len((u, v, w)[mode]), 3, ring):
            expected.append((x @ factors[0]) * np.outer(*factors[1:]).ravel())
    expected = contractions.encode(jnp.array(np.concatenate(expected), jnp.float32), ring)
    np.testing.assert_allclose(seen[0], expected, atol=1e-5)


def test_residues_are_encoded_apart_and_without_order():
    seen = contractions.encode(jnp.arange(3.0)[:, None], rings.IntegersMod(3))
    apart = jnp.linalg.norm(seen[:, None] - seen[None], axis=-1)
    np.testing.assert_allclose(apart, np.sqrt(3) * (1 - np.eye(3)), atol=1e-6)
    assert contractions.encode(jnp.array([[4.0, 7.0]]), rings.IntegersMod(2)).round().tolist() == [
        [1, -1]
    ]


def test_categorical_loss_by_hand():
    logits = jnp.log(jnp.array([[0.1, 0.2, 0.3, 0.25, 0.15]]))  # of -2, -1, 0, 1, 2
    between = -(0.25 * np.log(0.2) + 0.75 * np.log(0.3))
    for given, expected in [(-0.25, between), (2.0, -np.log(0.15)), (9.0, -np.log(0.15))]:
        found = value_head.categorical_loss(logits, jnp.array([given]))
        np.testing.assert_allclose(found, [expected], rtol=1e-5)
    np.testing.assert_allclose(value_head.categorical_mean(logits), [0.15], rtol=1e-5)


def test_the_categorical_mean_converges_to_that_of_a_known_distribution():
    returns = jax.random.uniform(jax.random.key(7), (512,), minval=-8.0, maxval=-3.0)

    def loss(logits):
        everywhere = jnp.broadcast_to(logits, (returns.size, 21))
        return value_head.categorical_loss(everywhere, returns).mean()

    logits = jnp.zeros(21)
    step = jax.jit(lambda x: x - 5.0 * jax.grad(loss)(x))
    for _ in range(300):
        logits = step(logits)
    mean = value_head.categorical_mean(logits[None])
    np.testing.assert_allclose(mean, [jnp.mean(returns)], atol=0.05)
