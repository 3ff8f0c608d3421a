"""The settings of a search by annealing."""

import dataclasses

from alphatensor import config as checks
from alphatensor.config import Config, integer, one_of, positive, setting


@dataclasses.dataclass(frozen=True)
class AnnealingConfig(Config):
    """One annealing of points and triangles."""

    ring: str = setting(
        "Z", one_of("Z", "Z2"), "Ring of the vectors; over Z their entries are -1, 0 and 1."
    )
    steps: int = setting(3_000_000, integer(least=1), "Steps of one annealing.")
    hottest: float = setting(0.35, positive(), "Temperature of the first step, in ranks.")
    coldest: float = setting(0.1, positive(), "Temperature of the last step.")
    samples: int = setting(
        60,
        integer(least=1),
        "Over Z, states of the rank reached that are tried, until the coefficients of one are -1, "
        "0 and 1; the smallest are kept.",
    )
    sample_steps: int = setting(20_000, integer(least=1), "Steps from one of them to the next.")
    seed: int = setting(0, checks.seed(), "Seed of all randomness; a search repeats exactly.")
