"""Sums of rank-1 terms compared with a tensor in exact arithmetic."""

import fractions
import math
from collections.abc import Iterable, Sequence

import numpy as np

from alphatensor.factorization import gaussian

_EXACT_FLOAT64 = 2**53  # integers up to here are exact in float64
_EXACT_FLOAT32 = 2**24
_CHUNK_ENTRIES = 8_000_000  # of the Khatri-Rao product and of the tensor held at one time

Index = tuple[int, int, int]


def is_integral(factor: np.ndarray) -> bool:
    """Tells whether every entry of an array of exact numbers is an integer."""
    return factor.dtype != object or all(isinstance(x, int) for x in factor.flat)


def common_denominator(numbers: Iterable[int | fractions.Fraction]) -> int:
    """Returns the least positive integer whose products with the numbers are integers."""
    return math.lcm(*(fractions.Fraction(x).denominator for x in numbers))


def integer_columns(factor: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Scales each column of a (rows, R) array of integers and fractions to integers.

    Returns:
      The scaled columns, an object array (rows, R) of Python integers, and the R scales.
    """
    scales = [common_denominator(column) for column in factor.T]
    rows = [[int(x * s) for x, s in zip(row, scales, strict=True)] for row in factor]
    return np.array(rows, object), scales


def first_wrong_entry(
    factors: Sequence[np.ndarray], tensor: np.ndarray, modulus: int
) -> Index | None:
    """Returns the first index, in row-major order, at which Σ_r u_r ⊗ v_r ⊗ w_r is not the tensor.

    Args:
      factors: u, v, w, arrays (S, R) of exact numbers.
      tensor: integers (S_u, S_v, S_w).
      modulus: the prime of a modular ring, or 0.

    Returns:
      The index, or None where they agree.
    """
    if all(map(gaussian.is_real, factors)):
        return _first_difference(*_as_integers(factors), tensor, modulus)
    # (a + bi)(c + di)(e + fi) has the real part ace - adf - bcf - bde, and the imaginary part
    # ade + bce + acf - bdf.
    (a, b), (c, d), (e, f) = map(gaussian.parts, factors)
    reals = ((a, -a, -b, -b), (c, d, c, d), (e, f, f, e))
    imags = ((a, b, a, -b), (d, c, c, d), (e, e, f, f))
    found = [
        _first_difference(*_as_integers([np.hstack(x) for x in terms]), goal, modulus)
        for terms, goal in ((reals, tensor), (imags, np.zeros_like(tensor)))
    ]
    return min((x for x in found if x is not None), default=None)


def first_wrong_coefficient(
    factors: Sequence[np.ndarray], tensor: np.ndarray, modulus: int
) -> Index | None:
    """Returns the first (a, b, c), a ≤ b, where Σ_r (u_r·x)(v_r·x) w_r is another quadratic map.

    The coefficient of x_a x_b in entry c is T[a, b, c] + T[b, a, c], that of x_a² is T[a, a, c].

    Args:
      factors: u, v, w, arrays (S, R) of exact numbers; u and v of the same height.
      tensor: integers (S, S, S_w).
      modulus: the prime of a modular ring, or 0.

    Returns:
      The index, or None where the two maps have the same coefficients.
    """
    u, v, w = factors
    both = [np.hstack(x) for x in ((u, v), (v, u), (w, w))]
    found = [first_wrong_entry(both, tensor + np.swapaxes(tensor, 0, 1), modulus)]
    if modulus == 2:  # there x_a² has been counted twice, which is zero
        squares = np.einsum("ar,ar,cr->ac", u, v, w)
        wrong = np.argwhere((squares - np.einsum("aac->ac", tensor)) % 2)
        found += [(int(a), int(a), int(c)) for a, c in wrong[:1]]
    return min((x for x in found if x is not None), default=None)


def _as_integers(factors: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Returns integer factors and an L with Σ u' ⊗ v' ⊗ w' = L Σ u ⊗ v ⊗ w."""
    if all(map(is_integral, factors)):
        return list(factors), 1
    scaled, denominators = zip(*map(integer_columns, factors), strict=True)
    scale = math.lcm(*(math.prod(d) for d in zip(*denominators, strict=True)))
    u, v, w = scaled
    rest = np.array([scale // math.prod(d) for d in zip(*denominators, strict=True)], object)
    return [u, v, w * rest], scale


def _first_difference(factors, scale: int, tensor, modulus: int) -> tuple[int, int, int] | None:
    """Returns the first index, in row-major order, at which the sum is not scale·tensor."""
    rank = factors[0].shape[1]
    if modulus:  # MAX_RANK · MAX_MODULUS² is below 2^53
        return _first_difference_mod(factors, tensor, scale, modulus)
    extremes = [zip(f.max(0).tolist(), f.min(0).tolist(), strict=True) for f in factors]
    largest = [[max(high, -low) for high, low in columns] for columns in extremes]
    bound = sum(math.prod(column) for column in zip(*largest, strict=True))
    bound = max(bound, scale * max(1, int(tensor.max()), -int(tensor.min())))
    if bound < _EXACT_FLOAT64:
        return _first_difference_mod(factors, tensor, scale, 0, bound)
    differences = []
    product = 1
    for prime in _primes_below(math.isqrt(_EXACT_FLOAT64 // rank)):
        index = _first_difference_mod(factors, tensor, scale, prime)
        if index is not None:
            differences.append(index)
        product *= prime
        if product > 2 * bound:  # the sum and scale·tensor both lie in [-bound, bound]
            break
    return min(differences, default=None)


def _first_difference_mod(factors, tensor, scale, modulus: int, bound: int | None = None):
    """Does the same mod `modulus` (0: over the integers, with sums below `bound`)."""
    rank = factors[0].shape[1]
    unreduced = rank * (modulus - 1) ** 3 < _EXACT_FLOAT64  # also the products v·w
    if modulus:
        bound = rank * (modulus - 1) ** (3 if unreduced else 2)
    dtype = np.float32 if bound < _EXACT_FLOAT32 else np.float64
    if modulus:
        factors = [f % modulus for f in factors]
    u, v, w = (f.astype(dtype) for f in factors)
    size_u, size_v, size_w = tensor.shape
    rows = max(1, _CHUNK_ENTRIES // (max(rank, size_u) * size_w))
    first = None
    for start in range(0, size_v, rows):
        block = slice(start, min(start + rows, size_v))
        pairs = v[block, None, :] * w[None, :, :]
        if modulus and not unreduced:
            pairs %= modulus
        found = u @ pairs.reshape(-1, rank).T
        expected = tensor[:, block].reshape(size_u, -1)
        if scale != 1:
            expected = expected.astype(np.int64) * (scale % modulus if modulus else scale)
        wrong = (found.astype(np.int64) - expected) % modulus if modulus else found != expected
        if wrong.any():
            a, rest = divmod(int(np.argmax(wrong != 0)), wrong.shape[1])
            index = (a, start + rest // size_w, rest % size_w)
            first = index if first is None else min(first, index)
    return first


def _primes_below(limit: int):
    """Yields the primes below `limit`, falling."""
    for candidate in range(limit - 1, 2, -1):
        if all(candidate % d for d in range(2, math.isqrt(candidate) + 1)):
            yield candidate
