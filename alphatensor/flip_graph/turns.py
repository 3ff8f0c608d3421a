"""What one turn of a search did, and what is stored with what it found."""

from typing import NamedTuple

import alphatensor
from alphatensor import targets
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.walkers import cores


class Turn(NamedTuple):
    """What one turn did.

    Attributes:
      target: what it worked on: the sizes of a format, or the name of another target.
      kind: the kind of turn, and for symmetric ones the symmetry.
      reached: the least rank that its walkers reached.
      rank: the best rank known over the search's ring after the turn.
      flips: the number of flips made in the turn.
      seconds: the time it took.
      stored: lines that say what entered the memory and which share of the schemes lifts.
    """

    target: Sizes | str
    kind: str
    reached: int
    rank: int
    flips: float
    seconds: float
    stored: list[str]

    @property
    def name(self) -> str:
        """The name of the target."""
        return self.target if isinstance(self.target, str) else targets.format_name(self.target)


def provenance(config: FlipSearchConfig, number: int, seconds: float) -> dict:
    """Returns what is stored with every algorithm that the turn of a number finds.

    Args:
      config: constants of the search.
      number: number of the turn.
      seconds: time that the search has spent on this target.
    """
    return {
        "engine": "flip graph",
        "version": alphatensor.__version__,
        "seed": config.seed,
        "turn": number,
        "walkers": config.walkers,
        "seconds": round(seconds, 1),
        "cores": cores(),
    }


def said(lines: list[str | None]) -> list[str]:
    """Leaves out what a memory had nothing to say about."""
    return [line for line in lines if line is not None]
