"""2x3x3 over Z2, lifted to the integers; the best known rank is 15."""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/matmul_2x3x3"
    config.target = "2x3x3"
    config.entries_per_token = 6
    config.game.max_moves = 18
    config.demonstrations.max_rank = 18
    config.demonstrations.probabilities = (0.65, 0.35)
    config.bases.density = 0.2
    config.train.warmup_updates = 3_000
    config.train.games = 64
    config.train.goal = (15,)
    config.train.max_seconds = 3_600.0
    return config
