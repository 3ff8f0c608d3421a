"""From a user's configuration to what a run works with; every mistake is caught here."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from alphatensor import rings, targets
from alphatensor.agent import Agent, environment, make_agent
from alphatensor.config import ConfigError, require
from alphatensor.flip_graph import bitmasks
from alphatensor.training import devices
from alphatensor.training.config import RunConfig


class Settings(NamedTuple):
    """A configuration that fits its targets and the devices.

    Attributes:
      config: the configuration.
      targets: what is decomposed.
      agent: the static description of the agent for these targets.
    """

    config: RunConfig
    targets: tuple[targets.Target, ...]
    agent: Agent

    def game_tensors(self) -> list[np.ndarray]:
        """Returns what games start from, integers of the agent's shapes; zeros for sums."""
        if self.config.neighbourhood.walks:
            return [np.zeros(shape, np.int32) for shape in self.agent.shapes]
        return [target.tensor for target in self.targets]


def from_config(config: RunConfig | ConfigDict | Mapping) -> Settings:
    """Reads the targets, makes the agent and checks everything before anything is compiled.

    Args:
      config: a `RunConfig`, or a `ConfigDict` with (some of) its fields.

    Raises:
      ConfigError: in one line, for the first field that does not fit.
    """
    config = config if isinstance(config, RunConfig) else RunConfig.from_dict(config)
    found = _targets(config.target)
    _check_targets(config, found)
    _check_devices(config)
    shapes = tuple(target.shape for target in found)
    if config.neighbourhood.walks:
        shapes = ((config.neighbourhood.side,) * 3,)
    return Settings(config, found, make_agent(config, shapes))


def _targets(names: str) -> tuple[targets.Target, ...]:
    try:
        found = tuple(targets.parse(name.strip()) for name in names.split(",") if name)
    except ValueError as error:
        message = f"target: {error}"
        raise ConfigError("target", names, str(error), message) from None
    require("target", names, found, "at least one target such as '2x2x2'")
    return found


def _check_targets(config: RunConfig, found: tuple[targets.Target, ...]) -> None:
    """Checks the fields that depend on the targets."""
    train, ring = config.train, rings.parse(config.ring)
    is_right = len(train.goal) in (0, len(found))
    expected = f"one rank for each of the {len(found)} targets, or ()"
    require("train.goal", train.goal, is_right, expected)
    library = train.best_games_from
    require("train.best_games_from", library, not library or os.path.isdir(library), "a folder")
    are_products = all(target.sizes is not None for target in found)
    can_walk = ring.modulus == 2 and are_products and jax.process_count() == 1
    can_walk = can_walk and all(bitmasks.fits(target.sizes) for target in found)
    expected = "0 unless the ring is Z2, the targets matrix products, and there is one process"
    for name in ("flip_seconds", "flip_steps"):
        value = getattr(train, name)
        require(f"train.{name}", value, not value or can_walk, expected)
    walks = config.neighbourhood.walks
    can_start = not (train.runtime_weight or library)
    expected = "0 where there are other libraries or run times are paid for"
    require("neighbourhood.walks", walks, can_start or not walks, expected)
    share = config.learner.symmetries
    expected = "0 unless the targets are matrix products over Z2, Z3, ..."
    require("learner.symmetries", share, not share or are_products and ring.is_modular, expected)
    again = train.reanalysed
    expected = "0 in games on sums of terms"
    require("train.reanalysed", again, not (again and walks), expected)
    is_enough = walks >= len(found) or not walks
    expected = f"at least one for each of the {len(found)} targets"
    require("neighbourhood.walks", walks, is_enough, expected)
    can_time = are_products and (train.lift or not ring.is_modular)
    expected = "0 unless the targets are matrix products, over Z or lifted to Z"
    weight = train.runtime_weight
    require("train.runtime_weight", weight, not weight or can_time, expected)
    for target in found:  # residuals have 16 bits: entries in a dense basis must fit easily
        size, density = max(target.shape), config.bases.density
        bound = float(np.abs(target.tensor).max()) * (1 + 2 * density * size) ** 3
        expected = f"a lower density for size {size}"
        require("bases.density", density, bound < environment.MAX_ENTRY, expected)


def _check_devices(config: RunConfig) -> None:
    """Checks that games and batches can be shared among the devices."""
    mesh = config.mesh
    devices.make_mesh(mesh.data, mesh.model)  # raises where it does not fit
    share = mesh.data or jax.device_count() // mesh.model
    for name, value in (
        ("train.games", config.train.games),
        ("learner.batch_size", config.learner.batch_size),
        ("train.reanalysed", config.train.reanalysed),
        ("neighbourhood.walks", config.neighbourhood.walks),
    ):
        require(name, value, value % share == 0, f"a multiple of the {share} devices")
