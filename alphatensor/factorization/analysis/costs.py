"""What a factorisation costs: multiplications, additions, stability, exponent.

With A, B the inputs, C_k = Σ_r w_kr (u_r·A)(v_r·B). Formulas of the growth factors:

  e_max    max_k Σ_r |w_kr| |u_r|₁ |v_r|₁: growth of the max-norm error bound for one level
           (Bini and Lotti 1980; Ballard, Benson, Druinsky, Lipshitz, Schwartz 2016).
  q        max_k nnz(w_k) + max_{r in w_k} (nnz(u_r) + nnz(v_r)): the bound's prefactor (same).
  gamma    Σ_r |u_r|₂ |v_r|₂ |w_r|₂: growth in the Frobenius norm; n·m·p for the naive algorithm
           (Dai and Lim 2022; Dumas, Pernet and Sedoglavic 2024).
  phi      Σ_r |u_r|₂² |v_r|₂² |w_r|₂²: expected squared error when the rounding of the linear
           combinations dominates (short floats); sqrt(phi / nmp) is the ratio of root mean square
           errors to the naive algorithm.
  omega    3 log R / log(nmp): the exponent of the recursive algorithm.

Coefficients of a modular ring are taken as 0 .. p-1; growth factors then mean nothing and are None.
"""

import heapq
import math
import random
from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor.factorization.core import Factorization


class Costs(NamedTuple):
    """The figures of one factorisation; None where a figure has no meaning."""

    multiplications: int
    additions_naive: int
    additions_shared: int | None
    nonzeros: tuple[int, int, int]
    distinct_sums: tuple[int, int]
    scalings: int
    largest_coefficient: int | Fraction
    omega: float | None
    e_max: float | None
    q: int | None
    gamma: float | None
    phi: float | None


def measure(f: Factorization, trials: int = 20, seed: int = 0) -> Costs:
    """All figures of a factorisation.

    Args:
      trials: randomised greedy passes in search of shared sums; 0 leaves that figure out.
    """
    magnitudes = [np.abs(x) for x in f.factors]
    u, v, w = (x.astype(np.float64) for x in magnitudes)
    support = [x != 0 for x in magnitudes]
    nonzeros = tuple(int(x.sum()) for x in support)
    growth = dict.fromkeys(("e_max", "q", "gamma", "phi"))
    if not f.ring.is_modular:
        terms = support[0].sum(0) + support[1].sum(0)
        norms = [np.square(x).sum(0) for x in (u, v, w)]
        growth = {
            "e_max": float((w @ (u.sum(0) * v.sum(0))).max()),
            "q": int((support[2].sum(1) + (support[2] * terms).max(1)).max()),
            "gamma": float(np.sqrt(np.prod(norms, axis=0)).sum()),
            "phi": float(np.prod(norms, axis=0).sum()),
        }
    volume = math.prod(f.sizes) if f.sizes else 1
    return Costs(
        multiplications=f.rank,
        additions_naive=additions_naive(f),
        additions_shared=additions_shared(f, trials, seed) if trials else None,
        nonzeros=nonzeros,
        distinct_sums=(_distinct(f.u), _distinct(f.v)),
        scalings=int(sum(((x != 0) & (x != 1)).sum() for x in magnitudes)),
        largest_coefficient=max(max(x.flat) for x in map(_as_python, magnitudes)),
        omega=3 * math.log(f.rank) / math.log(volume) if volume > 1 else None,
        **growth,
    )


class Growth(NamedTuple):
    """Factors of one flattened algorithm; predicted: root mean square error over the classical
    product's when the rounding of operands dominates, sqrt(phi / nmp)."""

    e_max: float
    q: int
    gamma: float
    phi: float
    predicted: float


def growth(f: Factorization, levels: int = 1) -> Growth:
    """Growth factors of `levels` levels.

    For Kronecker powers gamma and phi multiply, and so does e_max; q adds (Ballard et al. 2016).

    Raises:
      ValueError: for a modular ring, whose coefficients have no size, or levels below 1.
    """
    if f.ring.is_modular or f.sizes is None:
        raise ValueError("factorization: expected a matrix multiplication over the reals.")
    if levels < 1:
        raise ValueError(f"levels: {levels}, expected at least 1.")
    one = measure(f, trials=0)
    return Growth(
        e_max=one.e_max**levels,
        q=one.q * levels,
        gamma=one.gamma**levels,
        phi=one.phi**levels,
        predicted=math.sqrt(one.phi / math.prod(f.sizes)) ** levels,
    )


