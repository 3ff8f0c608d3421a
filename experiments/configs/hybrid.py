"""Agent and flip-graph walks together on 3x3x3: each starts from what the other has found.

A hybrid run: which side found an algorithm is said on the screen and in its provenance.
"""

from ml_collections import ConfigDict

from experiments.configs import attentive


def get_config() -> ConfigDict:
    config = attentive.get_config()
    config.output = "runs/hybrid"
    config.target = "3x3x3"
    config.entries_per_token = 6
    config.game.max_moves = 27
    config.demonstrations.update(dict(max_rank=27, probabilities=(0.65, 0.35)))
    # Sparse bases: at 0.2 a network that solves four of five games of 2x3x3 in the canonical basis
    # solves none, at 0.1 and 0.05 one of five.
    config.bases.density = 0.08
    config.learner.update(dict(decay_every=3_000, decay_factor=0.5))
    config.train.update(dict(warmup_updates=3_500, games=64, flip_seconds=10.0))
    config.train.update(dict(goal=(23,), max_seconds=3_600.0))
    return config
