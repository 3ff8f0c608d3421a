"""From random weights to a rank-7 algorithm for 2x2 matrices over the integers, on a laptop.

The agent plays over Z2, where the network learns fastest, and what it finds is lifted to the
integers and verified there. The base of the other small configurations: they change what differs.
What each field means is said where it is defined, in alphatensor/agent/config.py and
alphatensor/training/config.py; `python -m experiments.train --help` lists them all.
"""

from ml_collections import ConfigDict

from alphatensor.training.config import RunConfig


def get_config() -> ConfigDict:
    config = RunConfig.to_config_dict()
    config.output = "runs/quickstart"
    config.target = "2x2x2"
    config.ring = "Z2"
    config.entries = (0, 1)
    config.entries_per_token = 4
    config.game.update(dict(max_moves=8, history=1))
    config.bases.update(dict(density=0.3, canonical_probability=0.05, shared=False))
    config.demonstrations.update(dict(max_rank=9, probabilities=(0.55, 0.45)))
    config.network.update(
        dict(
            torso="contractions",
            contractions=15,
            channels=256,
            torso_blocks=1,
            widening=2,
            policy="perceptron",
            policy_width=64,
            policy_layers=1,
            dropout=0.0,
            value_width=64,
        )
    )
    config.search.update(dict(simulations=32, q_transform="raw", value_baseline="rank_bound"))
    config.learner.update(
        dict(
            batch_size=512,
            actions_per_state=8,
            learning_rate=2e-3,
            policy_loss="any",
            shuffle_probability=0.5,
        )
    )
    config.train.update(
        dict(
            games=128,
            updates_per_call=50,
            warmup_updates=250,
            updates_per_round=50,
            game_buffer=2_048,
            best_buffer=256,
            goal=(7,),
            max_seconds=1_200.0,
            lift=True,
        )
    )
    config.checkpoint.minutes = 5.0
    return config
