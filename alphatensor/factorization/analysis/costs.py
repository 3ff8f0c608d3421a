"""What a factorization costs: multiplications, additions, stability, exponent.

With A, B the inputs, C_k = Σ_r w_kr (u_r·A)(v_r·B). Formulas of the growth factors::

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
Of Gaussian coefficients only the counts are made that need no order.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor.factorization.analysis import programs, straight_line
from alphatensor.factorization.core import Factorization


class Costs(NamedTuple):
    """The figures of one factorization; None where a figure has no meaning.

    Attributes:
      multiplications: the rank.
      additions_naive: additions and subtractions when every sum is formed by itself.
      additions_shared: additions of the straight-line programs, which form shared sums once; an
        upper bound on the least possible number.
      nonzeros: numbers of non-zero entries of U, V and W.
      distinct_sums: numbers of different sums of A and of B, up to a factor.
      scalings: number of coefficients other than 0, 1 and -1.
      largest_coefficient: the largest absolute value of a coefficient.
      omega, e_max, q, gamma, phi: as in the module's docstring.
    """

    multiplications: int
    additions_naive: int
    additions_shared: int | None
    nonzeros: tuple[int, int, int]
    distinct_sums: tuple[int, int] | None
    scalings: int
    largest_coefficient: int | Fraction
    omega: float | None
    e_max: float | None
    q: int | None
    gamma: float | None
    phi: float | None


def measure(f: Factorization, trials: int = straight_line.TRIALS, seed: int = 0) -> Costs:
    """Returns all figures of a factorization.

    Args:
      f: over any ring.
      trials: random tie-breaks in the search for shared sums; 0 counts those of the
        programs that `f` keeps alone.
      seed: seed of the tie-breaks.
    """
    support = [x != 0 for x in f.factors]
    growth_factors = dict.fromkeys(("e_max", "q", "gamma", "phi"))
    if f.is_real and not f.ring.is_modular:
        u, v, w = (np.abs(x).astype(np.float64) for x in f.factors)
        terms = support[0].sum(0) + support[1].sum(0)
        norms = [np.square(x).sum(0) for x in (u, v, w)]
        growth_factors = {
            "e_max": float((w @ (u.sum(0) * v.sum(0))).max()),
            "q": int((support[2].sum(1) + (support[2] * terms).max(1)).max()),
            "gamma": float(np.sqrt(np.prod(norms, axis=0)).sum()),
            "phi": float(np.prod(norms, axis=0).sum()),
        }
    volume = math.prod(f.sizes) if f.sizes else 1
    shared = programs.kept_additions(f)
    if trials and f.is_real:
        shared = sum(straight_line.additions(f, trials, seed))
    return Costs(
        multiplications=f.rank,
        additions_naive=additions_naive(f),
        additions_shared=shared,
        nonzeros=f.nonzeros,
        distinct_sums=(_distinct(f.u), _distinct(f.v)) if f.is_real else None,
        scalings=int(sum(((x != 0) & (x != 1) & (x != -1)).sum() for x in f.factors)),
        largest_coefficient=f.largest_coefficient,
        omega=3 * math.log(f.rank) / math.log(volume) if volume > 1 else None,
        **growth_factors,
    )


class Growth(NamedTuple):
    """Growth factors of one flattened algorithm.

    Attributes:
      e_max, q, gamma, phi: as in the module's docstring.
      predicted: sqrt(phi / nmp), the root mean square error over the classical product's when the
        rounding of operands dominates.
    """

    e_max: float
    q: int
    gamma: float
    phi: float
    predicted: float


def growth(f: Factorization, levels: int = 1) -> Growth:
    """Returns the growth factors of `levels` levels.

    For Kronecker powers gamma and phi multiply, and so does e_max; q adds (Ballard et al. 2016).

    Raises:
      ValueError: for a modular ring, whose coefficients have no size, or levels below 1.
    """
    if f.ring.is_modular or f.sizes is None or not f.is_real:
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
    """Counts additions and subtractions when every sum is formed by itself."""
    per_row = [(x != 0).sum(axis=1) for x in (f.u.T, f.v.T, f.w)]
    return int(sum(np.maximum(counts - 1, 0).sum() for counts in per_row))


def _distinct(factor: np.ndarray) -> int:
    """Counts columns with several entries, once up to a factor."""
    found = set()
    for column in factor.T.tolist():
        entries = [x for x in column if x]
        if len(entries) > 1:
            lead = entries[0]
            scale = lead if lead in (1, -1) else 1 / Fraction(lead)
            found.add(tuple(x * scale for x in column))
    return len(found)
