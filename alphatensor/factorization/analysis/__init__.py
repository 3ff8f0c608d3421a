"""What an algorithm costs, and whether two are the same."""

from alphatensor.factorization.analysis.costs import Costs, Growth, growth, measure
from alphatensor.factorization.analysis.straight_line import additions
from alphatensor.lazy import attach

__all__ = [
    "Costs",
    "Growth",
    "additions",
    "count_inequivalent",
    "difference",
    "equivalent",
    "growth",
    "invariant",
    "measure",
    "rank_distribution",
]

_LAZY = {  # these take exact ranks in JAX, which is imported when they are first used
    "count_inequivalent": "invariants",
    "invariant": "invariants",
    "rank_distribution": "invariants",
    "difference": "comparison",
    "equivalent": "equivalence",
}

__getattr__, __dir__ = attach(__name__, _LAZY)
