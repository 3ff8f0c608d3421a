"""Straight-line programs as files have them: built from sums, evaluated, kept with an algorithm.

A file may say how an algorithm's sums are formed with fewer additions than anyone finds again. Such
programs travel in the provenance of its factorization, as `programs`; whoever reads them evaluates
them, and takes them only where they give the algorithm's matrices.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from alphatensor import limits
from alphatensor.factorization.core import Factorization

Number = int | Fraction
Sum = Sequence[tuple[int, Number]]  # (symbol, coefficient) of each term

_TOO_LARGE = 10**limits.MAX_DIGITS


class Program(NamedTuple):
    """Additions in order: step s forms symbol `inputs + s` = x_i + c·x_j from (i, j, c).

    Attributes:
      inputs: the number of inputs, which are the symbols from 0 on.
      steps: (i, j, c) for each addition.
      outputs: (symbol, scale) for each row of the matrix, or (-1, 0) for an empty row.
    """

    inputs: int
    steps: tuple[tuple[int, int, Number], ...]
    outputs: tuple[tuple[int, Number], ...]


def build(inputs: int, shared: Sequence[Sum], rows: Sequence[Sum]) -> Program:
    """Makes a program of sums with any number of terms.

    Args:
      inputs: the number of inputs, symbols 0, 1, ...
      shared: sums of inputs and of earlier shared sums; the k-th is symbol inputs + k.
      rows: sums of inputs and shared sums, one for each output.

    Raises:
      ValueError: for a symbol that is not defined before, or numbers that grow too large.
    """
    steps: list[tuple[int, int, Number]] = []
    scaled: list[tuple[int, Number]] = [(i, 1) for i in range(inputs)]

    def total(terms: Sum) -> tuple[int, Number]:
        found: tuple[int, Number] = (-1, 0)
        for symbol, coefficient in terms:
            if not 0 <= symbol < len(scaled):
                raise ValueError(f"symbol {symbol}: expected one of {len(scaled)} before it.")
            other, scale = scaled[symbol][0], _checked(scaled[symbol][1] * coefficient)
            if other < 0 or scale == 0:
                continue
            if found[0] < 0:
                found = (other, scale)
            else:
                ratio = Fraction(scale) / Fraction(found[1])
                steps.append((found[0], other, _simple(_checked(ratio))))
                found = (inputs + len(steps) - 1, found[1])
        return found

    for terms in shared:
        scaled.append(total(terms))
    outputs = tuple(total(terms) for terms in rows)
    return Program(inputs, tuple(steps), outputs)


def widened(program: Program, inputs: int) -> Program:
    """Returns a program with more inputs than it uses."""
    more = inputs - program.inputs

    def moved(symbol: int) -> int:
        return symbol + more if symbol >= program.inputs else symbol

    steps = tuple((moved(i), moved(j), c) for i, j, c in program.steps)
    outputs = tuple((moved(symbol), scale) for symbol, scale in program.outputs)
    return Program(inputs, steps, outputs)


def matrix(program: Program) -> np.ndarray:
    """Returns the matrix (outputs, inputs) that a program evaluates.

    Raises:
      ValueError: for numbers that grow too large, or too much work.
    """
    values: list[dict[int, Number]] = [{i: 1} for i in range(program.inputs)]
    work = 0
    for i, j, c in program.steps:
        total = dict(values[i])
        for k, x in values[j].items():
            total[k] = _checked(total.get(k, 0) + c * x)
        work += len(total)
        if work > limits.MAX_PROGRAM:
            raise ValueError(f"a program of more than {limits.MAX_PROGRAM:,} terms, the limit.")
        values.append(total)
    result = np.zeros((len(program.outputs), program.inputs), object)
    for row, (symbol, scale) in zip(result, program.outputs, strict=True):
        for k, x in values[symbol].items() if symbol >= 0 else ():
            row[k] = _simple(_checked(scale * x))
    return result


def record(programs: Sequence[Program]) -> dict[str, Any]:
    """Returns programs for u, v, w as JSON can hold them, for the provenance's `programs`."""
    return {
        name: {
            "inputs": p.inputs,
            "steps": [[i, j, _text(c)] for i, j, c in p.steps],
            "outputs": [[symbol, _text(scale)] for symbol, scale in p.outputs],
        }
        for name, p in zip("uvw", programs, strict=True)
    }


def kept(f: Factorization) -> tuple[Program, Program, Program] | None:
    """Returns the programs for u.T, v.T and w in `f`'s provenance, if they give these matrices."""
    given = f.provenance.get("programs")
    if not given:
        return None
    try:
        found = tuple(_program(given[name]) for name in "uvw")
        matrices = [f.ring.reduce(matrix(p)) for p in found]
    except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError):
        return None
    wanted = (f.u.T, f.v.T, f.w)
    return found if all(map(np.array_equal, matrices, wanted)) else None


def kept_additions(f: Factorization) -> int | None:
    """Counts the additions of the programs that `f` keeps; None where it keeps none."""
    found = kept(f)
    return sum(len(p.steps) for p in found) if found else None


def _program(given: dict[str, Any]) -> Program:
    inputs = int(given["inputs"])
    steps = tuple((int(i), int(j), _number(c)) for i, j, c in given["steps"])
    outputs = tuple((int(symbol), _number(scale)) for symbol, scale in given["outputs"])
    if not 1 <= inputs <= limits.MAX_ENTRIES or inputs * len(outputs) > limits.MAX_ENTRIES:
        raise ValueError("inputs: out of range.")
    for s, (i, j, _) in enumerate(steps):
        if not (0 <= i < inputs + s and 0 <= j < inputs + s):
            raise ValueError("a step of what comes later.")
    if not all(-1 <= symbol < inputs + len(steps) for symbol, _ in outputs):
        raise ValueError("an output of what there is not.")
    return Program(inputs, steps, outputs)


def _number(x: Any) -> Number:
    return _simple(_checked(Fraction(x)))


def _text(x: Number) -> int | str:
    return x if isinstance(x, int) else str(x)


def _simple(x: Number) -> Number:
    return int(x) if x.denominator == 1 else x


def _checked(x: Number) -> Number:
    if abs(x.numerator) >= _TOO_LARGE or x.denominator >= _TOO_LARGE:
        raise ValueError(f"a number of more than {limits.MAX_DIGITS} digits.")
    return x
