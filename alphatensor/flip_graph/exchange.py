"""Walks on quadratic maps: the first two factors of every product may change places.

The tensor of a quadratic map x -> Σ_r (u_r·x)(v_r·x) w_r is defined up to antisymmetric parts of
the first two modes. All of them are reached where u⊗v⊗w and v⊗u⊗w count as the same term: two terms
can be flipped where either of the two factors of one equals either of the other. So a scheme stays
one of the same map, but not of the same tensor. Over Z2 x_a x_b + x_b x_a = 0 makes schemes that
are too short to lift; walks for the integers are walks over the integers.
"""

import dataclasses

import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.flip_graph.groups import Element, identity


@dataclasses.dataclass(frozen=True)
class Exchange:
    """The exchange of the first two factors, for walks that take it as a symmetry.

    Unlike a symmetry it is nothing that schemes keep: every term stands for itself alone.
    """

    cancels_pairs = flips_fixed_terms = False

    def group(self) -> list[Element]:
        """Returns what the exchange does to the factors of a term, after the identity."""
        one = identity(0, 0, 0)
        return [one, one._replace(modes=(1, 0, 2))]

    def expand(self, f: Factorization) -> Factorization:
        """Returns a scheme with the factors of terms in order, so that equal ones look alike."""
        columns = [(x != 0).T.tolist() for x in (f.u, f.v)]
        swapped = np.array([a < b for a, b in zip(*columns, strict=True)])
        u, v = np.where(swapped, f.v, f.u), np.where(swapped, f.u, f.v)
        return f.replace(u=u, v=v)
