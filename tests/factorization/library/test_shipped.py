"""The two calls over the library: one algorithm by its name or file, and the table."""

import numpy as np
import pytest

import alphatensor
from alphatensor import factorization as fz
from alphatensor.factorization import library

STRASSEN = fz.strassen()


def test_the_best_is_loaded_by_name_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2x2x2").write_text("a file of this name is not asked for")
    f = alphatensor.load("4x5x5")
    assert f.rank == library.verified_ranks(library.default_folder(), "Z", 5)[4, 5, 5]
    assert alphatensor.load("2x2x2").rank == 7
    assert alphatensor.load("5x4x5", ring="Z2").sizes == (5, 4, 5)


def test_a_folder_of_ones_own_takes_precedence(tmp_path):
    library.add(tmp_path, fz.naive((2, 2, 2), STRASSEN.ring))
    assert alphatensor.load("2x2x2", folder=tmp_path).rank == 8
    assert alphatensor.load("2x2x3", folder=tmp_path).rank == 11  # which that folder lacks
    own, ours = alphatensor.library(tmp_path), alphatensor.library()
    assert own["2x2x2"]["Z"] == 8 and ours["2x2x2"]["Z"] == 7
    assert own.keys() == ours.keys() and own["2x2x3"] == ours["2x2x3"]


def test_over_q_the_better_of_both_kinds_is_loaded(tmp_path):
    shear, same = fz.exact_array([[1, 0.5], [0, 1]]), np.eye(2, dtype=int)
    with_fractions = fz.sandwich(STRASSEN, shear, same, same)
    assert with_fractions.domain == "Q"
    library.add(tmp_path, with_fractions)
    assert alphatensor.load("2x2x2", "Q", tmp_path).domain == "Q"
    assert alphatensor.load("2x2x2", "Z", tmp_path).domain == "Z"
    assert alphatensor.load("3x3x3", "Q").rank == 23
    assert alphatensor.library(tmp_path)["2x2x2"] == {"Z": 7, "Z2": 7, "Q": 7}


def test_a_path_is_a_file_with_one_exact_algorithm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fz.save("mine.npz", STRASSEN)
    for path in ("mine.npz", "./mine.npz", tmp_path / "mine.npz"):
        np.testing.assert_array_equal(alphatensor.load(path).u, STRASSEN.u)
    fz.save("two.npz", [STRASSEN, STRASSEN])
    with pytest.raises(fz.FileError, match="^two.npz: 2 factorisations, expected one; "):
        alphatensor.load("two.npz")
    u = STRASSEN.u.copy()
    u[0, 0] = 5
    fz.save("wrong.npz", STRASSEN.replace(u=u))
    with pytest.raises(fz.FileError, match="^wrong.npz: .*not a factorisation"):
        alphatensor.load("wrong.npz")
    with pytest.raises(fz.FileError, match="^missing.npz: no such file"):
        alphatensor.load("missing.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("4x5",), "expected three positive sizes such as '2x2x3'"),
        (("strassen",), "'strassen': expected a target such as '2x2x3'"),
        (("2x2x2", "R"), "ring 'R': expected 'Z'"),
        (("2x2x2", "Z7"), "has none over Z7"),
        (("31x2x2",), "31x2x2: the library .* has none over Z"),
    ],
)
def test_mistakes_get_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        alphatensor.load(*arguments)
    assert "\n" not in str(error.value)


def test_the_table_is_read_and_printed():
    table = alphatensor.library(largest=3)
    assert list(table) == ["2x2x2", "2x2x3", "2x3x3", "3x3x3"]
    assert table["3x3x3"]["Z"] == 23
    lines = str(table).splitlines()
    assert lines[0].split()[:4] == ["format", "naive", "here", "Z"] and len(lines) == 5
    assert lines[-1].split() == ["3x3x3", "27", "23", "23", "23", "23"]
    assert max(map(len, lines)) < 80
