"""Pools: different verified schemes of one format and one rank, the least known."""

from collections.abc import Iterable

from alphatensor.factorization import Factorization
from alphatensor.flip_graph import bitmasks


def least_rank(schemes: Iterable[Factorization], most: int) -> list[Factorization]:
    """Returns at most so many different verified schemes of the least rank, in their order.

    Schemes that differ only in signs and in the order of terms count as one.
    """
    schemes = list(schemes)
    least = min(f.rank for f in schemes)
    different: dict[bytes, Factorization] = {}
    for f in schemes:
        if f.rank == least and len(different) < most:
            key = bitmasks.scheme_key(f)
            if key not in different and f.verify().ok:
                different[key] = f
    return list(different.values())
