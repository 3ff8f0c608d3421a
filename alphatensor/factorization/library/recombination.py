"""Large formats from small ones: a base algorithm applied to blocks of unequal sizes.

The rows and columns of an (n, m, p) product are allotted to the rows and columns of a base
algorithm, some of them possibly none. Product r of the base then multiplies sums of blocks,
padded with zeros to the largest block in the sum; rows and columns that no output needs are left
out. Its cost is the best rank known for that smaller format (Drevet, Islam and Schost 2011;
Sedoglavic 2017; Fawzi et al. 2022, Supplement H). Direct sums are the base
algorithms (2,1,1), (1,2,1), (1,1,2), Kronecker products the equal allotments, and projections the
empty ones.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import composition, textbook, transforms
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.library.config import DEFAULT
from alphatensor.targets import Sizes

EXHAUSTIVE = 20_000_000  # combinations of allotments times products up to which all are tried
_NO_RANK = 2**20  # stands for "not known" in a table; sums of it stay exact in float32


class Plan(NamedTuple):
    """One recombination: a base algorithm on blocks of unequal sizes.

    Attributes:
      rank: Σ of the table's ranks over the products of the base.
      base: the base algorithm, in the orientation in which it is used.
      allocation: sizes of the blocks of rows of A, of columns of A, of columns of B.
    """

    rank: int
    base: Factorization
    allocation: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def rank_table(ranks: Mapping[Sizes, int], maximum: int) -> np.ndarray:
    """Returns ranks by sizes in any order, int64 of shape (maximum + 1,) * 3, from known ones.

    A size 0 costs nothing, a size 1 the naive number; unknown formats get the cheaper of cutting
    a known one in two and the naive number.
    """
    side = maximum + 1
    n, m, p = np.indices((side, side, side))
    table = np.where(np.sort([n, m, p], axis=0)[0] <= 1, n * m * p, _NO_RANK)
    for sizes, rank in ranks.items():
        if max(sizes) <= maximum:
            for order in set(itertools.permutations(sizes)):
                table[order] = min(table[order], rank)
    for sizes in sorted(formats(maximum), key=sum):
        cuts = [
            table[k, m, p] + table[s - k, m, p] for s, m, p in _leading(sizes) for k in _half(s)
        ]
        best = min([int(table[sizes]), *map(int, cuts)])
        for order in set(itertools.permutations(sizes)):
            table[order] = best
    return table


def formats(maximum: int, minimum: int = 2) -> list[Sizes]:
    """Returns all n ≤ m ≤ p from `minimum` to `maximum`, smaller sums first."""
    found = itertools.combinations_with_replacement(range(minimum, maximum + 1), 3)
    return sorted(found, key=lambda s: (sum(s), s))


def allocations(size: int, parts: int, spread: int | None = None) -> np.ndarray:
    """Returns every way to write `size` as `parts` ordered summands ≥ 0.

    Args:
      size: the sum.
      parts: the number of summands.
      spread: leave out summands further than this from an equal share; None keeps all.

    Returns:
      int64 array of shape (count, parts).
    """
    share = size / parts
    low, high = (0, size) if spread is None else (share - spread, share + spread)
    found = [cut for cut in _compositions(size, parts) if all(low <= x <= high for x in cut)]
    return np.array(found, np.int64).reshape(len(found), parts)


def plan(
    sizes: Sizes, base: Factorization, table: np.ndarray, spread: int | None = DEFAULT.spread
) -> Plan:
    """Returns the best allotment of an (n, m, p) product to one base in the orientation given.

    Every allotment is tried where there are few; otherwise those within `spread` of equal shares.
    Allotments that leave a product as large as the format itself do not count.

    Args:
      sizes: (n, m, p); no larger than the table.
      base: a matrix multiplication factorization.
      table: as from `rank_table`.
      spread: as in `allocations`.

    Raises:
      ValueError: for sizes beyond the table.
    """
    found = [allocations(s, parts) for s, parts in zip(sizes, base.sizes, strict=True)]
    if base.rank * np.prod([float(len(a)) for a in found]) > EXHAUSTIVE and spread is not None:
        found = [allocations(s, q, spread) for s, q in zip(sizes, base.sizes, strict=True)]
    needs = [_needed(a, x) for a, x in zip(found, _supports(base), strict=True)]
    values = np.arange(max(sizes) + 1)
    last = (needs[2][:, :, None] == values).reshape(len(found[2]), -1).astype(np.float32)
    ranks = table[: sizes[0] + 1, : sizes[1] + 1, : len(values)].astype(np.float32)
    if ranks.shape[2] < len(values):
        raise ValueError(f"sizes {sizes}: larger than the rank table.")
    for order in set(itertools.permutations(sizes)):  # the format itself is no part of it
        if all(i < s for i, s in zip(order, ranks.shape, strict=True)):
            ranks[order] = _NO_RANK
    products = np.arange(base.rank)
    best = (np.inf, 0, 0, 0)
    for i, rows in enumerate(needs[0]):
        costs = ranks[rows][products, needs[1]]  # (allotments of m, products, size of p)
        totals = costs.reshape(len(needs[1]), -1) @ last.T
        j, k = np.unravel_index(np.argmin(totals), totals.shape)
        best = min(best, (float(totals[j, k]), i, int(j), int(k)))
    rank, *places = best
    chosen = tuple(tuple(a[i].tolist()) for a, i in zip(found, places, strict=True))
    return Plan(int(rank), base, chosen)


def best_plan(
    sizes: Sizes,
    base_algorithms: Iterable[Factorization],
    table: np.ndarray,
    spread: int | None = DEFAULT.spread,
) -> Plan | None:
    """Returns the best `plan` over all base algorithms and orientations; None if none fits."""
    best = None
    for base, orientation in itertools.product(base_algorithms, transforms.ORIENTATIONS):
        oriented_sizes = orientation.of_sizes(base.sizes)
        if all(q <= s + 1 for s, q in zip(sizes, oriented_sizes, strict=True)):
            found = plan(sizes, transforms.orient(base, orientation), table, spread)
            if best is None or found.rank < best.rank:
                best = found
    return best


def needed_formats(p: Plan) -> list[Sizes]:
    """Returns the format of each product of a plan; zeros where nothing is left."""
    cuts = [np.array([a]) for a in p.allocation]
    rows = [_needed(a, x)[0] for a, x in zip(cuts, _supports(p.base), strict=True)]
    return [tuple(int(x) for x in column) for column in zip(*rows, strict=True)]


def assemble(p: Plan, part: Callable[[Sizes], Factorization]) -> Factorization:
    """Returns the explicit factorization of a plan.

    Args:
      p: the plan.
      part: a function from (n, m, p), in any order, to a factorization over the base's ring.
    """
    sizes = tuple(map(sum, p.allocation))
    stacks = ([], [], [])
    starts = [np.concatenate([[0], np.cumsum(a)]) for a in p.allocation]
    matrices = transforms.matrices(p.base)
    used = set()
    for r, small in enumerate(needed_formats(p)):
        if 0 in small:
            continue
        inner = part(small)
        used.add(f"{targets.format_name(sorted(small))}:{inner.rank}")
        for mode, (x, y) in enumerate(zip(matrices, transforms.matrices(inner), strict=True)):
            across = (mode + 1) % 3
            big = np.zeros((inner.rank, sizes[mode], sizes[across]), np.result_type(x, y))
            for i, j in np.argwhere(x[r] != 0):
                height = min(p.allocation[mode][i], small[mode])
                width = min(p.allocation[across][j], small[across])
                top, left = starts[mode][i], starts[across][j]
                block = x[r, i, j] * y[:, :height, :width]
                big[:, top : top + height, left : left + width] += block
            stacks[mode].append(big.reshape(inner.rank, -1))
    columns = (np.concatenate(s).T for s in stacks)
    provenance = {
        "method": "recombination",
        "base": f"{p.base.target.name}:{p.base.rank}",
        "allocation": [list(a) for a in p.allocation],
        "parts": sorted(used),
    }
    return composition.drop_zeros(from_arrays(sizes, p.base.ring, *columns, provenance))


def cut_in_two(ring: rings.Ring) -> Factorization:
    """Returns the base algorithm that cuts one size in two; other orientations cut other sizes."""
    return textbook.naive((2, 1, 1), ring)


def _supports(base: Factorization) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns for n, m, p a pair of bool (R, parts): blocks that the factors with that size use."""
    u, v, w = (x != 0 for x in transforms.matrices(base))
    return [(u.any(2), w.any(1)), (u.any(1), v.any(2)), (v.any(1), w.any(2))]


def _needed(cuts: np.ndarray, supports: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Returns the size that each product needs, the smaller maximum: int64 (allotments, R)."""
    largest = [(cuts[:, None, :] * s[None]).max(axis=2) for s in supports]
    return np.minimum(*largest)


@functools.cache
def _compositions(size: int, parts: int) -> tuple[tuple[int, ...], ...]:
    if parts == 1:
        return ((size,),)
    return tuple(
        (first, *rest)
        for first in range(size + 1)
        for rest in _compositions(size - first, parts - 1)
    )


def _half(size: int) -> range:
    return range(1, size // 2 + 1)


def _leading(sizes: Sizes) -> list[Sizes]:
    n, m, p = sizes
    return [(n, m, p), (m, n, p), (p, n, m)]
