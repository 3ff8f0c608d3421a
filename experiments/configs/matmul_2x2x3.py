"""2x2x3 over Z2, lifted to the integers; the best known rank is 11."""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/matmul_2x2x3"
    config.target = "2x2x3"
    config.game.max_moves = 12
    config.demonstrations.max_rank = 12
    config.bases.density = 0.25
    config.train.warmup_updates = 2_500
    config.train.goal = (11,)
    config.train.max_seconds = 3_600.0
    return config
