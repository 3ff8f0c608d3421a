"""Losses, optimiser, and one compiled call that makes many updates.

Fawzi et al. 2022, Methods, "Training" and "Quantile regression". All updates of a
call run in one `lax.scan`: their temporaries are allocated once, which matters on CPUs, where fresh
pages cost more than the arithmetic of a small network.

Departures from the paper:

* The policy learns `LearnerConfig.actions_per_state` actions of each position, drawn from the same
  policy, where the paper learns one. They cost little more, since the torso runs once a position.
* A solved game is learnt from in a random order with probability `shuffle_probability`, where the
  paper adds a copy of each game with one action and the last one exchanged.
"""

import math
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from alphatensor.agent import bases, batches
from alphatensor.agent.agent import Agent
from alphatensor.agent.config import LearnerConfig

EARLY = 10  # the mean of the parameters reaches back over a tenth of the updates at most


class WithMean(NamedTuple):
    """Holds a running mean of the parameters beside optax's state."""

    state: optax.OptState
    mean: dict


class LearnerState(NamedTuple):
    """What learning changes.

    Attributes:
      params: parameters of the network.
      optimiser: optax's state; with `LearnerConfig.average` a `WithMean` of it.
      step: int32 [], updates made so far.
      lr_scale: float32 [], multiplies the learning rate of the schedule; below 1 after a loss that
        was not finite.
    """

    params: dict
    optimiser: "optax.OptState | WithMean"
    step: jax.Array
    lr_scale: jax.Array

    @property
    def played(self) -> dict:
        """Returns the parameters that games are played with."""
        return self.optimiser.mean if isinstance(self.optimiser, WithMean) else self.params


class Losses(NamedTuple):
    """Means over the updates of one call, see `loss`; float32 [] where no shape is given.

    Attributes:
      policy, value: means of the two losses.
      total: weighted sum of both, which is minimised.
      gradient_norm: global norm of the gradient before clipping.
      policy_by_source, value_by_source: [3], means over the examples of each of
        `batches.SOURCES`; NaN for a source that gave none.
      finite: bool [], whether every update was finite. The first that was not, and all after it,
        are undone.
    """

    policy: jax.Array
    value: jax.Array
    total: jax.Array
    gradient_norm: jax.Array
    policy_by_source: jax.Array
    value_by_source: jax.Array
    finite: jax.Array


class Shard(NamedTuple):
    """How a call of `learn` runs. Hashable: a static argument.

    Attributes:
      updates: updates of one call.
      devices: how many devices share a batch.
      axis: name of the mesh axis that they form.
    """

    updates: int
    devices: int
    axis: str


def make_optimiser(config: LearnerConfig) -> optax.GradientTransformation:
    """Returns AdamW after clipping by global norm, with a staircase schedule."""
    schedule = optax.exponential_decay(
        config.learning_rate, config.decay_every, config.decay_factor, staircase=True
    )
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(schedule, weight_decay=config.weight_decay),
    )


def init(key: jax.Array, agent: Agent) -> LearnerState:
    """Returns random parameters and a fresh optimiser."""
    params = agent.network.init(key)
    optimiser = make_optimiser(agent.config.learner).init(params)
    if agent.config.learner.average:
        optimiser = WithMean(optimiser, jax.tree.map(jnp.copy, params))
    return LearnerState(
        params=params,
        optimiser=optimiser,
        step=jnp.zeros((), jnp.int32),
        lr_scale=jnp.ones((), jnp.float32),
    )


def _with_mean(before: LearnerState, after: LearnerState, config: LearnerConfig) -> LearnerState:
    """Returns the state after an update with the mean, which is of few of the first updates."""
    if not isinstance(before.optimiser, WithMean):
        return after
    weight = jnp.minimum(config.average, (1 + before.step) / (EARLY + before.step))
    mean = jax.tree.map(
        lambda old, new: weight * old + (1 - weight) * new, before.optimiser.mean, after.params
    )
    return after._replace(optimiser=WithMean(after.optimiser, mean))


def _surprise_of_any(log_likelihoods: jax.Array) -> jax.Array:
    """Returns minus the logarithm of the mean likelihood of actions [B, A]; shape [B]."""
    # The mean, not the sum: it does not change where the same actions are listed several times.
    finite = jnp.maximum(log_likelihoods, -1e9)
    return math.log(finite.shape[-1]) - jax.nn.logsumexp(finite, axis=-1)


