"""Sums of blocks: integral programs, integers that wrap around, floats that cannot overflow."""

import random
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.factorization import library
from alphatensor.factorization.analysis import programs
from alphatensor.factorization.analysis.straight_line import additions, straight_line
from alphatensor.kernels import compile_matmul, sums

MATRIX = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [-2, -2, 0, 0], [0, 0, 0, 0]])


def on_numbers(program: sums.Sums, numbers) -> list:
    """Evaluates a program on exact numbers."""
    symbols = list(numbers)
    for i, b, j, c in program.steps:
        symbols.append(b * symbols[i] + c * symbols[j])
    return [scale * symbols[symbol] for symbol, scale in program.outputs]


def test_programs_are_evaluated():
    parts = [jnp.full((2, 3), 10**k, jnp.int32) for k in range(4)]
    for make in (sums.shared, sums.alone):
        found = sums.evaluate(make(MATRIX), parts, jnp.int32)
        assert [int(x[0, 0]) for x in found.blocks[:3]] == [111, 1011, -22]
        assert found.blocks[3] is None and found.halvings == [0] * 4


def test_additions_are_shared_where_the_straight_line_program_shares_them():
    f = fz.strassen()
    assert sum(additions(f)) == 18
    assert len(sums.shared(f.u.T).steps) == len(straight_line(f.u.T).steps)
    assert len(sums.shared(MATRIX).steps) == 3 < len(sums.alone(MATRIX).steps) == 5


def test_programs_that_an_algorithm_keeps_are_used():
    f = library.load_best("3x3x3")  # what is found for its matrices has more additions
    count = [len(x.steps) for x in sums.of_factors(f)]
    assert sum(count) == programs.kept_additions(f) < sum(additions(f.replace(provenance={})))
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.integers(-9, 9, (6, 6))) for _ in range(2))
    np.testing.assert_array_equal(compile_matmul(f, schedule="unrolled")(a, b), a @ b)


@pytest.mark.parametrize("seed", range(40))
def test_programs_of_integral_matrices_are_integral(seed):
    rng = random.Random(seed)
    shape = rng.randint(1, 9), rng.randint(2, 7)
    matrix = np.array(
        [[rng.choice((0, 0, 1, -1, 2, -2, 3, 6)) for _ in range(shape[1])] for _ in range(shape[0])]
    )
    program = sums.shared(matrix)
    numbers = [b for _, b, _, _ in program.steps] + [c for *_, c in program.steps]
    assert all(Fraction(x).denominator == 1 for x in (*numbers, *dict(program.outputs).values()))
    units = np.eye(shape[1], dtype=object)
    np.testing.assert_array_equal([x + 0 * units[0] for x in on_numbers(program, units)], matrix)


def test_fractions_stay_where_the_matrix_has_some():
    matrix = np.array([[Fraction(1, 2), 1], [1, 2]], object)
    assert on_numbers(sums.shared(matrix), (2, 3)) == [4, 8]


@pytest.mark.parametrize("make", [sums.shared, sums.alone])
def test_sums_of_floats_stay_below_the_largest_entry(make):
    largest = np.finfo(np.float32).max
    parts = [jnp.full((2, 2), sign * largest, jnp.float32) for sign in (1, 1, -1, 1)]
    found = sums.evaluate(make(MATRIX), parts, jnp.float32)
    expected = [1, 3, -4]  # of the largest
    for block, halved, factor in zip(found.blocks, found.halvings, expected, strict=False):
        np.testing.assert_allclose(block, largest * (factor / 2**halved), rtol=1e-6)


def test_a_row_of_one_block_is_that_block():
    x, y = (jnp.full((1, 1), 3e38, jnp.float32) for _ in range(2))
    found = sums.evaluate(sums.shared(np.array([[1, 0], [0, -1], [1, 1]])), (x, y), jnp.float32)
    assert found.blocks[0] is x and found.halvings == [0, 0, 1]
    assert float(found.blocks[1][0, 0]) == float(-y[0, 0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_coefficients_wrap_around_like_integers(dtype):
    x = jnp.asarray([100, 7], dtype)
    for c in (-1, -3, 300, 2**40 + 5):
        expected = (np.asarray([100, 7], object) * c) % 2 ** jnp.iinfo(dtype).bits
        unsigned = np.asarray(sums.scaled(x, c)).astype(f"u{dtype.lstrip('u')}")
        np.testing.assert_array_equal(unsigned.astype(object), expected)
