"""The quick-start with the paper's torso, policy head, loss and values, at a small size."""

from ml_collections import ConfigDict

from alphatensor.training.config import RunConfig
from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/attentive"
    paper = RunConfig.to_config_dict()
    config.network, config.search = paper.network, paper.search
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
    config.learner.update(dict(batch_size=256, actions_per_state=4, policy_loss="mean"))
    config.train.warmup_updates = 500
    return config
