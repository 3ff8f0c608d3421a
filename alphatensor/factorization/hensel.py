"""Hensel steps: from a factorization mod p^k to one mod p^(k+1), and readings of its residues.

A factorization mod p^k is a root of F(u, v, w) = Σ u ⊗ v ⊗ w − T mod p^k. Its correction
p^k (du, dv, dw) to a root mod p^(k+1) solves J (du, dv, dw) = −F / p^k mod p, where the Jacobian J
depends on the factors mod p alone: it is eliminated once and serves every step. Entries that are
zero mod p stay zero whenever the system allows it, and the lift of a sparse factorization stays
sparse: the others' columns are solved for alone first, which is far less work, and all columns
where that fails, unless they are too many. Coefficients are then read as the residues of least
absolute value, or by rational reconstruction (Wang 1981).
"""

import functools
import math
from fractions import Fraction

import numpy as np

from alphatensor.factorization import linear
from alphatensor.factorization.core import Factorization

MAX_CELLS = 2**28  # equations times unknowns of a whole system; 5x5x5 has 114 million, 6x6x6 804


class Corrections:
    """Steps from a root mod p^k to one mod p^(k+1), by one system for all k.

    Attributes:
      f: the factorization mod p.
      support: bool (unknowns,), which entries of u, v, w are not zero mod p.
      system: the columns of these in the Jacobian at `f`, eliminated; in a random order those that
        fix scales come last.
      loose: the numbers of the unknowns that are free and fix no scale.
    """

    def __init__(self, f: Factorization, rng: np.random.Generator | None = None):
        """Eliminates the system at `f`, with `rng` in a random order of the other columns."""
        self.f = f
        self.support = np.concatenate([x.ravel() for x in f.factors]) != 0
        fixes_scale = np.zeros(self.support.size, bool)
        for first, factor in ((0, f.u), (f.u.size, f.v)):
            entry = (factor != 0).argmax(axis=0)
            fixes_scale[first + entry * f.rank + np.arange(f.rank)] = True
        place = np.arange(len(fixes_scale)) if rng is None else rng.permutation(len(fixes_scale))
        order = np.lexsort((place, fixes_scale)) if rng else place
        self._columns = order[self.support[order]]
        matrix = _jacobian(f.factors, f.ring.modulus, self._columns)
        self.system = linear.eliminate(matrix, f.ring.modulus, np.arange(len(self._columns)))
        is_free = self.support & ~fixes_scale
        is_free[self.pivots] = False
        self.loose = np.flatnonzero(is_free)

    @functools.cached_property
    def whole(self) -> linear.System | None:
        """The whole Jacobian, eliminated, zero entries last; None if it is too large."""
        if self.support.size * self.f.target.tensor.size > MAX_CELLS:
            return None
        order = np.concatenate([self._columns, np.flatnonzero(~self.support)])
        matrix = _jacobian(self.f.factors, self.f.ring.modulus, np.arange(len(order)))
        return linear.eliminate(matrix, self.f.ring.modulus, order)

    @property
    def pivots(self) -> np.ndarray:
        """The unknowns that are not zero mod p and not free."""
        return self._columns[self.system.pivot_columns]

    def solve(self, right: np.ndarray) -> np.ndarray | None:
        """Returns a solution for a right-hand side, zeros where it may have them; or None."""
        found = linear.solve(self.system, right)
        if found is None:
            return None if self.whole is None else linear.solve(self.whole, right)
        solution = np.zeros(self.support.size, np.int64)
        solution[self._columns] = found
        return solution

    def __call__(self, x, modulus: int, free: np.ndarray | None = None) -> list | None:
        """Returns x + modulus·d, a root mod modulus·p, or None if there is none.

        Args:
          x: u, v, w, a root mod `modulus`.
          modulus: a power of p.
          free: the values of d in the free unknowns; by default zeros.
        """
        p, shapes = self.f.ring.modulus, [y.shape for y in self.f.factors]
        error = error_of(x, self.f.target.tensor, modulus * p) // modulus
        if free is not None:
            error = error + _derivative(self.f.factors, split(free, shapes))
        d = self.solve((-error % p).astype(np.int64).ravel())
        if d is None:
            return None
        d = d if free is None else (d + free) % p
        return [
            (a + modulus * b.astype(a.dtype)) % (modulus * p)
            for a, b in zip(x, split(d, shapes), strict=True)
        ]


