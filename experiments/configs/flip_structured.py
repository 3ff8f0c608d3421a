"""Flip-graph search over products of structured n x n matrices, 2 <= n <= 4."""

from ml_collections import ConfigDict

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training.flip_search import FlipRunConfig

PRODUCTS = "gt,ug,sg,wg,kg,ss,sk,sw,ww,kk,uu,ul,us,uk,uw,ut,st,kt,wt"


def get_config() -> ConfigDict:
    return FlipRunConfig.to_config_dict(
        targets=",".join(f"{product}{n}" for n in (2, 3, 4) for product in PRODUCTS.split(",")),
        library="runs/structured",
        seconds=3_600.0,
        search=FlipSearchConfig(margin=5, slice_seconds=45.0),
    )
