"""Walks that keep swaps of rows and columns for some seconds, then free ones from their schemes."""

from ml_collections import ConfigDict

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training.flip_search import FlipRunConfig


def get_config() -> ConfigDict:
    search = FlipSearchConfig(
        turns=("symmetric", "descent"),
        origins=("symmetric",),
        symmetries=("swap",),
        walkers=16,
        patience=1_000,
        slice_seconds=5.0,
    )
    return FlipRunConfig.to_config_dict(
        formats="3x3x3,3x3x6", library="runs/swaps", search=search, seconds=120.0
    )
