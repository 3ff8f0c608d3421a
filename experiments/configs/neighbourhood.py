"""2x3x3 by games on sums of three or four terms, from random weights and the naive algorithm.

One small network plays on the algorithms of every format: `--config.target=2x2x3,2x3x3,3x3x3` walks
on three formats at once with the same parameters. Over Z2; what it finds is lifted to the integers.
"""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/neighbourhood"
    config.target = "2x3x3"
    config.game.max_moves = 4
    config.demonstrations.max_rank = 4
    config.neighbourhood.update(dict(walks=256, detour=0.05, margin=1, restart=0.05))
    config.learner.actions_per_state = 4
    config.train.update(
        dict(warmup_updates=800, updates_per_round=50, goal=(15,), max_seconds=1_800.0)
    )
    return config
