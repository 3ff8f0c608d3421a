"""2x3x3 over Z2, lifted to the integers; the best known rank is 15."""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/matmul_2x3x3"
    config.target = "2x3x3"
    config.entries_per_token = 6
    config.game.max_moves = 20
    config.demonstrations.max_rank = 20
    config.demonstrations.probabilities = (0.65, 0.35)
    # Sparse bases: at 0.2 a network that solves four of five games in the canonical basis solves
    # none, at 0.1 and 0.05 one of five.
    config.bases.density = 0.08
    config.learner.decay_every = 3_000
    config.learner.decay_factor = 0.5
    config.train.warmup_updates = 3_500
    config.train.games = 64
    config.train.goal = (15,)
    config.train.max_seconds = 3_600.0
    return config