def additions_naive(f: Factorization) -> int:
    """Additions and subtractions when every sum is formed by itself."""
    per_row = [(x != 0).sum(axis=1) for x in (f.u.T, f.v.T, f.w)]
    return int(sum(np.maximum(counts - 1, 0).sum() for counts in per_row))


def additions_shared(f: Factorization, trials: int = 20, seed: int = 0) -> int:
    """Additions after sharing two-term sums greedily, the best of `trials` random tie-breaks.

    Sums that agree up to a factor are formed once; an upper bound on the least possible number.
    """
    rng = random.Random(seed)
    best = 0
    for matrix in (f.u.T, f.v.T, f.w):
        rows = [{j: x for j, x in enumerate(row) if x} for row in matrix.tolist()]
        best += min(_greedy([dict(r) for r in rows], rng) for _ in range(trials))
    return best


def _greedy(rows: list[dict], rng: random.Random) -> int:
    """Additions that evaluate the rows (symbol → coefficient) when pairs are shared greedily."""
    where = defaultdict(set)  # (i, j, ratio) → rows that hold x_i + ratio·x_j up to a factor

    def pairs(row, symbol):
        for other in row:
            if other != symbol:
                i, j = min(symbol, other), max(symbol, other)
                yield i, j, _ratio(row[j], row[i])

    for k, row in enumerate(rows):
        for i in row:
            for pair in pairs(row, i):
                where[pair].add(k)
    heap = [(-len(ks), rng.random(), pair) for pair, ks in where.items() if len(ks) > 1]
    heapq.heapify(heap)
    additions = 0
    fresh = 1 + max((max(row) for row in rows if row), default=0)
    while heap:
        count, _, pair = heapq.heappop(heap)
        users = where[pair]
        if len(users) < 2:
            continue
        if len(users) != -count:  # stale: the pair lost users since it was queued
            heapq.heappush(heap, (-len(users), rng.random(), pair))
            continue
        i, j, _ = pair
        additions += 1
        touched = set()
        for k in list(users):
            row = rows[k]
            for symbol in (i, j):
                for old in list(pairs(row, symbol)):
                    where[old].discard(k)
            row[fresh] = row.pop(i)
            del row[j]
            for new in pairs(row, fresh):
                where[new].add(k)
                touched.add(new)
        for new in touched:
            if len(where[new]) > 1:
                heapq.heappush(heap, (-len(where[new]), rng.random(), new))
        fresh += 1
    return additions + sum(max(len(row) - 1, 0) for row in rows)


def _ratio(x, y):
    return x * y if x in (1, -1) and y in (1, -1) else Fraction(x) / Fraction(y)


def _distinct(factor: np.ndarray) -> int:
    """Columns with several entries, counted once up to a factor."""
    found = set()
    for column in factor.T.tolist():
        entries = [x for x in column if x]
        if len(entries) > 1:
            found.add(tuple(_ratio(x, entries[0]) if x else 0 for x in column))
    return len(found)


def _as_python(x: np.ndarray) -> np.ndarray:
    return x.astype(object)


def summary(f: Factorization) -> dict:
    """The figures that the index of a library keeps, as plain numbers (shared sums: rank ≤ 130)."""
    small = f.rank <= 130
    c = measure(f, trials=10 if small else 0)
    kept = {
        "additions_naive": c.additions_naive,
        "additions_shared": c.additions_shared,
        "nonzeros": sum(c.nonzeros),
        "largest_coefficient": str(c.largest_coefficient),
        "omega": c.omega and round(c.omega, 4),
        "e_max": c.e_max and round(c.e_max, 3),
        "gamma": c.gamma and round(c.gamma, 3),
        "phi": c.phi and round(c.phi, 3),
    }
    return {key: value for key, value in kept.items() if value is not None}
