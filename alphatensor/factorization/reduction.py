"""Terms that share a factor and are linearly dependent in another: one of them can go.

Where a⊗b_1⊗c_1, …, a⊗b_k⊗c_k share a and b_k = Σ x_i b_i,

    Σ a⊗b_i⊗c_i  =  Σ_{i<k} a⊗b_i⊗(c_i + x_i c_k)

(Kauers and Moosbauer 2022, arXiv 2212.01175, definition 3).
"""

import itertools

import numpy as np

from alphatensor.factorization import linear
from alphatensor.factorization.core import Factorization

PRIME = 32_749  # for solutions over the integers, which are verified


def reduced(f: Factorization) -> Factorization:
    """Returns an equal sum without such terms; `f` itself where there are none.

    Over the integers only dependences with small integer coefficients are found.

    Args:
      f: verified, over the integers or integers mod p.
    """
    while (smaller := _reduced_once(f)) is not None:
        f = smaller
    return f


def _reduced_once(f: Factorization) -> Factorization | None:
    modulus = f.ring.modulus or PRIME
    factors = [np.array(x, np.int64) for x in f.factors]
    for shared, second, third in itertools.permutations(range(3)):
        for terms, scales in _groups(factors[shared], f.ring.modulus):
            left = factors[second][:, terms] * scales
            for last in range(1, len(terms)):
                system = linear.eliminate(left[:, :last] % modulus, modulus, np.arange(last))
                x = linear.solve(system, left[:, last] % modulus)
                if x is None:
                    continue
                if not f.ring.is_modular:
                    x = np.where(x > modulus // 2, x - modulus, x)
                new = [y.copy() for y in factors]
                new[third][:, terms[:last]] += x * factors[third][:, [terms[last]]]
                u, v, w = (f.ring.reduce(np.delete(y, terms[last], axis=1)) for y in new)
                smaller = f.replace(u=u, v=v, w=w)
                if smaller.verify().ok:
                    return smaller
    return None


def _groups(factor: np.ndarray, modulus: int):
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
