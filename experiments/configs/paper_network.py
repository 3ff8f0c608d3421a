"""The sizes of the paper's network, as one section of a configuration (paper_details section 4)."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        dict(
            channels=512,
            torso_blocks=8,
            heads=16,
            head_size=32,
            widening=4,
            grid_positions=False,
            rematerialise=True,
            policy_width=2048,
            policy_layers=2,
            policy_heads=32,
            dropout=0.1,
            value_width=512,
            quantiles=8,
            risk=0.75,
        )
    )
