"""What a run costs before it is started: operations, memory of each device, lowered programs."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent import bases, batches, environment, learner, search
from alphatensor.agent.environment import Observation, State
from alphatensor.training import devices
from alphatensor.training.chips import CHIPS
from alphatensor.training.programs import make_programs
from alphatensor.training.settings import Settings


class DeviceMemory(NamedTuple):
    """Counts bytes on each device.

    Attributes:
      parameters: the parameters, both moments of AdamW and a gradient.
      buffers: buffers of games and best games, and the games in play.
      tree: the search trees: every node of every game that the device plays.
      activations: what the forward pass of an update stores for its gradient; a compiler may store
        less, and needs some room of its own.
    """

    parameters: int
    buffers: int
    tree: int
    activations: int


def describe(settings: Settings, chip_name: str, updates: int, utilisation: float) -> str:
    """Returns what a run needs on the configured mesh of some chip, one fact a line.

    Args:
      settings: settings of the run.
      chip_name: one of `CHIPS`.
      updates: number of updates of the run whose time is projected.
      utilisation: share of the chip's published peak that is assumed to be reached.
    """
    chip, count = CHIPS[chip_name], jax.device_count()
    total = run_operations(settings, updates)
    days = total / (count * chip.rate * utilisation) / 86_400
    gradient = gradient_operations(settings) * settings.config.learner.batch_size
    gib = {name: x / 2**30 for name, x in memory(settings)._asdict().items()}
    needed, there = sum(gib.values()), chip.memory / 2**30
    verdict = "fits" if needed < there else "does NOT fit: more devices, or a model axis"
    return "\n".join(
        [
            f"parameters                {num_parameters(settings):,}",
            f"operations of an update   {gradient:.3g}",
            f"operations of a node      {inference_operations(settings):.3g}",
            f"operations of the run     {total:.3g} ({updates:,} updates with their games)",
            *(f"{name + ', GiB a device':<25} {x:.2f}" for name, x in gib.items()),
            f"together                  {needed:.2f} of {there:.0f} GiB: {verdict}",
            f"projected time            {days:.3g} days on {count} x {chip_name} at "
            f"{utilisation:.0%} of {chip.rate / 1e12:.0f} TFLOP/s (a projection, not a "
            "measurement)",
        ]
    )


def lower(settings: Settings, platform: str) -> Iterator[tuple[str, int, float]]:
    """Lowers both programs for `tpu` or `cuda`; yields name, bytes of StableHLO and seconds.

    Raises whatever JAX raises where a program cannot be lowered for the platform.
    """
    programs = make_programs(settings)
    mixture = jax.ShapeDtypeStruct((3,), jnp.float32, sharding=devices.replicated(programs.mesh))
    for name, program, shapes in (
        ("learn", programs.learn, (programs.shapes, mixture)),
        ("walk", programs.walk, (programs.shapes,))
        if programs.walk
        else ("act", programs.act, (programs.shapes,)),
    ):
        begin = time.monotonic()
        exported = jax.export.export(program, platforms=[platform])(*shapes)
        yield name, len(exported.mlir_module_serialized), time.monotonic() - begin


def gradient_operations(settings: Settings) -> float:
    """Counts floating-point operations of the loss and its gradient for one position."""

    def gradient(params, key, batch):
        return jax.grad(learner.loss, has_aux=True)(params, key, batch, settings.agent)

    shapes = _parameter_shapes(settings), _key(), _batch(settings, 1)
    return jax.jit(gradient).lower(*shapes).cost_analysis()["flops"]


def inference_operations(settings: Settings) -> float:
    """Counts operations of evaluating one tree node: K sampled actions and the value."""
    agent = settings.agent
    shape = (1, agent.config.search.samples, agent.vocabulary.num_tokens)
    lowered = jax.jit(agent.network.sample).lower(
        _parameter_shapes(settings),
        _observation(settings),
        jax.ShapeDtypeStruct(shape, jnp.float32),
    )
    return lowered.cost_analysis()["flops"]


def num_parameters(settings: Settings) -> int:
    """Counts the parameters of the network."""
    return sum(x.size for x in jax.tree.leaves(_parameter_shapes(settings)))


def run_operations(settings: Settings, updates: int) -> float:
    """Counts operations of a whole run of `updates` updates with its games, on all devices."""
    config = settings.config
    learning = gradient_operations(settings) * config.learner.batch_size * updates
    rounds = max(updates - config.train.warmup_updates, 0) / config.train.updates_per_round
    nodes = config.train.games * config.game.max_moves * (config.search.simulations + 1)
    if sums := config.neighbourhood.walks * config.neighbourhood.steps:
        evaluations = config.search.simulations + 1 if config.neighbourhood.has_search else 1
        nodes = sums * config.neighbourhood.max_terms * evaluations  # an upper bound without search
    return learning + rounds * nodes * inference_operations(settings)


def memory(settings: Settings) -> DeviceMemory:
    """Counts bytes on each device of the configured mesh."""
    programs, config = make_programs(settings), settings.config
    shapes = programs.shapes
    params = _device_bytes(shapes.learner.params)
    share = programs.mesh.shape[devices.DATA]
    in_play = _device_bytes(shapes.games) * config.train.games // config.train.game_buffer
    tree = tree_bytes(settings) * config.train.games // share
    if config.neighbourhood.walks:
        has_tree = config.neighbourhood.has_search
        tree = tree_bytes(settings) * config.neighbourhood.walks // share if has_tree else 0
    return DeviceMemory(
        parameters=_device_bytes(shapes.learner) + params,
        buffers=_device_bytes((shapes.games, shapes.best_games, shapes.walks)) + in_play,
        tree=tree,
        activations=activation_bytes(settings) * config.learner.batch_size // share,
    )


def tree_bytes(settings: Settings) -> int:
    """Counts bytes of one game's search tree: its nodes with state and K candidates each."""
    agent, side = settings.agent, settings.agent.game.side

    def tree(params, key):
        state: State = environment.reset(
            jnp.zeros((side,) * 3, jnp.int32), jnp.ones((3, side), bool), agent.game
        )
        states = jax.tree.map(lambda x: x[None], state)
        permutations = bases.identity_permutations(side)
        return search.grow_tree(params, agent, permutations, states, key[None])

    return _bytes(jax.eval_shape(tree, _parameter_shapes(settings), _key()))


