"""Terms that share a factor and are linearly dependent in another: one of them can go.

Where a⊗b_1⊗c_1, …, a⊗b_k⊗c_k share a and b_k = Σ x_i b_i,

    Σ a⊗b_i⊗c_i  =  Σ_{i<k} a⊗b_i⊗(c_i + x_i c_k)

(Kauers and Moosbauer 2022, arXiv 2212.01175, definition 3).
"""

from collections.abc import Iterator

import numpy as np

from alphatensor.factorization.core import Factorization


def reduced(f: Factorization) -> Factorization:
    """Returns an equal sum without such terms; `f` itself where there are none.

    Over the integers only dependences with integer coefficients are found, and not all of them.

    Args:
      f: of integers, over the integers or integers mod p.
    """
    modulus = f.ring.modulus
    factors = [np.array(x, np.int64) for x in f.factors]
    rank = None
    while rank != (rank := factors[0].shape[1]):
        for mode in range(3):
            factors = _without_dependent(factors, mode, modulus)
    return f if rank == f.rank else f.replace(u=factors[0], v=factors[1], w=factors[2])


def _without_dependent(factors: list[np.ndarray], mode: int, modulus: int | None):
    """Returns the factors with a term fewer for each dependence of terms that share a factor."""
    second, third = (k for k in range(3) if k != mode)
    factors = [x.copy() for x in factors]
    gone = np.zeros(factors[0].shape[1], bool)
    for terms, scales in _groups(factors[mode], modulus):
        left, right = factors[second][:, terms].T, (factors[third][:, terms] * scales).T
        left, right, kept = _independent(left, right, modulus)
        right, left, kept_of_those = _independent(right, left, modulus)
        kept = kept[kept_of_those]
        if len(kept) == len(terms):
            continue
        gone[np.delete(terms, kept)] = True
        chosen = np.array(terms)[kept]
        factors[second][:, chosen] = left.T
        back = [pow(int(s), -1, modulus) if modulus else int(s) for s in scales[kept]]
        factors[third][:, chosen] = right.T * np.array(back, np.int64)
        if modulus:
            factors[third][:, chosen] %= modulus
    return [x[:, ~gone] for x in factors]


def _independent(left: np.ndarray, right: np.ndarray, modulus: int | None):
    """Drops rows that depend on others in `left`, and adds their share to those in `right`.

    Returns:
      (left, right, the numbers of the rows that stay); rows of `right` that vanish go as well.
    """
    right = right.copy()
    basis: list[tuple[int, np.ndarray, np.ndarray]] = []  # pivot, row, which rows make it
    stay = []
    for k, row in enumerate(left):
        rest, made_of = row.copy(), np.zeros(len(left), np.int64)
        made_of[k] = 1
        for pivot, other, others in basis:
            if modulus:
                times = int(rest[pivot]) * pow(int(other[pivot]), -1, modulus)
            else:
                times, remainder = divmod(int(rest[pivot]), int(other[pivot]))
                if remainder:
                    break
            rest, made_of = rest - times * other, made_of - times * others
            if modulus:
                rest, made_of = rest % modulus, made_of % modulus
        if rest.any():
            stay.append(k)
            filled = np.flatnonzero(rest)
            units = filled[np.abs(rest[filled]) == 1]
            basis.append((int([*units, *filled][0]), rest, made_of))
            continue
        made_of[k] = 0
        right = right - np.outer(made_of, right[k])
        if modulus:
            right %= modulus
    stay = np.array([k for k in stay if right[k].any()], np.int64)
    return left[stay], right[stay], stay


def _groups(factor: np.ndarray, modulus: int | None) -> Iterator[tuple[list[int], np.ndarray]]:
    """Yields the terms whose columns are multiples of one column, two or more, and the multiples.

    Over the integers they are 1 or -1 times it.
    """
    groups: dict[bytes, list[tuple[int, int]]] = {}
    for term, column in enumerate(factor.T):
        first = int(column[np.flatnonzero(column)[:1]].sum()) or 1
        scale = first if modulus else int(np.sign(first))
        column = pow(first, -1, modulus) * column % modulus if modulus else scale * column
        groups.setdefault(column.tobytes(), []).append((term, scale))
    for members in groups.values():
        if len(members) > 1:
            terms, scales = zip(*members, strict=True)
            yield list(terms), np.array(scales)