def loss(
    params, key: jax.Array, batch: batches.Batch, agent: Agent
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Returns the weighted sum of the losses of the policy and of the value.

    The policy's is the mean cross-entropy of the actions, summed over their tokens; with
    `LearnerConfig.policy_loss` `any`, that of all right actions together where they are a set. The
    value's is that of its head.

    Args:
      params: parameters of the network.
      key: random key of the dropout.
      batch: leaves [B, ...].
      agent: the agent.

    Returns:
      (total float32 [], (policy's loss, value's loss) of each example, float32 [B]).
    """
    config = agent.config.learner
    predictions = agent.network.predict(params, key, batch.observation, batch.tokens, True)
    log_probs = jax.nn.log_softmax(predictions.logits)
    # A one-hot product instead of a gather: its gradient needs no scatter.
    target = jax.nn.one_hot(batch.tokens, predictions.logits.shape[-1])
    cross_entropy = -jnp.sum(log_probs * target, axis=(-2, -1))
    policies = jnp.mean(cross_entropy * batch.is_useful, axis=-1)
    if config.policy_loss == "any":
        likelihoods = jnp.where(batch.is_useful, -cross_entropy, -jnp.inf)
        is_any = batch.is_set & jnp.any(batch.is_useful, axis=-1)
        policies = jnp.where(is_any, _surprise_of_any(likelihoods), policies)
    values = agent.network.value_head.loss(predictions.value, batch.value)
    total = config.policy_weight * jnp.mean(policies) + config.value_weight * jnp.mean(values)
    return total, (policies, values)


def learn(
    state: LearnerState,
    key: jax.Array,
    draw: batches.Draw,
    permutations: bases.SignedPermutation,
    *,
    agent: Agent,
    shard: Shard,
) -> tuple[LearnerState, Losses]:
    """Makes `shard.updates` updates.

    Runs on each device of a mesh axis, inside `jax.shard_map`: every device makes its own share of
    a batch, each example from its own random key, whatever the number of devices; gradients are
    averaged. So all devices return the same.

    Args:
      state: parameters and optimiser.
      key: random key of this call.
      draw: makes examples, such as `batches.draw_examples` with all but its first argument.
      permutations: bank of signed permutations, leaves [P, 3, S].
      agent: the agent.
      shard: number of updates and devices.
    """
    chex.assert_is_divisible(agent.config.learner.batch_size, shard.devices)
    optimiser = make_optimiser(agent.config.learner)

    def update(carry, key):
        state, finite = carry
        gradient, total, sums = _gradient(state.params, key, draw, permutations, agent, shard)
        norm = optax.global_norm(gradient)
        finite = finite & jnp.isfinite(total) & jnp.isfinite(norm)
        known = state.optimiser
        known = known.state if isinstance(known, WithMean) else known
        changes, known = optimiser.update(gradient, known, state.params)
        changes = jax.tree.map(lambda x: x * state.lr_scale, changes)
        params = optax.apply_updates(state.params, changes)
        after = state._replace(params=params, optimiser=known, step=state.step + 1)
        after = _with_mean(state, after, agent.config.learner)
        after = jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state)
        return (after, finite), (total, norm, *sums)

    (state, finite), (totals, norms, policies, values, counts) = jax.lax.scan(
        update, (state, jnp.array(True)), jax.random.split(key, shard.updates)
    )
    share = agent.config.learner.batch_size // shard.devices
    all_counts = jnp.sum(counts, axis=0)
    losses = Losses(
        policy=jnp.mean(jnp.sum(policies, axis=-1) / share),
        value=jnp.mean(jnp.sum(values, axis=-1) / share),
        total=jnp.mean(totals),
        gradient_norm=jnp.mean(norms),
        policy_by_source=jnp.sum(policies, axis=0) / all_counts,
        value_by_source=jnp.sum(values, axis=0) / all_counts,
        finite=finite,
    )
    return state, losses


def _gradient(
    params,
    key: jax.Array,
    draw: batches.Draw,
    permutations: bases.SignedPermutation,
    agent: Agent,
    shard: Shard,
):
    """Draws a batch and differentiates its loss, averaged over the devices.

    Returns:
      (gradient, total loss, sums over the examples of each source, float32 [3] each: the policy's
      losses, the value's losses and the number of examples).
    """
    share = agent.config.learner.batch_size // shard.devices
    first = jax.lax.axis_index(shard.axis) * share  # number of this device's first example

    def keys_of_share(key):
        return jax.vmap(lambda i: jax.random.fold_in(key, first + i))(jnp.arange(share))

    draw_key, permutation_key, dropout_key = jax.random.split(key, 3)
    examples, source = draw(keys_of_share(draw_key))
    batch_keys = keys_of_share(permutation_key)
    batch = batches.make_batch(batch_keys, examples, permutations, agent)
    gradient_of = jax.value_and_grad(loss, has_aux=True)
    dropout_key = jax.random.fold_in(dropout_key, first)
    (total, each), gradient = gradient_of(params, dropout_key, batch, agent)
    is_source = jax.nn.one_hot(source, len(batches.SOURCES))
    sums = [x @ is_source for x in (*each, jnp.ones(share))]
    return jax.lax.pmean((gradient, total, sums), shard.axis)