def activation_bytes(settings: Settings) -> int:
    """Counts bytes that the loss of one position stores for its gradient."""

    def residuals(batch_size: int) -> int:
        def forward(params, key, batch):
            def total(params):
                return learner.loss(params, key, batch, settings.agent)[0]

            return jax.vjp(total, params)[1]  # a pytree of what the backward pass needs

        batch = _batch(settings, batch_size)
        return _bytes(jax.eval_shape(forward, _parameter_shapes(settings), _key(), batch))

    return (residuals(3) - residuals(1)) // 2  # without what does not grow with the batch


def _key():
    return jax.eval_shape(lambda: jax.random.key(0))


def _batch(settings: Settings, size: int) -> batches.Batch:
    actions = (size, settings.config.learner.actions_per_state)
    return batches.Batch(
        observation=_observation(settings, size),
        tokens=jax.ShapeDtypeStruct((*actions, settings.agent.vocabulary.num_tokens), jnp.int32),
        is_useful=jax.ShapeDtypeStruct(actions, jnp.bool_),
        is_set=jax.ShapeDtypeStruct((size,), jnp.bool_),
        value=jax.ShapeDtypeStruct((size,), jnp.float32),
    )


def _observation(settings: Settings, batch_size: int = 1) -> Observation:
    side, history = settings.agent.game.side, settings.config.game.history
    return Observation(
        tensors=jax.ShapeDtypeStruct((batch_size, history + 1, side, side, side), jnp.float32),
        scalars=jax.ShapeDtypeStruct((batch_size, 1), jnp.float32),
    )


def _parameter_shapes(settings: Settings):
    return jax.eval_shape(settings.agent.network.init, _key())


def _bytes(tree) -> int:
    return int(sum(np.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree)))


def _device_bytes(tree) -> int:
    return int(
        sum(
            np.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
            for x in jax.tree.leaves(tree)
        )
    )
