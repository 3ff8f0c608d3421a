"""Every place that counts shared additions counts the same."""

import pathlib

import pytest

from alphatensor import factorization as fz
from alphatensor.factorization import analysis, library
from alphatensor.factorization.analysis import straight_line
from alphatensor.flip_graph import refinement
from benchmarking import additions

FOLDER = pathlib.Path(__file__).parents[2] / "factorizations"


@pytest.mark.parametrize("name", ["2x2x2_Z", "2x3x3_Z", "3x3x3_Z", "4x4x4_Z", "4x4x4_Z2"])
def test_one_file_has_one_number_of_shared_additions(name):
    """The index, `measure`, refinement and the benchmark agree, with the trials they default to."""
    f = fz.load(FOLDER / f"{name}.npz")[0]
    number = library.index(FOLDER)[name]["additions_shared"]
    assert sum(analysis.additions(f)) == analysis.measure(f).additions_shared == number
    if not f.ring.is_modular:
        assert refinement.cost(f).additions == number
        line = dict(
            zip(additions.HEADER, additions.row(f, 0, straight_line.TRIALS, 0), strict=True)
        )
        assert line["total"] == number
