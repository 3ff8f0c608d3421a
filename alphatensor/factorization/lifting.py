"""Hensel lifting: from a factorization mod p to one mod p^k, and from there to Z or Q.

A factorization mod p^k is a root of F(u, v, w) = Σ u ⊗ v ⊗ w − T mod p^k. Its correction
p^k (du, dv, dw) to a root mod p^(k+1) solves J (du, dv, dw) = −F / p^k mod p, where the Jacobian J
depends on the factors mod p alone: it is eliminated once and serves every step. Entries that are
zero mod p stay zero whenever the system allows it, and the lift of a sparse factorization stays
sparse: the others' columns are solved for alone first, which is far less work, and all columns
where that fails, unless they are too many. Coefficients are then read as the residues of least
absolute value, or by rational reconstruction, and verified. A factorization at a singular point,
where a tangent direction need not extend, often lifts in another, sparse basis; some are tried.
(Kauers and Moosbauer, "Flip graphs for matrix multiplication", 2022, section 5; rational
reconstruction: Wang 1981.)
"""

import functools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import linear, transforms
from alphatensor.factorization.core import Factorization

MAX_STEPS = 24
BASES = 8  # sparse bases tried where a factorization does not lift as it is
PATHS = 4  # solutions mod p² lifted further where none of them gives integers
MAX_CELLS = 2**28  # equations times unknowns of a whole system; 5x5x5 has 114 million, 6x6x6 804
SIGN_TRIALS = 64  # random solutions mod p² tried in the hope of coefficients in {-1, 0, 1}


class Lift(NamedTuple):
    """What became of a lift.

    Attributes:
      factorization: the lifted factorization, verified, over Z or Q; None if none was found.
      message: how it went, in one line.
      impossible: whether it is proven that there is none.
    """

    factorization: Factorization | None
    message: str
    impossible: bool = False


def lift(f: Factorization, seed: int = 0) -> Factorization | None:
    """Returns a verified factorization over Z (or Q) that reduces to `f` mod p, or None.

    Small coefficients are preferred: {-1, 0, 1}, then integers, then fractions. `f` itself is
    returned if it is not modular. None says that none was found, not that there is none.

    Raises:
      ValueError: if `f` does not verify.
    """
    return lift_with_reason(f, seed).factorization


def lift_with_reason(f: Factorization, seed: int = 0) -> Lift:
    """Lifts as `lift` does and says how it went, for example at which step it stopped."""
    check = f.verify()
    if not check.ok:
        raise ValueError(check.message)
    if not f.ring.is_modular:
        return Lift(f, "already over the integers.")
    if f.target.is_quadratic:  # here the equations are those of a tensor
        return Lift(None, f"{f.target.title}: quadratic maps are not lifted; walk over Z.")
    found = _lift_directly(f, seed)
    if found.factorization is None and not found.impossible and f.sizes:
        rng = np.random.default_rng(seed)
        for kicks in range(BASES):
            sparser, inverses = transforms.sparsify(f, kicks, rng)
            moved = _lift_directly(sparser, seed)
            if moved.factorization is not None:
                # The way back has determinant 1 over the integers and is the right one mod p.
                result = transforms.sandwich(moved.factorization, *inverses)
                return Lift(result, f"{moved.message[:-1]}, in another basis.")
    return found


class _Corrections:
    """Steps from a root mod p^k to one mod p^(k+1), by one system for all k.

    Attributes:
      f: the factorization mod p.
      support: bool (unknowns,), which entries of u, v, w are not zero mod p.
      system: the columns of these in the Jacobian at `f`, eliminated.
    """

    def __init__(self, f: Factorization):
        self.f = f
        self.support = np.concatenate([x.ravel() for x in f.factors]) != 0
        self._columns = np.flatnonzero(self.support)
        matrix = _jacobian(f.factors, f.ring.modulus, self._columns)
        self.system = linear.eliminate(matrix, f.ring.modulus, np.arange(len(self._columns)))

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
        error = _error(x, self.f.target.tensor, modulus * p) // modulus
        if free is not None:
            error = error + _derivative(self.f.factors, _split(free, shapes))
        d = self.solve((-error % p).astype(np.int64).ravel())
        if d is None:
            return None
        d = d if free is None else (d + free) % p
        return [
            (a + modulus * b.astype(a.dtype)) % (modulus * p)
            for a, b in zip(x, _split(d, shapes), strict=True)
        ]


