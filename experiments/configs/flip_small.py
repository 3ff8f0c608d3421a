"""Flip-graph search over Z2 for every format 2 <= n <= m <= p <= 5; what lifts is kept over Z."""

import itertools

from ml_collections import ConfigDict

from alphatensor.training.flip_search import FlipRunConfig


def get_config() -> ConfigDict:
    sizes = itertools.combinations_with_replacement(range(2, 6), 3)
    return FlipRunConfig.to_config_dict(
        formats=",".join("x".join(map(str, s)) for s in sizes), library="factorizations"
    )
