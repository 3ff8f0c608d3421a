"""2x2x2 over the integers themselves, by games on sums of three or four terms.

From random weights and the naive algorithm. `--config.target=2x2x3` and other formats work alike.
"""

from ml_collections import ConfigDict

from experiments.configs import neighbourhood


def get_config() -> ConfigDict:
    config = neighbourhood.get_config()
    config.output = "runs/integers"
    config.target = "2x2x2"
    config.ring = "Z"
    config.entries = (-1, 0, 1)
    config.demonstrations.probabilities = (0.25, 0.5, 0.25)
    config.train.update(dict(lift=False, goal=(7,)))
    return config
