"""Flip-graph search over Z2 for every format 2 <= n <= m <= p <= 5; what lifts is kept over Z."""

import itertools

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    sizes = itertools.combinations_with_replacement(range(2, 6), 3)
    config.formats = ",".join("x".join(map(str, s)) for s in sizes)
    config.library = "factorizations"  # results; also where the search goes on from
    config.seconds = 3_600.0  # the whole budget
    config.search = ConfigDict(
        dict(
            ring="Z2",  # or Z: entries -1, 0 and 1, nothing to lift
            walkers=128,  # few walk far
            sweeps=100,  # of three tries, in a round
            rounds=200,  # in one compiled call
            patience=20,  # rounds without a change of rank, then a plus transition
            margin=3,  # how far above its best rank a walker may climb
            slice_seconds=30.0,  # of one format's turn
            pool=64,  # schemes of least rank kept for each format
            seed=0,
            turns=("descent", "best", "symmetric"),  # of a format, over and over
            # that symmetric turns keep, one after the other
            symmetries=("reversal", "rotation", "reflection", "cycle", "swap", "transposition"),
        )
    )
    return config
