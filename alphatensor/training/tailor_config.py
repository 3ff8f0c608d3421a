"""The settings of tailoring, apart so that a command can define its flags before JAX starts."""

import dataclasses

from alphatensor import config as checks
from alphatensor.config import Config, integer, one_of, setting, text

DTYPES = ("float32", "float64", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class TailorConfig(Config):
    """What is timed, how often, and how candidates are drawn."""

    size: int = setting(4096, integer(1), "Rows and columns of the matrices that are multiplied.")
    dtype: str = setting("float32", one_of(*DTYPES), "Dtype of the matrices.")
    precision: str = setting("highest", text(), "Precision of the products, as in jnp.dot.")
    candidates: int = setting(20, integer(1), "Number of candidates that are measured in all.")
    repeats: int = setting(7, integer(1), "Pairs of timings of each candidate.")
    steps: int = setting(
        100_000, integer(0), "Moves of the annealing of each candidate's additions."
    )
    seed: int = setting(0, checks.seed(), "Seed of the candidates.")
