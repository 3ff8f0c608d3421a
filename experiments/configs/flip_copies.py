"""Short walks over the integers from schemes that are glued to their own copies."""

from ml_collections import ConfigDict

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training.flip_search import FlipRunConfig


def get_config() -> ConfigDict:
    search = FlipSearchConfig(
        ring="Z",
        turns=("descent",),
        origins=("copies",),
        walkers=8,
        patience=1_000,
        margin=2,
        slice_seconds=2.0,
    )
    return FlipRunConfig.to_config_dict(
        formats="4x4x6", library="factorizations", search=search, seconds=120.0
    )
