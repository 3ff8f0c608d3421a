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
    steps: int = setting(1_000_000, integer(least=1), "Steps while it cools down.")
    hottest: float = setting(0.35, positive(), "Temperature of the first step, in ranks.")
    coldest: float = setting(0.1, positive(), "Temperature of the last step.")
    returns: int = setting(
        100,
        integer(least=0),
        "Walks after it has cooled down, each from the best state so far.",
    )
    return_steps: int = setting(20_000, integer(least=1), "Steps of each of them.")
    warm: float = setting(0.15, positive(), "Temperature of them.")
    samples: int = setting(
        400,
        integer(least=1),
        "Over Z, short walks at the rank reached, which are kept where they bring combinations "
        "with fewer fractions or smaller coefficients.",
    )
    sample_steps: int = setting(500, integer(least=1), "Steps of each of them.")
    seed: int = setting(0, checks.seed(), "Seed of all randomness; a search repeats exactly.")
