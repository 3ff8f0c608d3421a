"""The agent's network: torso, policy head and value head as pure functions of parameters."""

from collections.abc import Callable
from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.actions import Vocabulary
from alphatensor.agent.environment import Game, Observation
from alphatensor.agent.network_config import NetworkConfig
from alphatensor.agent.networks import perceptron_head, policy_head, torso, value_head
from alphatensor.agent.networks.contractions import contractions_torso


class Samples(NamedTuple):
    """What acting needs of a batch of states.

    Attributes:
      tokens: int32 [B, K, k], sampled actions.
      value: float32 [B, n], outputs of the value head.
    """

    tokens: jax.Array
    value: jax.Array


class Predictions(NamedTuple):
    """What training needs of a batch of states.

    Attributes:
      logits: float32 `[B, A, k, |F|**d]`, of each token given the ones before it.
      value: float32 [B, n], outputs of the value head.
    """

    logits: jax.Array
    value: jax.Array


class AgentNetwork(NamedTuple):
    """The network as pure functions.

    `predict` takes a random key, for its dropout. `sample` has none and takes uniform numbers
    instead: each game of a batch draws its own from its own key, so that what it samples does not
    depend on the other games.

    Attributes:
      init: key -> parameters.
      predict: (parameters, key, Observation [B, ...], tokens int32 [B, A, k], is_training: bool)
        -> Predictions.
      sample: (parameters, Observation [B, ...], uniforms float32 [B, K, k] in [0, 1)) -> Samples.
      value_head: what its outputs mean.
    """

    init: Callable
    predict: Callable
    sample: Callable
    value_head: value_head.ValueHead


def make_network(config: NetworkConfig, vocabulary: Vocabulary, game: Game) -> AgentNetwork:
    """Builds the network.

    Observations are padded to one side in all modes. The network looks at the first coordinates of
    each mode alone, those that targets may occupy.

    Args:
      config: sizes of the three parts.
      vocabulary: the tokens of actions, and how many coordinates of each mode are looked at.
      game: gives the ring, and the number of past actions of an observation.
    """
    u, v, w = vocabulary.shape
    make_head = {
        "transformer": policy_head.PolicyHead,
        "perceptron": perceptron_head.PerceptronHead,
    }[config.policy]

    values = value_head.make_value_head(config, game.config.max_moves + game.side**2)

    def build():
        head = make_head(config, vocabulary.num_tokens, vocabulary.size, name="policy")

        def look(observation: Observation) -> jax.Array:
            tensors = observation.tensors[:, :, :u, :v, :w]
            if config.torso == "contractions":
                return contractions_torso(tensors, observation.scalars, config, game.ring)
            return torso.torso(tensors, observation.scalars, config)

        def predict(observation: Observation, tokens: jax.Array, is_training: bool):
            features = look(observation)
            logits, first = head.teacher_forced(features, tokens, is_training)
            return Predictions(logits, value_head.value_outputs(first, config, values))

        def sample(observation: Observation, uniforms: jax.Array):
            features = look(observation)
            tokens, first = head.sample(features, uniforms)
            return Samples(tokens, value_head.value_outputs(first, config, values))

        return predict, (predict, sample)

    transformed = hk.multi_transform(build)
    predict, sample = transformed.apply

    def init(key: jax.Array):
        observation = Observation(
            jnp.zeros((1, game.config.history + 1, u, v, w)), jnp.zeros((1, 1))
        )
        tokens = jnp.zeros((1, 1, vocabulary.num_tokens), jnp.int32)
        return transformed.init(key, observation, tokens, False)

    def sample_without_key(params, *arguments):
        return sample(params, None, *arguments)

    return AgentNetwork(init, predict, sample_without_key, values)
