"""Which format has the next turn of a search, and what it does there.

With the order `turns` formats follow each other. With `gaps` the one of greatest priority is next,

    (1 + gap) * (1 + wait) / (1 + idle),

where `gap` is how far its rank lies above the best known one, in percent of that, `wait` how many
turns of the search have gone by since its last one, and `idle` how many of its own since its rank
last fell. So most time goes where much is missing and something was found lately, and every format
has a turn sooner or later.
"""

from collections.abc import Collection
from typing import NamedTuple

from alphatensor.flip_graph import symmetries
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.search_state import SearchState
from alphatensor.flip_graph.symmetries import Symmetry


class TurnPlan(NamedTuple):
    """What a turn is to do.

    Attributes:
      number: number of the turn, from 0.
      asked: the format whose turn it is, in increasing order.
      sizes: the format that is walked; another one where it leads to the one that is asked for.
      kind: "descent", "best", "symmetric" or "integers".
      symmetry: the symmetry that a symmetric turn keeps, else None.
    """

    number: int
    asked: Sizes
    sizes: Sizes
    kind: str
    symmetry: Symmetry | None

    @property
    def family(self) -> str:
        """The kind of turn, and for symmetric ones the symmetry."""
        return f"{self.kind} {self.symmetry}" if self.symmetry else self.kind


def choose_turn(state: SearchState, formats: list[Sizes], number: int) -> TurnPlan:
    """Returns what the turn of a number does.

    A turn whose symmetry has no start yet takes the format that leads to it. Where nothing is
    missing over the integers, a turn over them is a descent.
    """
    if state.config.order == "gaps":
        asked = max(formats, key=lambda sizes: priority(state, sizes, number))
    else:
        asked = formats[number % len(formats)]
    kind, symmetry = kind_of_turn(state.config, asked, state.formats[asked].turns)
    if kind == "integers" and not state.lags_over_integers(asked):
        kind = "descent"
    sizes = asked
    if symmetry:
        symmetry = symmetry.stage(state.keeping, state.schemes_of)
        sizes = tuple(sorted(symmetry.sizes))
    return TurnPlan(number=number, asked=asked, sizes=sizes, kind=kind, symmetry=symmetry)


def priority(state: SearchState, sizes: Sizes, number: int) -> float:
    """Returns how much a format is in need of the turn of a number; see the module."""
    here, known = state.formats[sizes], state.memory.known_rank(sizes, state.ring)
    gap = 100 * max(0, state.rank(sizes) - known) / known if known else 0
    return (1 + gap) * (1 + number - here.last) / (1 + here.idle)


def symmetries_for(
    config: FlipSearchConfig, sizes: Sizes, names: Collection[str] = ()
) -> list[Symmetry]:
    """Returns the symmetries of some names that walks of a format can keep over a search's ring.

    Args:
      config: constants of the search.
      sizes: n, m and p of the format.
      names: by default those that the search asks for.
    """
    found = symmetries.symmetries_of(sizes, names or config.symmetries)
    return [x for x in found if config.ring == "Z2" or not x.flips_fixed_terms]


def kind_of_turn(
    config: FlipSearchConfig, sizes: Sizes, number: int
) -> tuple[str, Symmetry | None]:
    """Returns what a format's own turn of a number does, and the symmetry that it keeps.

    Where a format has no symmetry of the kinds asked for, a symmetric turn is a descent.
    """
    turns = config.turns
    cycle, place = divmod(number, len(turns))
    if turns[place] != "symmetric":
        return turns[place], None
    choices = symmetries_for(config, sizes)
    if not choices:
        return "descent", None
    earlier = cycle * turns.count("symmetric") + turns[:place].count("symmetric")
    return "symmetric", choices[earlier % len(choices)]
