"""2x2x2 played over the integers themselves."""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/matmul_2x2x2"
    config.ring = "Z"
    config.entries = (-1, 0, 1)
    config.bases.density = 0.25
    config.demonstrations.probabilities = (0.29, 0.42, 0.29)
    config.train.lift = False
    config.network.contractions = 40
    config.train.warmup_updates = 500
    config.train.max_seconds = 1_800.0
    return config
