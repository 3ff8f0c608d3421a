"""Losses, optimiser, and one compiled call that makes many updates.

Paper, "Training" and paper_details sections 4.6 and 6. Batches mix demonstrations, recent games and
best games; every example is seen under a random signed permutation. All updates of a call run in
one `lax.scan`: their temporaries are allocated once, which matters on CPUs, where fresh pages cost
more than the arithmetic of a small network.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from alphatensor.agent import actions as factors
from alphatensor.agent import bases, demonstrations, environment, networks, replay
from alphatensor.agent.search import Agent


class LearnerConfig(NamedTuple):
    """Constants of learning. Hashable: a static argument.

    Attributes:
      batch_size: examples of one update (the paper: 2,048).
      actions_per_state: A, actions of each example that the policy learns (the paper: 1).
      learning_rate: of AdamW (1e-4).
      decay_every, decay_factor: the rate's staircase (500,000 and 0.1).
      weight_decay: decoupled (1e-5).
      clip_norm: global norm of the gradient, clipped before AdamW (4).
      policy_weight, value_weight: of the two losses (1 and 1).
      shuffle_probability: of replaying a solved game in a random order.
    """

    batch_size: int
    actions_per_state: int
    learning_rate: float
    decay_every: int
    decay_factor: float
    weight_decay: float
    clip_norm: float
    policy_weight: float
    value_weight: float
    shuffle_probability: float


class LearnerState(NamedTuple):
    """What learning changes.

    Attributes:
      params: of the network.
      optimiser: optax's state.
      step: int32 [], updates made.
      rate: float32 [], multiplies the schedule's rate; below 1 after a loss that was not finite.
    """

    params: dict
    optimiser: optax.OptState
    step: jax.Array
    rate: jax.Array


class Losses(NamedTuple):
    """Means of one call, float32 [] where no shape is given: see `loss`.

    Attributes:
      policy, value, total: the losses.
      gradient_norm: before clipping.
      policy_by_source, value_by_source: [3], on demonstrations, games and best games; NaN for a
        source that gave no example.
      finite: bool, whether every update was; the first that was not, and all after it, are undone.
    """

    policy: jax.Array
    value: jax.Array
    total: jax.Array
    gradient_norm: jax.Array
    policy_by_source: jax.Array
    value_by_source: jax.Array
    finite: jax.Array


def make_optimiser(config: LearnerConfig) -> optax.GradientTransformation:
    """AdamW after clipping by global norm, with a staircase schedule."""
    schedule = optax.exponential_decay(
        config.learning_rate, config.decay_every, config.decay_factor, staircase=True
    )
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(schedule, weight_decay=config.weight_decay),
    )


def init(key: jax.Array, agent: Agent, config: LearnerConfig) -> LearnerState:
    """Random parameters and a fresh optimiser."""
    params = agent.network.init(key)
    optimiser = make_optimiser(config).init(params)
    return LearnerState(params, optimiser, jnp.zeros((), jnp.int32), jnp.ones((), jnp.float32))


class Batch(NamedTuple):
    """Network input and targets, leaves [B, ...].

    Attributes:
      observation: the network's input.
      tokens: int32 [B, A, k], the actions to predict.
      is_useful: bool [B, A], false for null actions, which are not learnt.
      value: float32 [B], the return.
    """

    observation: environment.Observation
    tokens: jax.Array
    is_useful: jax.Array
    value: jax.Array


def make_batch(
    keys: jax.Array,
    examples: replay.Example,
    permutations: bases.SignedPermutation,
    agent: Agent,
) -> Batch:
    """Turns examples [B, ...] into network input, each under a random signed permutation [P, ...].

    `keys` [B] are one random key for each example.
    """
    ring = agent.rules.ring

    def one(key, example: replay.Example):
        index = jax.random.randint(key, (), 0, permutations.source.shape[0])
        permutation = jax.tree.map(lambda x: x[index], permutations)
        state = example.state._replace(
            residual=bases.permute_tensor(example.state.residual, permutation, ring),
            past=bases.permute_factors(example.state.past, permutation, ring),
        )
        actions = bases.permute_factors(example.actions, permutation, ring)
        return Batch(
            observation=environment.observe(state, agent.rules),
            tokens=factors.to_tokens(factors.canonical(actions, ring), agent.vocabulary),
            is_useful=~factors.is_null(actions),
            value=example.value,
        )

    return jax.vmap(one)(keys, examples)


def loss(params, key: jax.Array, batch: Batch, agent: Agent, config: LearnerConfig):
    """Weighted sum of the policy's cross-entropy (summed over tokens) and the quantile loss.

    Also returns both for each example, float32 [B].
    """
    predictions = agent.network.predict(params, key, batch.observation, batch.tokens, True)
    log_probs = jax.nn.log_softmax(predictions.logits)
    # A one-hot product instead of a gather: its gradient needs no scatter.
    target = jax.nn.one_hot(batch.tokens, predictions.logits.shape[-1])
    cross_entropy = -jnp.sum(log_probs * target, axis=(-2, -1))
    policies = jnp.mean(cross_entropy * batch.is_useful, axis=-1)
    values = networks.quantile_loss(predictions.quantiles, batch.value)
    total = config.policy_weight * jnp.mean(policies) + config.value_weight * jnp.mean(values)
    return total, (policies, values)


def draw_examples(
    keys: jax.Array,
    games: replay.Buffer,
    best_games: replay.Buffer,
    mixture: jax.Array,
    supports: jax.Array,
    agent: Agent,
    law: demonstrations.Law,
    config: LearnerConfig,
) -> tuple[replay.Example, jax.Array]:
    """One example for each key [B], and its source, int32 [B].

    `mixture` float32 [3] are the shares of demonstrations, games and best games; that of an empty
    buffer goes to demonstrations. `supports` bool [M, 3, S] are those of the targets: a
    demonstration lives on the coordinates of a random one.
    """
    count, shuffle = config.actions_per_state, config.shuffle_probability
    filled = jnp.stack([jnp.array(True), games.size > 0, best_games.size > 0])
    shares = jnp.where(filled, mixture, 0.0)
    shares = shares.at[0].add(1.0 - jnp.sum(shares))

    def one(key):
        source_key, support_key, demo_key, game_key, best_key = jax.random.split(key, 5)
        support = supports[jax.random.randint(support_key, (), 0, supports.shape[0])]
        candidates = (
            replay.demonstration_example(demo_key, support, law, agent.rules, count),
            replay.game_example(game_key, games, agent.rules, count, shuffle),
            replay.game_example(best_key, best_games, agent.rules, count, shuffle),
        )
        source = jax.random.categorical(source_key, jnp.log(shares))
        return jax.tree.map(lambda *x: jnp.stack(x)[source], *candidates), source

    return jax.vmap(one)(keys)


def learn(
    state: LearnerState,
    key: jax.Array,
    games: replay.Buffer,
    best_games: replay.Buffer,
    mixture: jax.Array,
    supports: jax.Array,
    permutations: bases.SignedPermutation,
    *,
    agent: Agent,
    law: demonstrations.Law,
    config: LearnerConfig,
    updates: int,
    devices: int,
    axis: str,
) -> tuple[LearnerState, Losses]:
    """Makes `updates` updates; see `draw_examples` for the data.

    Runs on each of the `devices` of the mesh axis `axis` (inside `jax.shard_map`): every device
    draws its own share of the batch, each example from its own random key, whatever the number of
    devices; gradients are averaged.
    """
    optimiser = make_optimiser(config)
    share = config.batch_size // devices
    first = jax.lax.axis_index(axis) * share

    def my_keys(key):
        return jax.vmap(lambda i: jax.random.fold_in(key, first + i))(jnp.arange(share))

    def update(carry, key):
        state, finite = carry
        draw_key, permutation_key, dropout_key = jax.random.split(key, 3)
        examples, source = draw_examples(
            my_keys(draw_key), games, best_games, mixture, supports, agent, law, config
        )
        batch = make_batch(my_keys(permutation_key), examples, permutations, agent)
        gradient_of = jax.value_and_grad(loss, has_aux=True)
        dropout_key = jax.random.fold_in(dropout_key, first)
        (total, each), gradient = gradient_of(state.params, dropout_key, batch, agent, config)
        is_source = jax.nn.one_hot(source, 3)
        sums = [x @ is_source for x in (*each, jnp.ones(share))]
        total, gradient, (policies, values, counts) = jax.lax.pmean((total, gradient, sums), axis)
        norm = optax.global_norm(gradient)
        finite = finite & jnp.isfinite(total) & jnp.isfinite(norm)
        changes, optimiser_state = optimiser.update(gradient, state.optimiser, state.params)
        changes = jax.tree.map(lambda x: x * state.rate, changes)
        params = optax.apply_updates(state.params, changes)
        after = LearnerState(params, optimiser_state, state.step + 1, state.rate)
        after = jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state)
        means = jnp.sum(policies) / share, jnp.sum(values) / share, total, norm
        return (after, finite), (means, policies, values, counts)

    (state, finite), (means, policies, values, counts) = jax.lax.scan(
        update, (state, jnp.array(True)), jax.random.split(key, updates)
    )
    counts = jnp.sum(counts, axis=0)
    by_source = (jnp.sum(x, axis=0) / counts for x in (policies, values))
    return state, Losses(*(jnp.mean(x) for x in means), *by_source, finite)
