"""Short walks over Z2 by few walkers, from each format to the one with a row or column more."""

from ml_collections import ConfigDict

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training.flip_search import FlipRunConfig


def get_config() -> ConfigDict:
    search = FlipSearchConfig(
        ring="Z2",
        turns=("descent",),
        origins=("extension",),
        walkers=4,
        patience=1_000,
        margin=3,
        slice_seconds=25.0,
    )
    return FlipRunConfig.to_config_dict(
        formats="4x5x8", library="factorizations", search=search, seconds=120.0
    )
