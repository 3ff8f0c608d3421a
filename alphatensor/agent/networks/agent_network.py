"""The agent's network: torso, policy head and value head as pure functions of parameters."""

from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.environment import Observation
from alphatensor.agent.networks import policy_head, torso, value_head


class NetworkConfig(NamedTuple):
    """Sizes of the three parts. Hashable: a static argument."""

    torso: torso.TorsoConfig
    policy: policy_head.PolicyConfig
    value: value_head.ValueConfig


class Samples(NamedTuple):
    """What acting needs of a batch of states.

    Attributes:
      tokens: int32 [B, K, k], sampled actions.
      log_probabilities: float32 [B, K].
      quantiles: float32 [B, q], of the return.
    """

    tokens: jax.Array
    log_probabilities: jax.Array
    quantiles: jax.Array


class Predictions(NamedTuple):
    """What training needs: logits float32 [B, A, k, vocabulary] and quantiles float32 [B, q]."""

    logits: jax.Array
    quantiles: jax.Array


class AgentNetwork(NamedTuple):
    """Pure functions.

    Attributes:
      init: key -> parameters.
      predict: (parameters, key, Observation [B, ...], tokens [B, A, k], is_training)
        -> Predictions.
      sample: (parameters, Observation [B, ...], uniforms [B, K, k]) -> Samples.
    """

    init: callable
    predict: callable
    sample: callable


def make_network(
    config: NetworkConfig,
    num_tokens: int,
    vocabulary_size: int,
    sizes: tuple[int, int, int],
    history: int,
) -> AgentNetwork:
    """Builds the network for actions of `num_tokens` tokens.

    Observations are padded to one side in all modes; the network looks at the first `sizes`
    coordinates alone, those that targets may occupy.
    """

    def build():
        head = policy_head.PolicyHead(config.policy, num_tokens, vocabulary_size, name="policy")

        def look(observation: Observation) -> jax.Array:
            u, v, w = sizes
            tensors = observation.tensors[:, :, :u, :v, :w]
            return torso.torso(tensors, observation.scalars, config.torso)

        def predict(observation: Observation, tokens: jax.Array, is_training: bool):
            features = look(observation)
            logits, first = head.teacher_forced(features, tokens, is_training)
            return Predictions(logits, value_head.value_head(first, config.value))

        def sample(observation: Observation, uniforms: jax.Array):
            features = look(observation)
            tokens, log_probabilities, first = head.sample(features, uniforms)
            return Samples(tokens, log_probabilities, value_head.value_head(first, config.value))

        return predict, (predict, sample)

    transformed = hk.multi_transform(build)
    predict, sample = transformed.apply

    def init(key: jax.Array):
        observation = Observation(jnp.zeros((1, history + 1, *sizes)), jnp.zeros((1, 1)))
        return transformed.init(key, observation, jnp.zeros((1, 1, num_tokens), jnp.int32), False)

    return AgentNetwork(init, predict, lambda params, *args: sample(params, None, *args))
