"""Tables of ranks: what they show, and that the library's own is up to date."""

import csv
import pathlib
from fractions import Fraction

import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization.library import additions_table, store, structured_table, tables

FOLDER = pathlib.Path(__file__).parents[3] / "factorizations"


def test_tables_show_the_librarys_ranks_beside_published_ones(tmp_path):
    store.add(tmp_path, fz.strassen())
    first, second, *_ = tables.rows(tmp_path, 3)
    assert first == ("2x2x2", "8", "", "7", "", "7", "7", "7", "7", "7", "7")
    assert second[:4] == ("2x2x3", "12", "", "") and len(tables.rows(tmp_path, 3)) == 4
    tables.write(tmp_path / "t.md", tmp_path, 3)
    assert (tmp_path / "t.md").read_text() == tables.text(tmp_path, 3, markdown=True)
    tables.write(tmp_path / "t.txt", tmp_path, 3)
    assert (tmp_path / "t.txt").read_text() == tables.text(tmp_path, 3)
    tables.write(tmp_path / "t.csv", tmp_path, 3)
    with open(tmp_path / "t.csv", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["format"] for row in read] == ["2x2x2", "2x2x3", "2x3x3", "3x3x3"]
    assert read[3]["known ZT"] == "23" and read[0]["here Z"] == "7" and read[0]["here Q"] == ""
    tables.write(tmp_path / "t.png", tmp_path, 3)
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_the_projects_table_is_up_to_date():
    """Its command: `experiments.factorizations table --max=16 --output=factorizations/ranks.md`."""
    assert (FOLDER / "ranks.md").read_text() == tables.text(FOLDER, 16, markdown=True)


def test_structured_products_show_fractions_where_they_help(tmp_path):
    half = Fraction(1, 2)
    u = [[-1, -1, 1, 0, 0], [-1, 1, 0, -1, -1], [0, 0, -1, -1, 0]]
    v = [[-1, -1, 0, 0, -1], [-1, 1, 1, -1, 0], [0, 0, 0, -1, 1]]
    w = [
        [half, half, 0, 0, 0],
        [half, -half, -1, 0, 0],
        [half, -half, 0, 0, -1],
        [-half, half, 1, 1, 1],
    ]
    target = targets.parse("ss2")
    five = fz.Factorization(target, rings.Integers(), u, v, np.array(w, object))
    store.add(tmp_path, five)
    store.add(tmp_path, fz.entrywise(target, rings.Integers()))
    what = "symmetric · symmetric"
    (row,) = structured_table.rows(tmp_path)
    assert row == ("ss2", what, "7", "", "7", "5", "6", "5", "")
    store.add(tmp_path, store.find(FOLDER, "ss2"))
    assert structured_table.rows(tmp_path)[0][4:6] == ("6", "5")


def test_the_projects_table_of_additions_is_up_to_date():
    """Its command: `factorizations additions --output=factorizations/additions.md`."""
    assert (FOLDER / "additions.md").read_text() == additions_table.text(FOLDER)


def test_the_projects_structured_table_is_up_to_date():
    """Its command: `factorizations structured --output=factorizations/structured.md`."""
    assert (FOLDER / "structured.md").read_text() == structured_table.text(FOLDER)
