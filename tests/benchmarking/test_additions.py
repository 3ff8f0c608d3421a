"""The table of additions: its lines, its file and its formats."""

import csv

import pytest

from alphatensor import factorization as fz
from benchmarking import additions, report

STRASSEN = fz.strassen()


def test_table(tmp_path):
    line = dict(zip(additions.HEADER, additions.row(STRASSEN, 0, 5, 0), strict=True))
    assert (line["total"], line["annealed"], line["known"], line["distance"]) == (18, 18, 15, 3)
    line = dict(zip(additions.HEADER, additions.row(STRASSEN, 20_000, 5, 0), strict=True))
    assert (line["total"], line["annealed"], line["distance"]) == (18, 15, 0)
    report.write_csv(tmp_path / "new" / "x.csv", additions.HEADER, [line.values()])
    with open(tmp_path / "new" / "x.csv") as file:
        assert next(csv.DictReader(file))["format"] == "2x2x2"
    assert [x.name for x in (tmp_path / "new").iterdir()] == ["x.csv"]
    with pytest.raises(ValueError, match="'3x3'"):
        report.parse_format("3x3")
