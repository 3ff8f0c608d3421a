"""Annealing of points and triangles for n×2×p over the integers."""

from ml_collections import ConfigDict

from alphatensor.training.annealing import AnnealRunConfig


def get_config() -> ConfigDict:
    return AnnealRunConfig.to_config_dict(formats="2x5x7", library="runs/annealing")
