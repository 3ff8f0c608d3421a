"""A skew-symmetric 3x3 matrix times a vector in 5 products, by whole games over Z2, lifted.

Fawzi et al. 2022 find (n - 1)(n + 2) / 2 products for n×n matrices: 5 for 3×3, 9 for 4×4.
"""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/skew"
    config.target = "skew3"
    config.game.max_moves = 6
    config.demonstrations.max_rank = 6
    config.train.goal = (5,)
    return config