def balanced(x: np.ndarray, modulus: int) -> np.ndarray:
    """Returns residues of least absolute value, in (-modulus/2, modulus/2]."""
    return (x + (modulus - 1) // 2) % modulus - (modulus - 1) // 2


def fractions(x: np.ndarray, modulus: int) -> np.ndarray | None:
    """Returns the small fractions that residues stand for, or None if one stands for none."""
    table = {r: reconstruct(int(r), modulus) for r in set(x.ravel().tolist())}
    if None in table.values():
        return None
    found = np.empty(x.shape, object)
    found.flat = [table[r] for r in x.ravel().tolist()]
    return found


def reconstruct(residue: int, modulus: int) -> Fraction | None:
    """Returns a/b ≡ residue with |a|, b ≤ sqrt(modulus / 2), by Euclid's extended algorithm."""
    bound = math.isqrt(modulus // 2)
    (r0, s0), (r1, s1) = (modulus, 0), (residue, 1)
    while r1 > bound:
        quotient = r0 // r1
        (r0, s0), (r1, s1) = (r1, s1), (r0 - quotient * r1, s0 - quotient * s1)
    if s1 == 0 or abs(s1) > bound or math.gcd(r1, s1) != 1:
        return None
    return Fraction(r1, s1)


def wide(x: np.ndarray, modulus: int, rank: int) -> np.ndarray:
    """Returns Python integers where Σ u v w mod p·modulus could leave int64."""
    return x.astype(object) if rank * modulus**3 >= 2**62 else x


def error_of(factors, tensor: np.ndarray, modulus: int) -> np.ndarray:
    """Returns Σ u ⊗ v ⊗ w − T mod `modulus`, of the tensor's shape."""
    u, v, w = factors
    pairs = (v[:, None, :] * w[None, :, :]).reshape(-1, u.shape[1])
    return (u.dot(pairs.T).reshape(tensor.shape) - tensor) % modulus


def _derivative(factors, changes) -> np.ndarray:
    """Returns J·changes, of the tensor's shape."""
    total = 0
    for mode, change in enumerate(changes):
        u, v, w = (change if mode == i else x for i, x in enumerate(factors))
        pairs = (v[:, None, :] * w[None, :, :]).reshape(-1, u.shape[1]).astype(np.float64)
        total = total + np.rint(u.astype(np.float64) @ pairs.T).astype(np.int64)
    return total.reshape([len(x) for x in factors])


def _jacobian(factors, p: int, columns: np.ndarray) -> np.ndarray:
    """Returns columns of J.

    Args:
      factors: u, v, w of R terms.
      p: the modulus.
      columns: numbers of unknowns, of u, v, w row by row.

    Returns:
      Residues (S_u·S_v·S_w, columns).
    """
    rank, sizes = factors[0].shape[1], [len(x) for x in factors]
    x = [factor.astype(np.uint8 if p == 2 else np.int64) for factor in factors]
    ends = np.cumsum([0, *(size * rank for size in sizes)])
    result = np.zeros((*sizes, len(columns)), x[0].dtype)
    for place, column in enumerate(columns.tolist()):
        mode = int(np.searchsorted(ends, column, side="right")) - 1
        entry, r = divmod(column - int(ends[mode]), rank)
        one, other = (x[k][:, r] for k in range(3) if k != mode)
        index = (slice(None),) * mode + (entry,)
        result[index][..., place] = np.multiply.outer(one, other) % p
    return result.reshape(-1, len(columns))


def split(x: np.ndarray, shapes) -> list[np.ndarray]:
    ends = np.cumsum([math.prod(s) for s in shapes])[:-1]
    return [part.reshape(s) for part, s in zip(np.split(x, ends), shapes, strict=True)]
