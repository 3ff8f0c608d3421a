"""Published ranks to compare with, by sorted format: figures from papers and public tables.

`ALPHATENSOR_Z`, `ALPHATENSOR_Z2`: Fawzi et al. 2022, Fig. 3 and Extended Data Table 1.
`KNOWN`: the best known for sizes up to 16 with source and date, from `known_ranks.csv`. Its sources
are A. Perminov's FastMatrixMultiplication collection at the commit given, which follows the
literature, and where it is behind, what is named after it. `KNOWN_Z`, `KNOWN_Q`, `KNOWN_Z2` are the
least of those that count for a ring: a scheme over Z is one over Q and mod 2.
"""

import csv
import pathlib
from typing import NamedTuple

from alphatensor.factorization.library.recombination import formats
from alphatensor.targets import Sizes, parse_sizes


class Known(NamedTuple):
    """The best known ranks of a format, by coefficients.

    Attributes:
      zt: with coefficients -1, 0 and 1.
      z: over the integers.
      q: over the rationals.
      z2: mod 2.
      source: where they stand; a source of a single rank begins with the ring, as in `Z2=47: ...`.
      date: day on which the first source was read.
    """

    zt: int
    z: int
    q: int
    z2: int
    source: str
    date: str


# format: AlphaTensor Z2, AlphaTensor Z
_SMALL = """
2x2x2 7 7     2x2x3 11 11   2x2x4 14 14   2x2x5 18 18   2x3x3 15 15   2x3x4 20 20   2x3x5 25 25
2x4x4 26 26   2x4x5 33 33   2x5x5 40 40   3x3x3 23 23   3x3x4 29 29   3x3x5 36 36   3x4x4 38 38
3x4x5 47 47   3x5x5 58 58   4x4x4 47 49   4x4x5 63 63   4x5x5 76 76   5x5x5 96 98
"""

_LARGE = """
3x4x11 103 3x5x9 105 3x9x11 225 4x5x9 139 4x5x10 152 4x5x11 169 4x9x10 255 4x9x11 280
4x11x11 343 4x11x12 366 5x5x7 134 5x7x9 234 5x7x10 257 5x7x11 280 5x8x9 262 5x8x10 287
5x8x11 317 5x9x9 296 5x9x10 323 5x9x11 358 5x9x12 381 6x7x9 270 6x7x10 296 6x7x11 322
6x8x10 329 6x8x11 365 6x9x9 342 6x9x10 373 6x9x11 411 7x7x9 318 7x7x10 350 7x7x11 384
7x8x9 354 7x8x10 393 7x8x11 432 7x8x12 462 7x9x9 399 7x9x10 441 7x9x11 481 7x9x12 510
7x10x10 478 7x10x11 536 7x11x11 582 8x8x10 441 8x8x11 489 8x9x10 489 8x9x11 533 8x9x12 560
8x10x10 532 8x10x11 596 8x10x12 636 8x11x11 649 8x11x12 691 9x9x9 498 9x9x10 534 9x9x11 576
9x10x10 606 9x10x11 657 9x10x12 696 9x11x11 725 9x11x12 760 10x10x10 682 10x10x11 746
10x10x12 798 10x11x11 821 10x11x12 874 10x12x12 928 11x11x11 896 11x11x12 941 11x12x12 990
"""


def _small(column: int) -> dict[Sizes, int]:
    words = _SMALL.split()
    return {parse_sizes(words[i]): int(words[i + column]) for i in range(0, len(words), 3)}


def hopcroft_kerr(m: int, p: int) -> int:
    """Returns ⌈(3mp + max(m, p)) / 2⌉, the rank reached for (2, m, p) (Hopcroft and Kerr 1971)."""
    return -(-(3 * m * p + max(m, p)) // 2)


def _known() -> dict[Sizes, Known]:
    with open(pathlib.Path(__file__).with_name("known_ranks.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        parse_sizes(row["format"]): Known(
            *(int(row[ring]) for ring in ("ZT", "Z", "Q", "Z2")), row["source"], row["date"]
        )
        for row in rows
    }


def source(sizes: Sizes, domain: str) -> str:
    """Returns where the best known rank over `'Z'`, `'Q'` or `'Z2'` stands, with its date."""
    known = KNOWN[sizes]
    first, *others = known.source.split("; ")
    columns = {"Z": ("ZT",), "Q": ("Q", "ZT"), "Z2": ("Z2",)}[domain]
    for column in columns:
        for text in others:
            ring, _, rest = text.partition("=")
            rank, _, place = rest.partition(": ")
            if ring == column and rank == str(best(sizes, domain)):
                return place
    return f"{first}, {known.date}"


def best(sizes: Sizes, domain: str) -> int | None:
    """Returns the best known rank over `'Z'`, `'Q'` or `'Z2'`; None where none is listed."""
    return {"Z": KNOWN_Z, "Q": KNOWN_Q, "Z2": KNOWN_Z2}[domain].get(sizes)


_words = _LARGE.split()
_large = {parse_sizes(a): int(b) for a, b in zip(_words[::2], _words[1::2], strict=True)}
_thin = {s: hopcroft_kerr(*s[1:]) for s in formats(12) if s[0] == 2}

ALPHATENSOR_Z2 = _small(1)
ALPHATENSOR_Z = {**_thin, **_large, **_small(2)}
KNOWN = _known()
KNOWN_Z = {s: min(x.zt, x.z) for s, x in KNOWN.items()}
KNOWN_Q = {s: min(x.zt, x.z, x.q) for s, x in KNOWN.items()}
KNOWN_Z2 = {s: min(x.zt, x.z, x.z2) for s, x in KNOWN.items()}
