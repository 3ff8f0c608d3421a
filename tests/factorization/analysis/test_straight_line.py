"""Straight-line programs: shared sums are found, transposed programs are right."""

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import analysis
from alphatensor.factorization.analysis import costs, straight_line

STRASSEN = fz.strassen()


def evaluate(program):
    x = list(np.eye(program.inputs, dtype=object))
    for i, j, c in program.steps:
        x.append(x[i] + c * x[j])
    return np.array([c * x[s] if s >= 0 else 0 * x[0] for s, c in program.outputs])


@pytest.mark.parametrize("seed", range(4))
def test_transposed_program_evaluates_the_transpose(seed):
    matrix = np.random.default_rng(seed).integers(-2, 3, (7, 5)).astype(object)
    matrix[2], matrix[:, 1] = 0, 0  # rows and columns that hold nothing
    program = straight_line.straight_line(matrix)
    np.testing.assert_array_equal(evaluate(program), matrix)
    np.testing.assert_array_equal(evaluate(straight_line.transposed(program)), matrix.T)


def test_transposition_counts():
    matrix = fz.kronecker(STRASSEN, STRASSEN).w
    program = straight_line.straight_line(matrix)
    back = straight_line.transposed(program)
    rows, inputs = matrix.shape
    assert len(program.steps) == len(back.steps) + inputs - rows
    np.testing.assert_array_equal(evaluate(program), matrix)


def test_shared_sums_are_found():
    """Rows x+y+z, x+y-z, 2x+2y need 1 + 1 + 1 additions, not 5."""
    target = targets.Target("rows", np.ones((3, 1, 1), np.int32))
    u = np.array([[1, 1, 2], [1, 1, 2], [1, -1, 0]])
    ones = np.ones((1, 3), int)
    f = fz.Factorization(target, rings.Integers(), u, ones, ones)
    assert costs.additions_naive(f) == 5 + 2 and sum(analysis.additions(f)) == 3 + 2
