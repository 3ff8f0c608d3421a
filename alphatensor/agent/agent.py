"""What stays the same during a run: a static description, and arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import chex
import jax
import numpy as np

from alphatensor import rings
from alphatensor.agent import actions, bases, networks
from alphatensor.agent.config import AgentConfig
from alphatensor.agent.environment import Game


class Agent(NamedTuple):
    """The static description of the agent. Hashable: a static argument of jitted functions.

    Attributes:
      config: every setting.
      game: rules of TensorGame.
      vocabulary: how actions are written as tokens.
      shapes: (S_u, S_v, S_w) of each of the M targets.
      network: pure functions of the parameters.
    """

    config: AgentConfig
    game: Game
    vocabulary: actions.Vocabulary
    shapes: tuple[tuple[int, int, int], ...]
    network: networks.AgentNetwork


class Constants(NamedTuple):
    """The arrays that are the same throughout a run.

    Attributes:
      targets: int32 [M, S, S, S], the targets, padded with zeros.
      supports: bool [M, 3, S], the coordinates that each target occupies.
      permutations: the bank of signed permutations, leaves [P, 3, S].
      bases_key: the random key of the run's bases; basis number i is always the same.
    """

    targets: jax.Array
    supports: jax.Array
    permutations: bases.SignedPermutation
    bases_key: jax.Array


def make_agent(config: AgentConfig, shapes: Sequence[tuple[int, int, int]]) -> Agent:
    """Builds the agent for targets of these shapes (S_u, S_v, S_w), at least one."""
    shapes = tuple(tuple(shape) for shape in shapes)
    vocabulary = actions.make_vocabulary(config, shapes)
    game = Game(rings.parse(config.ring), vocabulary.side, config.game)
    return Agent(
        config=config,
        game=game,
        vocabulary=vocabulary,
        shapes=shapes,
        network=networks.make_network(config.network, vocabulary, game),
    )


def make_constants(
    agent: Agent,
    tensors: Sequence[np.ndarray],
    permutation_key: jax.Array,
    bases_key: jax.Array,
) -> Constants:
    """Makes the arrays of a run; all but the key are NumPy arrays.

    Every process of a run can use host arrays. `jax.tree.map(jnp.asarray, constants)` inside a
    compiled function makes them its constants.

    Args:
      agent: the agent.
      tensors: the target of each of `agent.shapes`, integers [S_u, S_v, S_w].
      permutation_key: random key of the signed permutations.
      bases_key: random key of the bases.
    """
    side = agent.game.side
    for tensor, shape in zip(tensors, agent.shapes, strict=True):
        chex.assert_shape(tensor, shape)
    return Constants(
        targets=np.array([padded(tensor, side) for tensor in tensors], np.int32),
        supports=np.array([support_of(shape, side) for shape in agent.shapes]),
        permutations=jax.device_get(permutation_bank(permutation_key, agent)),
        bases_key=bases_key,
    )


def support_of(shape: tuple[int, int, int], side: int) -> np.ndarray:
    """Returns the coordinates that a tensor of a shape occupies, bool [3, S]."""
    return np.arange(side) < np.array(shape)[:, None]


def permutation_bank(key: jax.Array, agent: Agent) -> bases.SignedPermutation:
    """Draws the signed permutations of a run, leaves [P, 3, S].

    Where all targets have one shape, the coordinates of each mode are permuted and the padding
    stays in place. Otherwise all S coordinates are permuted, padding included, because one bank
    serves targets that occupy different ones.
    """
    is_one_shape = len(set(agent.shapes)) == 1
    shape = agent.shapes[0] if is_one_shape else (agent.game.side,) * 3
    config = agent.config.bases

    def draw(key):
        return bases.random_signed_permutation(key, shape, agent.game, config.shared)

    return jax.jit(jax.vmap(draw))(jax.random.split(key, config.signed_permutations))


def padded(tensor: np.ndarray, side: int) -> np.ndarray:
    """Returns a tensor [S_u, S_v, S_w] as an int32 cube [S, S, S], padded with zeros."""
    return np.pad(tensor, [(0, side - size) for size in tensor.shape]).astype(np.int32)
