"""Configurations that the benchmarks of the agent measure."""

import math

from ml_collections import ConfigDict

from alphatensor.agent.network_config import NetworkConfig
from experiments.configs import quickstart


def config_for(side: int, network: str) -> ConfigDict:
    """Returns a run on n×n×n matrices with S = n², small enough to be measured in seconds.

    Args:
      side: tensor side S: 4, 9, 16 or 25.
      network: name of the network, `quickstart` or `paper`.
    """
    n = math.isqrt(side)
    config = quickstart.get_config()
    config.target = f"{n}x{n}x{n}"
    config.train.goal = ()
    config.entries_per_token = {4: 4, 9: 3, 16: 4, 25: 5}[side]
    config.bases.density = 0.25 if side == 4 else 0.015
    config.game.max_moves = 9 if side == 4 else 2  # moves cost the same at any time of a game
    config.train.updates_per_call = 10 if side == 4 else 1
    config.train.warmup_updates = 10
    config.train.updates_per_round = config.train.updates_per_call
    shrink = 1 if side == 4 else {9: 4, 16: 16, 25: 32}[side]
    if network == "paper":
        config.network = NetworkConfig.to_config_dict()
        shrink *= 16
        config.search.simulations = 4
        config.game.max_moves = 9 if side == 4 else 1
        config.train.updates_per_call = config.train.updates_per_round = 1
    devices = 2
    config.learner.batch_size = max(devices, config.learner.batch_size // shrink)
    config.train.games = max(devices, config.train.games // shrink)
    config.train.game_buffer = config.train.best_buffer = config.train.games
    return config
