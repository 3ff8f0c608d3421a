"""The paper's scale: every format up to 5x5x5 in one run, for a pod of TPUs or a room of GPUs.

Numbers are the paper's where it gives them (Methods and Supplement). It does not give how many
games are played for an update, the limit of moves or the sizes of buffers: these are ours, and so
is the bound on buffers, which lie on every device. `experiments.plan` tells what they cost.
"""

import itertools

from ml_collections import ConfigDict

from experiments.configs import paper_network, quickstart

FORMATS = tuple(itertools.combinations_with_replacement((2, 3, 4, 5), 3))


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/paper"
    config.target = ",".join("x".join(map(str, sizes)) for sizes in FORMATS)
    config.ring = "Z"
    config.entries = (-2, -1, 0, 1, 2)
    config.entries_per_token = 5
    config.game.update(dict(max_moves=125, history=7))
    config.bases.update(dict(density=0.015, canonical_probability=0.16, shared=True))
    config.demonstrations.update(
        dict(min_rank=1, max_rank=125, probabilities=(0.001, 0.099, 0.8, 0.099, 0.001))
    )
    config.network = paper_network.get_config()
    config.search.update(dict(simulations=800, samples=32))
    config.learner.update(
        dict(batch_size=2_048, actions_per_state=1, learning_rate=1e-4, shuffle_probability=0.0)
    )
    config.train.update(
        dict(
            games=512,
            updates_per_call=10,
            warmup_updates=10_000,
            updates_per_round=1_000,
            mixture=(0.5, 0.4, 0.1),
            game_buffer=4_096,
            best_buffer=1_024,
            goal=(),
            max_seconds=0.0,
            lift=False,
        )
    )
    config.checkpoint.update(dict(minutes=20.0, keep=3))
    return config
