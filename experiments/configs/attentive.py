"""2x2x2 over Z2 as the quick-start, with the paper's torso and policy head at a small size.

What the paper's network learns on a laptop; `quickstart` finds the same several times faster.
"""

from ml_collections import ConfigDict

from alphatensor.training.config import RunConfig


def get_config() -> ConfigDict:
    config = RunConfig.to_config_dict()
    config.output = "runs/attentive"
    config.target = "2x2x2"
    config.ring = "Z2"
    config.entries = (0, 1)
    config.entries_per_token = 4
    config.game.update(dict(max_moves=8, history=1))
    config.bases.update(dict(density=0.3, canonical_probability=0.05, shared=False))
    config.demonstrations.update(dict(max_rank=9, probabilities=(0.55, 0.45)))
    config.network.update(
        dict(
            channels=32,
            torso_blocks=2,
            heads=2,
            head_size=16,
            widening=2,
            grid_positions=True,
            rematerialise=False,
            policy_width=64,
            policy_layers=1,
            policy_heads=2,
            dropout=0.0,
            value_width=64,
        )
    )
    config.search.simulations = 64
    config.learner.update(
        dict(batch_size=256, actions_per_state=4, learning_rate=2e-3, shuffle_probability=0.5)
    )
    config.train.update(
        dict(
            games=128,
            updates_per_call=50,
            warmup_updates=500,
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
