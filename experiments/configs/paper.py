"""The paper's scale: every format up to 5x5x5 in one run, for a pod of TPUs or a room of GPUs.

All other fields have their defaults, which are the paper's where it gives them.
`experiments.plan` tells what such a run costs.
"""

import itertools

from ml_collections import ConfigDict

from alphatensor.training.config import RunConfig

FORMATS = tuple(itertools.combinations_with_replacement((2, 3, 4, 5), 3))


def get_config() -> ConfigDict:
    config = RunConfig.to_config_dict()
    config.output = "runs/paper"
    config.target = ",".join("x".join(map(str, sizes)) for sizes in FORMATS)
    return config
