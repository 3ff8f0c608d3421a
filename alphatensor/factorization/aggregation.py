"""Trilinear aggregation for any format: near n m p - (n-1)(m-1)(p-1)/2 multiplications.

A scheme for n×m×p comes from one for a cube (`polygons`) by shrinking edges of two of its polygons
in step, an edge of X with one of Y, of Y with one of Z, or of X with one of Z. From a cube of size
N with α, β and γ such pairs comes

    n = N - α - γ,    m = N - α - β,    p = N - β - γ,

and N is the smallest for which α, β and γ are no less than zero. Afterwards terms that share a
factor and are linearly dependent are merged (`reduction`). Where the edges lie decides how many
there are: the best lie a quarter round their polygons, and a few there are tried.

Up to N = 8 the number that the title says is met, or missed by one; for N = 9, 10 and 11 it is
missed by two, four and eight or so. Flip-graph walks from these schemes find the rest in seconds
(`alphatensor.flip_graph`), and from what they find another pair of edges may shrink (`shrunk`).
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alphatensor.factorization import polygons
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.reduction import reduced
from alphatensor.factorization.transforms import permute_sizes
from alphatensor.targets import Sizes

PAIRS = (("n", "m"), ("m", "p"), ("n", "p"))  # the polygons that lose an edge in step
EXACT = 9  # the largest cube for which all its schemes are tried; beyond it one of them
MARGIN = 4  # multiplications before merging by which a candidate may lie above the best one


class Contraction(NamedTuple):
    """An edge that shrinks, as in `polygons.contract`."""

    axis: str
    edge: int
    onto: int


class Construction(NamedTuple):
    """How a scheme is made.

    Attributes:
      size: the cube's n.
      half, turned: which of its schemes, as in `polygons.cube`.
      contractions: the edges that shrink, one after the other.
    """

    size: int
    half: int
    turned: int
    contractions: tuple[Contraction, ...] = ()

    @property
    def sizes(self) -> Sizes:
        """Returns (n, m, p) of what is made."""
        lost = [sum(c.axis == axis for c in self.contractions) for axis in "nmp"]
        return tuple(self.size - x for x in lost)


def formula(sizes: Sequence[int]) -> int:
    """Returns n m p - (n-1)(m-1)(p-1)/2, rounded down."""
    n, m, p = sizes
    return (2 * n * m * p - (n - 1) * (m - 1) * (p - 1)) // 2


def cube_of(sizes: Sequence[int]) -> int:
    """Returns the size of the cube from which a format, n ≤ m ≤ p, is made."""
    return _plan(tuple(sizes))[0]


def build(construction: Construction) -> Factorization:
    """Makes the scheme of a construction, over the integers; it is not verified.

    Raises:
      ValueError: for a construction that does not fit.
    """
    return reduced(_shrunk(construction))


def aggregated(sizes: Sequence[int]) -> Factorization:
    """Returns the scheme for (n, m, p) with the fewest multiplications that `best` finds.

    Its coefficients are integers, -1, 0 and 1 in all that were looked at. Formats with a cube of
    size 13 take some seconds, longer ones more.

    Raises:
      ValueError: for sizes below 2.
    """
    if min(sizes) < 2:
        raise ValueError(f"sizes {tuple(sizes)}: expected sizes from 2 on.")
    f = build(best(tuple(sorted(sizes))))
    return permute_sizes(f, tuple(sizes))


def shrunk(f: Factorization, pair: tuple[str, str], width: int = 2, most: int = 6) -> Factorization:
    """Returns the scheme with the fewest multiplications that a pair of edges less leads to.

    Walks change a scheme so little that its polygons are still there: from a scheme that they
    brought down to the formula's number, few multiplications are left above it.

    Args:
      f: in the coordinates of `polygons.cube`.
      pair: the axes, one of `PAIRS`.
      width, most: as in `best`.
    """
    found = None
    for half in (0, 1):
        for _, g in _candidates(f, pair, _quarters(f, pair, half), width, most):
            g = reduced(g)
            found = g if found is None or g.rank < found.rank else found
    return found


@functools.lru_cache(maxsize=1024)
def best(sizes: Sizes, width: int = 2, most: int = 6) -> Construction:
    """Looks for a construction with few multiplications of (n, m, p), sorted.

    Args:
      sizes: in increasing order, 2 or more each.
      width: how far from a quarter round edges may lie.
      most: how many candidates for a pair of edges are merged to see their ranks.
    """
    size, counts = _plan(sizes)
    steps = [pair for pair, count in zip(PAIRS, counts, strict=True) for _ in range(count)]
    halves = (0, 1) if size % 2 else (1, 0)  # of an even cube the second half has one product less
    turns = (0, 1) if size % 2 else (0,)
    cubes = [Construction(size, half, turned) for turned in turns for half in halves]
    orders = list(dict.fromkeys((tuple(steps), tuple(reversed(steps)))))
    if size > EXACT:
        cubes, orders = cubes[:1], orders[:1]
    found = None
    for cube, order in itertools.product(cubes, orders):
        candidate = _descend(cube, order, width, most)
        if found is None or candidate[0] < found[0]:
            found = candidate
        if found[0] <= formula(sizes):
            break
    return found[1]


def _plan(sizes: Sizes) -> tuple[int, tuple[int, int, int]]:
    """Returns the cube's size and the numbers of pairs of edges to shrink, as in `PAIRS`."""
    n, m, p = sizes
    size = max(n, m, p, n + m - p, m + p - n, p + n - m)
    size += (size - n - m - p) % 2
    return size, ((size - n - m + p) // 2, (size - m - p + n) // 2, (size - n - p + m) // 2)


def _descend(
    start: Construction, steps: Sequence[tuple[str, str]], width: int, most: int
) -> tuple[int, Construction]:
    """Shrinks one pair of edges after the other, each where the merged rank is least.

    Returns:
      (the rank that the construction reaches, the construction).
    """
    made, f, places = start, _shrunk(start), {}
    rank = reduced(f).rank
    for pair in steps:
        if pair not in places:
            places[pair] = _quarters(f, pair, start.half)
        rank = None
        for contractions, g in _candidates(f, pair, places[pair], width, most):
            r = reduced(g).rank
            if rank is None or r < rank:
                rank, chosen, f_chosen = r, contractions, g
        f, made = f_chosen, made._replace(contractions=made.contractions + chosen)
        places[pair] = tuple(c.edge for c in chosen)
    return rank, made


def _quarters(f: Factorization, pair: tuple[str, str], half: int) -> tuple[int, int]:
    """Returns the edges of two polygons next to which a pair shrinks with least loss."""
    lengths = [f.sizes["nmp".index(axis)] + 1 for axis in pair]
    first = (pair == ("n", "p")) != bool(half)  # three quarters round instead of one
    numbers = (3, 1) if first else (1, 3)
    return tuple(k * length // 4 for k, length in zip(numbers, lengths, strict=True))


def _candidates(
    f: Factorization, pair: tuple[str, str], places: tuple[int, int], width: int, most: int
) -> list[tuple[tuple[Contraction, Contraction], Factorization]]:
    """Returns the pairs of edges near `places` that leave the fewest terms, with what is left."""
    found = []
    for first in _near(pair[0], places[0], width):
        g = polygons.contract(f, *first)
        for second in _near(pair[1], places[1], width):
            found.append(((first, second), polygons.contract(g, *second)))
    found.sort(key=lambda x: x[1].rank)
    least = found[0][1].rank
    return [x for x in found[:most] if x[1].rank <= least + MARGIN]


def _near(axis: str, place: int, width: int) -> Iterator[Contraction]:
    for edge in range(place - width, place + width + 1):
        for onto in (edge + 1, edge - 1):
            yield Contraction(axis, edge, onto)


def _shrunk(construction: Construction) -> Factorization:
    f = polygons.cube(construction.size, construction.half, construction.turned)
    for contraction in construction.contractions:
        f = polygons.contract(f, *contraction)
    return f