def _lift_directly(f: Factorization, seed: int) -> Lift:
    """Lifts as `lift_with_reason` does, in the basis given."""
    p = f.ring.modulus
    corrected = _Corrections(f)
    start = [_balanced(x, p) for x in f.factors]
    if found := _accepted(f, start):
        return Lift(found, f"lifted to {found.domain}: the residues are the coefficients.")
    rng = np.random.default_rng(seed)
    best, roots = None, []
    for trial in range(SIGN_TRIALS):
        drawn = rng.integers(0, p, corrected.support.size)
        free = np.where(corrected.support & (trial > 0), drawn, 0)
        free[corrected.pivots] = 0
        x = corrected(start, p, free)
        if x is None:
            if corrected.whole is None:
                return Lift(None, f"does not lift to mod {p}^2 with zeros in the same places.")
            return Lift(None, f"does not lift: no root mod {p}^2 reduces to it.", True)
        roots.append(x)
        found = _accepted(f, [_balanced(a, p**2) for a in x])
        if found and (best is None or found.largest_coefficient < best.largest_coefficient):
            best = found
        if best and best.largest_coefficient == 1:
            break
    if best:
        return Lift(best, f"lifted to {best.domain} mod {p}^2.")
    return _lift_further(f, corrected, roots[:PATHS])


def _lift_further(f: Factorization, corrected: _Corrections, roots: list) -> Lift:
    """Lifts roots mod p² step by step, reading integers, then fractions, after each step."""
    p, reached = f.ring.modulus, 1
    for x in roots:
        modulus = p**2
        for step in range(3, MAX_STEPS + 1):
            x = corrected([_wide(a, modulus, f.rank) for a in x], modulus)
            if x is None:
                break
            modulus *= p
            reached = max(reached, step)
            for read in (_balanced, _fractions):
                if found := _accepted(f, [read(a, modulus) for a in x]):
                    return Lift(found, f"lifted to {found.domain} mod {p}^{step}.")
    if reached < MAX_STEPS:
        return Lift(None, f"does not lift beyond mod {p}^{max(reached, 2)} on {PATHS} paths.")
    return Lift(None, f"lifts to mod {p}^{MAX_STEPS}, but to no integers or small fractions.")


def _accepted(f: Factorization, factors) -> Factorization | None:
    """Returns the factors as a factorization over Z or Q if they verify, else None."""
    if any(x is None for x in factors):
        return None
    provenance = {**f.provenance, "lifted_from": f.ring.name}
    lifted = Factorization(f.target, rings.Integers(), *factors, provenance)
    return lifted if lifted.verify().ok else None


def _balanced(x: np.ndarray, modulus: int) -> np.ndarray:
    """Returns residues of least absolute value, in (-modulus/2, modulus/2]."""
    return (x + (modulus - 1) // 2) % modulus - (modulus - 1) // 2


def _fractions(x: np.ndarray, modulus: int) -> np.ndarray | None:
    """Returns the small fractions that residues stand for, or None if one stands for none."""
    table = {r: _reconstruct(int(r), modulus) for r in set(x.ravel().tolist())}
    if None in table.values():
        return None
    found = np.empty(x.shape, object)
    found.flat = [table[r] for r in x.ravel().tolist()]
    return found


def _reconstruct(residue: int, modulus: int) -> Fraction | None:
    """Returns a/b ≡ residue with |a|, b ≤ sqrt(modulus / 2), by Euclid's extended algorithm."""
    bound = math.isqrt(modulus // 2)
    (r0, s0), (r1, s1) = (modulus, 0), (residue, 1)
    while r1 > bound:
        quotient = r0 // r1
        (r0, s0), (r1, s1) = (r1, s1), (r0 - quotient * r1, s0 - quotient * s1)
    if s1 == 0 or abs(s1) > bound or math.gcd(r1, s1) != 1:
        return None
    return Fraction(r1, s1)


def _wide(x: np.ndarray, modulus: int, rank: int) -> np.ndarray:
    """Returns Python integers where Σ u v w mod p·modulus could leave int64."""
    return x.astype(object) if rank * modulus**3 >= 2**62 else x


def _error(factors, tensor: np.ndarray, modulus: int) -> np.ndarray:
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


def _split(x: np.ndarray, shapes) -> list[np.ndarray]:
    ends = np.cumsum([math.prod(s) for s in shapes])[:-1]
    return [part.reshape(s) for part, s in zip(np.split(x, ends), shapes, strict=True)]
