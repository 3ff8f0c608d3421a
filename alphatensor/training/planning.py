"""What a run costs before it is started: operations, memory of each device, lowered programs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent import environment, learner
from alphatensor.agent import search as search_lib
from alphatensor.agent.environment import Observation, State
from alphatensor.training import devices
from alphatensor.training import loop as training
from alphatensor.training.settings import Settings


class Chip(NamedTuple):
    """A chip's published peak rate (dense bfloat16, FLOP/s) and memory (bytes)."""

    platform: str
    rate: float
    memory: float


CHIPS = {
    "v3": Chip("tpu", 123e12, 32 * 2**30),
    "v4": Chip("tpu", 275e12, 32 * 2**30),
    "v5e": Chip("tpu", 197e12, 16 * 2**30),
    "v5p": Chip("tpu", 459e12, 95 * 2**30),
    "v6e": Chip("tpu", 918e12, 32 * 2**30),
    "a100": Chip("cuda", 312e12, 80 * 2**30),
    "h100": Chip("cuda", 989e12, 80 * 2**30),
    "h200": Chip("cuda", 989e12, 141 * 2**30),
}


class Memory(NamedTuple):
    """Bytes on each device.

    Attributes:
      parameters: the parameters, both moments of AdamW and a gradient.
      buffers: of games, best games and the games in play.
      tree: of the search: every node of every game that the device plays.
      activations: what the forward pass of an update stores for its gradient; a compiler may store
        less, and needs some room of its own.
    """

    parameters: int
    buffers: int
    tree: int
    activations: int


def gradient_operations(settings: Settings) -> float:
    """Floating-point operations of the loss and its gradient for one position."""
    return _lower_gradient(settings).cost_analysis()["flops"]


def inference_operations(settings: Settings) -> float:
    """Floating-point operations of evaluating one tree node: K sampled actions and the value."""
    agent = settings.agent
    shape = (1, agent.config.samples, agent.vocabulary.num_tokens)
    lowered = jax.jit(agent.network.sample).lower(
        _parameter_shapes(settings),
        _observation(settings),
        jax.ShapeDtypeStruct(shape, jnp.float32),
    )
    return lowered.cost_analysis()["flops"]


def num_parameters(settings: Settings) -> int:
    """Of the network."""
    return sum(x.size for x in jax.tree.leaves(_parameter_shapes(settings)))


def run_operations(settings: Settings, updates: int) -> float:
    """Operations of a whole run of `updates` updates with its games, on all devices."""
    config, rules = settings.train, settings.agent.rules
    learning = gradient_operations(settings) * settings.learner.batch_size * updates
    rounds = max(updates - config.warmup_updates, 0) / config.updates_per_round
    nodes = config.games * rules.max_moves * (settings.agent.config.simulations + 1)
    return learning + rounds * nodes * inference_operations(settings)


def memory(settings: Settings) -> Memory:
    """Bytes on each device of the configured mesh."""
    programs = training.make_programs(settings)
    shapes = programs.shapes
    params = _device_bytes(shapes.learner.params)
    share = programs.mesh.shape[devices.DATA]
    return Memory(
        parameters=_device_bytes(shapes.learner) + params,
        buffers=_device_bytes((shapes.games, shapes.best_games))
        + _device_bytes(shapes.games) * settings.train.games // settings.train.game_buffer,
        tree=tree_bytes(settings) * settings.train.games // share,
        activations=activation_bytes(settings) * settings.learner.batch_size // share,
    )


def tree_bytes(settings: Settings) -> int:
    """Bytes of one game's search tree: simulations + 1 nodes with state and K candidates each."""
    agent = settings.agent
    node = jax.eval_shape(lambda: _node(settings))
    samples = agent.config.samples
    # mctx: 6 arrays of 4 bytes for each child, 5 for each node.
    return (agent.config.simulations + 1) * (_bytes(node) + 4 * (6 * samples + 5))


def activation_bytes(settings: Settings) -> int:
    """Bytes that the loss of one position stores for its gradient."""

    def residuals(batch_size: int) -> int:
        def forward(params, key, batch):
            def total(params):
                return learner.loss(params, key, batch, settings.agent, settings.learner)[0]

            return jax.vjp(total, params)[1]  # a pytree of what the backward pass needs

        batch = _batch(settings, batch_size)
        return _bytes(jax.eval_shape(forward, _parameter_shapes(settings), _key(), batch))

    return (residuals(3) - residuals(1)) // 2  # without what does not grow with the batch


def lowered(settings: Settings, platform: str) -> dict[str, int]:
    """Lowers both programs for `tpu` or `cuda`; bytes of each StableHLO module.

    Raises whatever JAX raises where a program cannot be lowered for the platform.
    """
    programs = training.make_programs(settings)
    mixture = jax.ShapeDtypeStruct((3,), jnp.float32, sharding=devices.replicated(programs.mesh))
    arguments = {"learn": (programs.shapes, mixture), "act": (programs.shapes,)}
    sizes = {}
    for name, shapes in arguments.items():
        exported = jax.export.export(getattr(programs, name), platforms=[platform])(*shapes)
        sizes[name] = len(exported.mlir_module_serialized)
    return sizes


def _lower_gradient(settings: Settings):
    def gradient(params, key, batch):
        return jax.grad(learner.loss, has_aux=True)(
            params, key, batch, settings.agent, settings.learner
        )

    return jax.jit(gradient).lower(_parameter_shapes(settings), _key(), _batch(settings, 1))


def _key():
    return jax.eval_shape(lambda: jax.random.key(0))


def _batch(settings: Settings, size: int) -> learner.Batch:
    actions = (size, settings.learner.actions_per_state)
    return learner.Batch(
        _observation(settings, size),
        jax.ShapeDtypeStruct((*actions, settings.agent.vocabulary.num_tokens), jnp.int32),
        jax.ShapeDtypeStruct(actions, jnp.bool_),
        jax.ShapeDtypeStruct((size,), jnp.float32),
    )


def _observation(settings: Settings, batch_size: int = 1) -> Observation:
    rules = settings.agent.rules
    shape = (batch_size, rules.history + 1, rules.side, rules.side, rules.side)
    return Observation(
        jax.ShapeDtypeStruct(shape, jnp.float32),
        jax.ShapeDtypeStruct((batch_size, 1), jnp.float32),
    )


def _parameter_shapes(settings: Settings):
    return jax.eval_shape(settings.agent.network.init, _key())


def _node(settings: Settings):
    agent, side = settings.agent, settings.agent.rules.side
    state: State = environment.reset(
        jnp.zeros((side,) * 3, jnp.int32), jnp.ones((3, side), bool), agent.rules
    )
    candidates = jnp.zeros((agent.config.samples, 3, side), jnp.int8)
    return search_lib.Node(state, candidates, jnp.zeros(2, jnp.uint32))


def _bytes(tree) -> int:
    return int(sum(np.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree)))


def _device_bytes(tree) -> int:
    return int(
        sum(
            np.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
            for x in jax.tree.leaves(tree)
        )
    )
