"""The settings of a flip-graph search."""

import dataclasses

from alphatensor import config as checks
from alphatensor.config import Config, integer, one_of, positive, setting, some_of
from alphatensor.flip_graph.origins import AGGREGATION, CONTRACTION, COPIES
from alphatensor.flip_graph.origins import KINDS as ORIGINS
from alphatensor.flip_graph.symmetries import KINDS, is_name

TURNS = ("descent", "best", "symmetric", "integers")


@dataclasses.dataclass(frozen=True)
class FlipSearchConfig(Config):
    """Walks, and the turns of a search over formats."""

    ring: str = setting(
        "Z2",
        one_of("Z", "Z2", "Z3"),
        "Ring of the walks; over Z entries are -1, 0 and 1, and nothing has to be lifted; what "
        "lifts from Z3 may have halves.",
    )
    walkers: int = setting(
        32,
        integer(least=1),
        "Number of walkers of each walk; in a given time, fewer walkers each go further.",
    )
    tries: int = setting(
        200_000,
        integer(least=1),
        "Tries of a flip of each walker in one call; the clock is read between calls.",
    )
    patience: int = setting(
        3_000, integer(least=1), "Tries without a change of rank before a plus transition."
    )
    idle: int = setting(
        10_000_000,
        integer(least=1),
        "Tries without a lower best rank, then a walker goes on from the best scheme of another "
        "one that is ahead of it.",
    )
    margin: int = setting(
        3,
        integer(least=1),
        "Ranks that plus transitions may take a walker above its best before it goes back.",
    )
    slice_seconds: float = setting(30.0, positive(), "Seconds that one turn of a format walks.")
    idle_turns: int = setting(
        3,
        integer(least=1),
        "Turns in a row without a lower rank, then a descent starts anew.",
    )
    pool: int = setting(64, integer(least=1), "Schemes of least rank kept for each format.")
    seed: int = setting(
        0,
        checks.seed(),
        "Seed of all randomness. Turns end by the clock, so a search does not repeat exactly.",
    )
    turns: tuple[str, ...] = setting(
        TURNS,
        some_of(TURNS),
        "What the turns of a format do, over and over: walk from schemes above the best (descent), "
        "from the best, among schemes that keep one of the format's symmetries (symmetric), or "
        "over Z where the best over the ring does not lift (integers).",
    )
    origins: tuple[str, ...] = setting(
        tuple(x for x in ORIGINS if x not in (AGGREGATION, CONTRACTION, COPIES)),
        some_of(ORIGINS),
        "Where descents start from: schemes of formats one smaller (extension) or larger "
        "(projection), of two that are glued (sum) or multiplied (product), of one that is glued "
        "to its copy (copies), pairs of indices (pairs), trilinear aggregation (aggregation), "
        "schemes with a row or column more in two sizes that lose both (contraction), "
        "schemes that keep a symmetry (symmetric), the naive algorithm (naive).",
    )
    order: str = setting(
        "turns",
        one_of("turns", "gaps"),
        "Which format is next: the one that follows (turns), or the one whose rank lies furthest "
        "above the best known and fell last (gaps; the rule is in flip_graph/choices.py).",
    )
    symmetries: tuple[str, ...] = setting(
        tuple(KINDS),
        checks.Check(
            lambda x: isinstance(x, tuple) and len(x) > 0 and all(map(is_name, x)),
            f"some of {', '.join(map(repr, KINDS))}, or of these with blocks: 'rotation (2, 2, 1)'",
        ),
        "Symmetries that symmetric turns keep, one after the other: kinds, with blocks of all "
        "sizes, or single ones, such as 'rotation (2, 2, 1)'.",
    )
