"""Grids of blocks and the straight-line programs that sum them."""

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import straight_line
from alphatensor.kernels import blocks

STRASSEN = fz.strassen()


def test_blocks_are_split_and_joined_and_must_divide():
    x = jnp.arange(24).reshape(4, 6)
    parts = blocks.split(x, 2, 3)
    assert [int(part[0, 0]) for part in parts] == [0, 2, 4, 12, 14, 16]
    np.testing.assert_array_equal(blocks.join(parts, 2, 3), x)
    with pytest.raises(AssertionError):
        blocks.split(x, 3, 3)


def test_programs_are_evaluated():
    matrix = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [-2, -2, 0, 0], [0, 0, 0, 0]])
    parts = [jnp.full((2, 3), 10**k, jnp.int32) for k in range(4)]
    sums = blocks.evaluate(straight_line.straight_line(matrix), parts, jnp.int32)
    assert [int(x[0, 0]) for x in sums] == [111, 1011, -22, 0]
    one_by_one = [blocks.combine(row, parts, jnp.int32) for row in matrix]
    assert [int(x[0, 0]) for x in one_by_one[:3]] == [111, 1011, -22] and one_by_one[3] is None


def test_addition_counts():
    assert sum(straight_line.additions(STRASSEN)) == 18
    unshared = straight_line.straight_line(STRASSEN.u.T, trials=0)
    assert len(unshared.steps) == 5
    matrix = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [-2, -2, 0, 0]])
    program = straight_line.straight_line(matrix)
    assert len(program.steps) == 3
    x = list(np.eye(4, dtype=int))
    for i, j, c in program.steps:
        x.append(x[i] + int(c) * x[j])
    np.testing.assert_array_equal([int(c) * x[s] for s, c in program.outputs], matrix)
