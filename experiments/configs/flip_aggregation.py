"""Walks over the integers by few walkers, from trilinear aggregation and what it led to before."""

from ml_collections import ConfigDict

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training.flip_search import FlipRunConfig


def get_config() -> ConfigDict:
    search = FlipSearchConfig(
        ring="Z",
        turns=("descent",),
        origins=("contraction", "aggregation"),
        walkers=4,
        patience=1_000,
        margin=2,
        slice_seconds=15.0,
    )
    return FlipRunConfig.to_config_dict(
        formats="5x7x7", library="factorizations", search=search, seconds=60.0
    )
