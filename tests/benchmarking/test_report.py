"""What the benchmarks share: tables and figures appear whole, mistakes are named."""

import csv

import pytest
from matplotlib.figure import Figure

from benchmarking import report


def test_tables_of_rows_and_of_records_are_the_same(tmp_path):
    report.write_csv(tmp_path / "new" / "a.csv", ("x", "y"), [(1, "one"), (2, "two, three")])
    report.write_records(tmp_path / "b.csv", [{"x": 1, "y": "one"}, {"x": 2, "y": "two, three"}])
    text = (tmp_path / "new" / "a.csv").read_text()
    assert text == (tmp_path / "b.csv").read_text() and text.splitlines()[0] == "x,y"
    with open(tmp_path / "b.csv", newline="") as file:
        assert list(csv.DictReader(file))[1] == {"x": "2", "y": "two, three"}
    assert [x.name for x in (tmp_path / "new").iterdir()] == ["a.csv"]


def test_figures_are_png(tmp_path):
    report.write_figure(tmp_path / "a.png", Figure())
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_folders_that_cannot_be_made_are_named(tmp_path):
    assert report.make_folder(str(tmp_path / "a/b")).is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"--output=.*file/x"):
        report.make_folder(str(tmp_path / "file/x"))
