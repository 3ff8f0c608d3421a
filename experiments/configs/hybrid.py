"""Agent and flip-graph walks together on 3x3x3: each starts from what the other has found.

A hybrid run: which side found an algorithm is said on the screen and in its provenance.
"""

from ml_collections import ConfigDict

from experiments.configs import matmul_2x3x3


def get_config() -> ConfigDict:
    config = matmul_2x3x3.get_config()
    config.output = "runs/hybrid"
    config.target = "3x3x3"
    config.game.max_moves = 27
    config.demonstrations.max_rank = 27
    config.train.flip_seconds = 10.0
    config.train.best_slack = 0
    config.train.goal = (23,)
    return config
