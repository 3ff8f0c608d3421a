"""Sums of blocks: programs whose coefficients are integers, and which cannot overflow in floats.

The rows of a matrix of coefficients are evaluated on blocks. Straight-line programs share additions
but take fractional steps, x + y/3 and later three times that, which integers cannot hold and which
round floats that are integers. Here every step is b·x + c·y: an integral matrix gets integral b, c.

Floats are halved often enough that no sum is larger than the largest entry of the blocks. Halving
is exact, unless an entry falls below the dtype's normal range, and happens in the pass that adds.
"""

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import straight_line
from alphatensor.factorization.analysis.programs import Program

Number = int | Fraction


class Sums(NamedTuple):
    """A program that evaluates the rows of a matrix (rows, inputs).

    Attributes:
      inputs: the number of blocks, which are the symbols from 0 on.
      steps: (i, b, j, c) for each further symbol, b·x_i + c·x_j of earlier ones.
      outputs: (symbol, scale) for each row, or (-1, 0) for an empty one.
    """

    inputs: int
    steps: tuple[tuple[int, Number, int, Number], ...]
    outputs: tuple[tuple[int, Number], ...]


class Halved(NamedTuple):
    """Sums of blocks that were halved to keep them small.

    Attributes:
      blocks: one block for each row, or None for an empty one.
      halvings: for each row, how often it was halved: the sum is block · 2^halvings.
    """

    blocks: list[jax.Array | None]
    halvings: list[int]


def shared(matrix: np.ndarray) -> Sums:
    """Returns a program in which rows share additions; integral where the matrix is.

    Args:
      matrix: (rows, inputs) of integers or fractions.
    """
    return _integral(straight_line.straight_line(matrix), matrix)


def of_factors(f: Factorization) -> tuple[Sums, Sums, Sums]:
    """Returns programs for u.T, v.T and w: those that the algorithm keeps, or what is found."""
    found = zip(straight_line.soon(f), (f.u.T, f.v.T, f.w), strict=True)
    return tuple(_integral(program, matrix) for program, matrix in found)


def _integral(program: Program, matrix: np.ndarray) -> Sums:
    """Returns the sums of a program for a matrix, in integers where that is integral."""
    as_given = Sums(
        program.inputs, tuple((i, 1, j, c) for i, j, c in program.steps), program.outputs
    )
    if not _is_integral(x for row in np.asarray(matrix).tolist() for x in row):
        return as_given
    primitive = _primitive(as_given)
    is_integral = _is_integral(scale for _, scale in primitive.outputs)
    # A transposed program may need fractions even so; then nothing is shared.
    return primitive if is_integral else alone(matrix)


def alone(matrix: np.ndarray) -> Sums:
    """Returns the program that sums each row of a matrix (rows, inputs) by itself."""
    steps, outputs = [], []
    inputs = np.shape(matrix)[1]
    for row in np.asarray(matrix).tolist():
        terms = [(j, x) for j, x in enumerate(row) if x]
        symbol, scale = terms[0] if terms else (-1, 0)
        for j, x in terms[1:]:
            steps.append((symbol, scale, j, x))
            symbol, scale = inputs + len(steps) - 1, 1
        outputs.append((symbol, scale))
    return Sums(inputs, tuple(steps), tuple(outputs))


def _primitive(sums: Sums) -> Sums:
    """Scales every step so that its two coefficients are integers without a common factor."""
    units: list[Number] = [1] * sums.inputs  # new symbol / old symbol
    steps = []
    for i, b, j, c in sums.steps:
        b, c = Fraction(b) / units[i], Fraction(c) / units[j]
        denominator = math.lcm(b.denominator, c.denominator)
        unit = Fraction(denominator, math.gcd(int(b * denominator), int(c * denominator)))
        steps.append((i, int(b * unit), j, int(c * unit)))
        units.append(unit)
    outputs = tuple(
        (symbol, Fraction(scale) / units[symbol] if symbol >= 0 else 0)
        for symbol, scale in sums.outputs
    )
    return Sums(sums.inputs, tuple(steps), outputs)


