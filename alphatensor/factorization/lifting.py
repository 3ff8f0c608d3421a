"""Hensel lifting: from a factorization mod p to one mod p^k, and from there to Z or Q.

The steps are those of `hensel`; what is read from them is verified. A factorization at a singular
point, where a tangent direction need not extend, often lifts in another, sparse basis; some are
tried.

Unknowns that the system leaves free keep small values; the others follow from them. Among the free
ones are the first entries of u and v in each term, which only fix scales. Mod an odd prime, where
halves have residues, the other free ones are tried as 1, 2 and 1/2, up to sign, one after the
other, for the shortest coefficients: mod 3 the residue of 1 is that of -2 and -1/2.
(Kauers and Moosbauer, "Flip graphs for matrix multiplication", 2022, section 5.)
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import hensel, transforms
from alphatensor.factorization.core import Factorization

MAX_STEPS = 24
BASES = 8  # sparse bases tried where a factorization does not lift as it is
PATHS = 4  # solutions mod p² lifted further where none of them gives integers
SIGN_TRIALS = 64  # random solutions mod 4 tried in the hope of coefficients in {-1, 0, 1}
SMALL = tuple(Fraction(x, y) for x, y in ((1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2)))
ORDERS = 4  # of the unknowns, mod odd primes
TUNED = 64  # lifts mod odd primes tried for shorter coefficients, for each order


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


def _lift_directly(f: Factorization, seed: int) -> Lift:
    """Lifts as `lift_with_reason` does, in the basis given."""
    p = f.ring.modulus
    start = [hensel.balanced(x, p) for x in f.factors]
    if found := _accepted(f, start):
        return Lift(found, f"lifted to {found.domain}: the residues are the coefficients.")
    rng = np.random.default_rng(seed)
    if p > 2:
        return _lift_mod_odd(f, start, rng)
    corrected = hensel.Corrections(f)
    best, roots = None, []
    for trial in range(SIGN_TRIALS):
        drawn = rng.integers(0, p, corrected.support.size)
        free = np.where(corrected.support & (trial > 0), drawn, 0)
        free[corrected.pivots] = 0
        x = corrected(start, p, free)
        if x is None:
            return _no_root(f, corrected)
        roots.append(x)
        found = _accepted(f, [hensel.balanced(a, p**2) for a in x])
        if found and (best is None or found.largest_coefficient < best.largest_coefficient):
            best = found
        if best and best.largest_coefficient == 1:
            break
    if best:
        return Lift(best, f"lifted to {best.domain} mod {p}^2.")
    return _lift_further(f, corrected, roots[:PATHS])


def _no_root(f: Factorization, corrected: hensel.Corrections) -> Lift:
    """Says that there is no root mod p²."""
    p = f.ring.modulus
    if corrected.whole is None:
        return Lift(None, f"does not lift to mod {p}^2 with zeros in the same places.")
    return Lift(None, f"does not lift: no root mod {p}^2 reduces to it.", True)


def _lift_mod_odd(f: Factorization, start: list, rng: np.random.Generator) -> Lift:
    """Lifts with unknowns in some orders; takes the shortest coefficients."""
    best, p = None, f.ring.modulus
    for _ in range(ORDERS):
        corrected = hensel.Corrections(f, rng)
        if corrected(start, p) is None:
            return _no_root(f, corrected)
        found = _tuned(f, corrected, start, rng)
        if found is not None and (best is None or _bits(found) < _bits(best)):
            best = found
        if best is not None and _longest(best) <= 2:
            break
    if best is None:
        return Lift(None, f"lifts to no integers or small fractions in {ORDERS} orders.")
    return Lift(best, f"lifted to {best.domain} from mod {p}.")


def _tuned(f, corrected, start: list, rng: np.random.Generator) -> Factorization | None:
    """Lifts with small numbers in the loose unknowns, then with others one after the other."""
    p, residues = f.ring.modulus, np.concatenate([x.ravel() for x in start])
    choices = {
        i: [x for x in SMALL if (x.numerator - x.denominator * int(residues[i])) % p == 0]
        for i in corrected.loose.tolist()
    }
    values, tries = {}, 0
    while (best := _with_values(f, corrected, start, values)) is None and tries < PATHS:
        values, tries = {i: rng.choice(x) for i, x in choices.items() if x}, tries + 1
    if best is None:
        return None
    for i, number in [(i, x) for i, numbers in choices.items() for x in numbers][:TUNED]:
        found = _with_values(f, corrected, start, values | {i: number})
        if found is not None and _bits(found) < _bits(best):
            best, values = found, values | {i: number}
    return best


def _with_values(f, corrected, start: list, values: dict) -> Factorization | None:
    """Lifts with some unknowns at given numbers, which have the residues of `start`."""
    p, shapes = f.ring.modulus, [x.shape for x in start]
    x, modulus = start, p
    for _ in range(2, MAX_STEPS + 1):
        flat = np.concatenate([hensel.wide(a, modulus, f.rank).ravel() for a in x])
        for i, number in values.items():
            inverse = pow(number.denominator, -1, modulus * p)
            flat[i] = number.numerator * inverse % (modulus * p)
        x = corrected(hensel.split(flat, shapes), modulus)
        if x is None:
            return None
        modulus *= p
        for read in (hensel.balanced, hensel.fractions):
            if found := _accepted(f, [read(a, modulus) for a in x]):
                return found
    return None


def _bits(f: Factorization) -> float:
    """Returns how long the coefficients are: the binary logarithms of all their parts."""
    return sum(math.log2(x) for x in _parts(f))


def _longest(f: Factorization) -> int:
    """Returns the largest numerator or denominator."""
    return max(_parts(f))


def _parts(f: Factorization) -> list[int]:
    entries = [Fraction(a) for x in f.factors for a in x.flat if a]
    return [abs(y) for a in entries for y in a.as_integer_ratio()]


def _lift_further(f: Factorization, corrected: hensel.Corrections, roots: list) -> Lift:
    """Lifts roots mod p² step by step, reading integers, then fractions, after each step."""
    p, reached = f.ring.modulus, 1
    for x in roots:
        modulus = p**2
        for step in range(3, MAX_STEPS + 1):
            x = corrected([hensel.wide(a, modulus, f.rank) for a in x], modulus)
            if x is None:
                break
            modulus *= p
            reached = max(reached, step)
            for read in (hensel.balanced, hensel.fractions):
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
    if not lifted.verify().ok:
        return None
    return lifted if lifted.is_integral or f.ring.modulus > 3 else _rescaled(lifted, f)


def _rescaled(lifted: Factorization, f: Factorization) -> Factorization:
    """Makes u and v primitive integer vectors with the residues of `f` mod 2 or 3.

    w takes the rest, so the result is integral wherever scales alone make it so.
    """
    p, (u, v, w) = f.ring.modulus, ([list(map(Fraction, t)) for t in x.T] for x in lifted.factors)
    for column, (a, b) in enumerate(zip(u, v, strict=True)):
        for x, residues in ((a, f.u[:, column]), (b, f.v[:, column])):
            content = Fraction(
                math.gcd(*(y.numerator for y in x)), math.lcm(*(y.denominator for y in x))
            )
            first = int(np.flatnonzero(residues)[0])
            if int(x[first] / content - int(residues[first])) % p:
                content = -content
            x[:] = [y / content for y in x]
            w[column] = [y * content for y in w[column]]
    u, v, w = (np.array(x, object).T for x in (u, v, w))
    return lifted.replace(u=u, v=v, w=w)
