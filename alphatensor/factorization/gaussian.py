"""Gaussian rationals a + b·i, as exact as Python's integers and fractions.

Only numbers with b ≠ 0 are `Gaussian`; all others stay integers and fractions, so that an array
holds a `Gaussian` where, and only where, a coefficient is not real.
"""

import fractions

import numpy as np

Real = int | fractions.Fraction


class Gaussian:
    """A number real + imag·i that is not real; immutable, and made by `make`."""

    __slots__ = ("imag", "real")

    def __init__(self, real: Real, imag: Real):
        object.__setattr__(self, "real", real)
        object.__setattr__(self, "imag", imag)

    def __setattr__(self, name, value):
        raise AttributeError(f"{name}: a Gaussian number cannot be changed.")

    def __add__(self, other):
        return make(self.real + real(other), self.imag + imag(other))

    def __mul__(self, other):
        a, b, c, d = self.real, self.imag, real(other), imag(other)
        return make(a * c - b * d, a * d + b * c)

    def __neg__(self):
        return Gaussian(-self.real, -self.imag)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other):
        return (self.real, self.imag) == (real(other), imag(other))

    def __hash__(self):
        return hash((self.real, self.imag))

    def __str__(self) -> str:
        """Returns text such as `'(1/2-3*I)'`, as Mathematica and Maple read it."""
        sign = "-" if self.imag < 0 else "+"
        size = abs(self.imag)
        unit = "I" if size == 1 else f"{size}*I"
        if not self.real:
            return f"({'-' if self.imag < 0 else ''}{unit})"
        return f"({self.real}{sign}{unit})"

    __repr__ = __str__


def make(real: Real, imag: Real) -> Real | Gaussian:
    """Returns real + imag·i, as an integer or a fraction where it is one."""
    if imag == 0:
        return simplified(real)
    return Gaussian(simplified(real), simplified(imag))


def real(x) -> Real:
    """Returns the real part of an exact number."""
    return x.real if isinstance(x, Gaussian) else x


def imag(x) -> Real:
    """Returns the imaginary part of an exact number."""
    return x.imag if isinstance(x, Gaussian) else 0


def simplified(x: Real) -> Real:
    """Returns a number as an integer where it is one."""
    return x if isinstance(x, fractions.Fraction) and x.denominator != 1 else int(x)


def is_real(array: np.ndarray) -> bool:
    """Tells whether an array of exact numbers holds no `Gaussian`."""
    return array.dtype != object or not any(isinstance(x, Gaussian) for x in array.flat)


def parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the real and the imaginary parts of an array of exact numbers, as object arrays."""
    both = np.empty((2, array.size), object)
    for k, part in enumerate((real, imag)):
        both[k] = [part(x) for x in array.astype(object).flat]
    return both[0].reshape(array.shape), both[1].reshape(array.shape)


def join(reals: np.ndarray, imags: np.ndarray) -> np.ndarray:
    """Returns reals + imags·i, an object array of exact numbers."""
    result = np.empty(reals.size, object)
    pairs = zip(reals.astype(object).flat, imags.astype(object).flat, strict=True)
    result[:] = [make(a, b) for a, b in pairs]
    return result.reshape(reals.shape)
