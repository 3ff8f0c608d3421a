"""The one configuration of all whole runs in tests: an inner product of length 2 in rank 2.

Its fields that enter compiled programs change only where a test is about them: programs are
compiled once, kept on the disk, and shared between tests, processes and parts of the suite.
"""

from experiments.configs import quickstart


def get_config():
    config = quickstart.get_config()
    config.target = "1x2x1"
    config.entries_per_token = 2
    config.demonstrations.max_rank = 2
    config.game.max_moves = 3
    config.network.update(dict(channels=16, torso_blocks=1, head_size=8, policy_width=16))
    config.network.value_width = 16
    config.search.update(dict(simulations=8, samples=8))
    config.learner.update(dict(batch_size=16, learning_rate=1e-3))
    config.train.update(dict(games=8, updates_per_call=5, warmup_updates=5, updates_per_round=5))
    config.train.update(dict(game_buffer=16, best_buffer=4, max_rounds=6, max_seconds=0.0))
    config.train.goal = ()
    config.checkpoint.minutes = 1_000.0
    return config