def _is_integral(numbers) -> bool:
    return all(Fraction(x).denominator == 1 for x in numbers)


def evaluate(
    sums: Sums, blocks: Sequence[jax.Array], dtype, doublings: Sequence[int] = ()
) -> Halved:
    """Returns the sums of blocks in a dtype; those of floats are halved where they could grow.

    No block that is formed has an entry above the largest one of `blocks`. A row that is one block,
    or its negative, is that block. Integers are not halved; their sums wrap around.

    Args:
      sums: what is evaluated.
      blocks: arrays of one shape and dtype.
      dtype: dtype of the sums.
      doublings: how often each block was halved before; its true value is block · 2^doublings.
    """
    doublings = tuple(doublings) or (0,) * sums.inputs
    common, halved = 0, (0,) * len(sums.outputs)
    if jnp.issubdtype(dtype, jnp.inexact):
        common, halved = halvings(sums, doublings)
    symbols = [x.astype(dtype) for x in blocks]
    # Halving a symbol that is a block already happens where it is used: no pass of its own.
    powers = [d - common for d in doublings] + [0] * len(sums.steps)
    for i, b, j, c in sums.steps:
        b, c = times_power(b, powers[i]), times_power(c, powers[j])
        symbols.append(combined(symbols[i], b, symbols[j], c))
    found = []
    for (symbol, scale), times in zip(sums.outputs, halved, strict=True):
        power = powers[symbol] + common - times
        found.append(scaled(symbols[symbol], times_power(scale, power)) if symbol >= 0 else None)
    return Halved(found, list(halved))


@functools.lru_cache(maxsize=1024)
def halvings(sums: Sums, doublings: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Returns how often `evaluate` halves the blocks of steps, and how often each row."""
    bounds: list[Number] = [2**d for d in doublings]
    for i, b, j, c in sums.steps:
        bounds.append(abs(b) * bounds[i] + abs(c) * bounds[j])
    rows = [abs(scale) * bounds[symbol] for symbol, scale in sums.outputs if symbol >= 0]
    common = exponent_above(max([1, *bounds[sums.inputs :], *rows]))
    return common, tuple(
        0 if symbol < 0 or (symbol < sums.inputs and abs(scale) * bounds[symbol] == 1) else common
        for symbol, scale in sums.outputs
    )


def exponent_above(bound: Number) -> int:
    """Returns the least e with bound <= 2^e, for a bound of at least 1."""
    return (math.ceil(bound) - 1).bit_length()


def times_power(c: Number, power: int) -> Number:
    """Returns c · 2^power; c itself, not a Fraction, where the power is 0."""
    return c * Fraction(2) ** power if power else c


def scaled(x: jax.Array, c: Number) -> jax.Array:
    """Returns c·x; without a multiplication where c is 1 or -1, modulo overflow for integers."""
    if c in (1, -1):
        return x if c == 1 else -x
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return x * float(c)
    information = jnp.iinfo(x.dtype)
    wrapped = int(c) % 2**information.bits
    wrapped -= 2**information.bits if wrapped > int(information.max) else 0
    return x * jnp.asarray(wrapped, x.dtype)


def combined(x: jax.Array, b: Number, y: jax.Array, c: Number) -> jax.Array:
    """Returns b·x + c·y, in which both are scaled before they are added."""
    # XLA makes (x + y)·b of x·b + y·b, which may overflow, but leaves x·b - y·(-b) alone.
    return add(scaled(x, b), y, c) if b != c or abs(b) == 1 else scaled(x, b) - scaled(y, -c)


def add(x: jax.Array, y: jax.Array, c: Number) -> jax.Array:
    """Returns x + c·y; a subtraction where c is -1."""
    return x - y if c == -1 else x + scaled(y, c)
