"""2x2x2 over Z2, lifted to the integers: the quick-start under another name."""

from ml_collections import ConfigDict

from experiments.configs import quickstart


def get_config() -> ConfigDict:
    config = quickstart.get_config()
    config.output = "runs/matmul_2x2x2_mod2"
    return config
