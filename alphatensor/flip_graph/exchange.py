"""Walks on quadratic maps: the first two factors of every product may change places.

The tensor of a quadratic map x -> Σ_r (u_r·x)(v_r·x) w_r is defined up to antisymmetric parts of
the first two modes. All of them are reached where u⊗v⊗w and v⊗u⊗w count as the same term: two terms
can be flipped where either of the two factors of one equals either of the other. So a scheme stays
one of the same map, but not of the same tensor. Over Z2 x_a x_b + x_b x_a = 0 makes schemes that
are too short to lift; walks for the integers are walks over the integers.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.flip_graph import layouts
from alphatensor.flip_graph.bitmasks import Planes, Terms


class ExchangeLayout(layouts.TranspositionLayout):
    """A list of the factors a and, below them, b; and one of the factors c.

    It is the layout of the transposition with other modes, where nothing but the order changes: a
    term a⊗b⊗c stands for b⊗a⊗c, too.
    """

    def __init__(self, slots: int):
        super().__init__(slots, _unchanged, _unchanged, _unchanged)

    def pack(self, terms: Terms) -> tuple[Planes, ...]:
        first, second, third = terms
        return super().pack((first, third, second))

    def unpack(self, lists: Sequence[Planes]) -> Terms:
        first, third, second = super().unpack(lists)
        return first, second, third


@dataclasses.dataclass(frozen=True)
class Exchange:
    """The exchange of the first two factors, for walks that take it as a symmetry.

    Unlike a symmetry it is nothing that schemes keep: every term stands for itself alone.
    """

    cancels_pairs = False

    def layout(self, slots: int) -> layouts.Layout:
        """Returns how the factors of R = `slots` terms lie in the walkers' lists."""
        return ExchangeLayout(slots)

    def expand(self, f: Factorization) -> Factorization:
        """Returns a scheme with the factors of terms in order, so that equal ones look alike."""
        columns = [(x != 0).T.tolist() for x in (f.u, f.v)]
        swapped = np.array([a < b for a, b in zip(*columns, strict=True)])
        u, v = np.where(swapped, f.v, f.u), np.where(swapped, f.u, f.v)
        return f.replace(u=u, v=v)


def _unchanged(planes: Planes) -> Planes:
    return planes
