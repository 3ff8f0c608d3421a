"""Shared sums: transposed programs, the walk through the orbit, the table's command."""

import csv

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import orbit, straight_line
from benchmarking import additions, report

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


def test_walk_finds_fifteen_additions():
    found = orbit.fewer_additions(STRASSEN, tries=600)
    assert sum(straight_line.additions(STRASSEN)) == 18
    assert sum(straight_line.additions(found)) == 15
    assert found.verify().ok and found.rank == 7


def test_walk_keeps_what_it_cannot_better_and_refuses_other_rings():
    assert orbit.fewer_additions(STRASSEN, tries=0) is STRASSEN
    with pytest.raises(ValueError, match="integer factors"):
        orbit.fewer_additions(fz.reduce_mod(STRASSEN, 2))


def test_table(tmp_path):
    line = dict(zip(additions.HEADER, additions.row(STRASSEN, 0, 5, 0), strict=True))
    assert (line["total"], line["searched"], line["known"], line["distance"]) == (18, 18, 15, 3)
    report.write_csv(tmp_path / "new" / "x.csv", additions.HEADER, [line.values()])
    with open(tmp_path / "new" / "x.csv") as file:
        assert next(csv.DictReader(file))["format"] == "2x2x2"
    assert [x.name for x in (tmp_path / "new").iterdir()] == ["x.csv"]
    with pytest.raises(ValueError, match="'3x3'"):
        report.parse_format("3x3")
