"""Curves: rows of different names go to CSV and come back; the picture is a PNG."""

import io

import pytest

from alphatensor.training import curves

ROWS = [
    {"seconds": 1.5, "updates": 10, "rounds": 0, "loss/policy": 2.0},
    {"seconds": 3.0, "updates": 20, "rounds": 1, "loss/policy": 1.0, "games/solved": 0.5},
]


def test_rows_come_back(tmp_path):
    (tmp_path / curves.NAME).write_text(curves.to_csv(ROWS))
    assert curves.read(tmp_path) == ROWS
    assert isinstance(curves.read(tmp_path)[0]["updates"], int)


def test_no_file_is_no_rows(tmp_path):
    assert curves.read(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"seconds,updates,rounds\n1,x,1\n",
        b"seconds,updates,rounds\n1,2\n",
        b"seconds,updates,rounds\n1,2,3,4\n",
        b"a,b\n1,2\n",
        b"\xff\xfe\0",
    ],
)
def test_another_file_is_named(tmp_path, content):
    (tmp_path / curves.NAME).write_bytes(content)
    with pytest.raises(ValueError, match="curves.csv: not the curves of a run") as caught:
        curves.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_picture_is_a_png():
    file = io.BytesIO()
    curves.draw(ROWS, file)
    assert file.getvalue().startswith(b"\x89PNG")


def test_runs_on_sums_have_panels_of_their_own():
    names = {"loss/policy", "terms_3/solved", "terms_3/changed", "terms_3/shorter"}
    assert curves.panels(names) == curves.PANELS
    shown = dict(curves.panels(names | {"ranks/2x2x2_best", "ranks/2x2x2_mean"}))
    assert ("terms_3/changed", "terms_3/solved") in shown.values()
    assert ("ranks/2x2x2_best", "ranks/2x2x2_mean") in shown.values()
    rows = [{"seconds": 1.0, "terms_3/solved": 0.5, "ranks/2x2x2_best": 7.0}]
    file = io.BytesIO()
    curves.draw(rows, file)
    assert file.getvalue().startswith(b"\x89PNG")
