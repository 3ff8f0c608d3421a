"""Ranks by another way than the project's, and the rings that tests try."""

from fractions import Fraction

from alphatensor import rings

RINGS = [rings.Integers(), rings.IntegersMod(2), rings.IntegersMod(5)]


def exact_rank(matrix, ring) -> int:
    """Returns a rank by row reduction in Python fractions or residues, slow and independent."""

    def field(x):
        return int(x) % ring.modulus if ring.is_modular else Fraction(int(x))

    def divide(a, b):
        return a * pow(b, -1, ring.modulus) % ring.modulus if ring.is_modular else a / b

    rows, rank = [[field(x) for x in row] for row in matrix], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            ratio = divide(rows[r][column], rows[rank][column])
            rows[r] = [ring.reduce(x - ratio * y) for x, y in zip(rows[r], rows[rank], strict=True)]
        rank += 1
    return rank
