"""Records: what the library says of itself, and the verifier that needs Python alone."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization.library import published_ranks, record_pages, records, store

FOLDER = pathlib.Path(__file__).parents[3] / "factorizations"
VERIFIER = FOLDER / "verify.py"


def verify(*paths):
    """Runs the verifier without this environment's packages; returns status and lines."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", VERIFIER, *paths], capture_output=True, text=True
    )
    return done.returncode, done.stdout.splitlines()


def test_the_projects_records_are_up_to_date():
    """Their command: `experiments.factorizations records --output=factorizations/records.md`."""

    found = records.records(FOLDER, store.ranks)
    assert (FOLDER / "records.md").read_text() == records.text(found) and len(found) > 100
    assert "| [4x5x5](records/4x5x5_Z.md) | Z | 74 | 76 |" in records.text(found)
    pages = {
        records.page_of(r): record_pages.page_text(r, FOLDER) for r in found if records.has_page(r)
    }
    written = {f"records/{p.name}": p.read_text() for p in (FOLDER / "records").iterdir()}
    assert written == pages and {"records/2x7x8_Z.md", "records/4x5x5_Z.md"} <= pages.keys()


def test_a_page_says_what_the_file_holds(tmp_path, monkeypatch):
    store.add(tmp_path, fz.strassen())
    monkeypatch.setitem(published_ranks.KNOWN_Z, (2, 2, 2), 8)
    record_pages.write(tmp_path / "records.md", records.records(tmp_path), tmp_path)
    assert "[2x2x2](records/2x2x2_Z.md)" in (tmp_path / "records.md").read_text()
    page = (tmp_path / "records/2x2x2_Z.md").read_text()
    assert page.startswith("# 2x2x2 in rank 7 over Z\n") and "best known rank is 8" in page
    assert "| how it was found | Strassen 1969 |" in page and "| additions, naive | 18 |" in page
    assert "m1 = (a11 + a22)(b11 + b22)" in page
    ranks = [
        tuple(np.linalg.matrix_rank(x[:, r].reshape(2, 2)) for x in fz.strassen().factors)
        for r in range(7)
    ]
    for triple in set(ranks):
        assert f"| {', '.join(map(str, triple))} | {ranks.count(triple)} |" in page


def test_what_is_found_and_what_follows_are_told_apart(tmp_path):
    store.add(tmp_path, fz.strassen())
    store.add(tmp_path, fz.naive((2, 2, 3), rings.Integers()))  # above the best known rank
    square = fz.kronecker(fz.strassen(), fz.naive((1, 1, 2), rings.Integers()))
    store.add(tmp_path, square)
    found = records.records(tmp_path)
    assert [(r.sizes, r.rank, r.known, r.follows) for r in found] == [
        ((2, 2, 2), 7, 7, False),
        ((2, 2, 4), 14, 14, True),
    ]
    text = records.text(found)
    assert "## Below the best known rank: 0" in text and "## Equal to it: 1" in text
    assert "| 2x2x2 | Z | 7 | 7 | Perminov 64f58a5e, 2026-10-02 | Strassen 1969 | 18 | 18 |" in text


def test_what_a_rule_gives_is_told_apart_and_long_algorithms_have_no_page(tmp_path):
    f = fz.aggregated((6, 6, 7))
    store.add(tmp_path, f)
    (record,) = records.records(tmp_path)
    assert record.rank < record.known and record.follows and not records.has_page(record)
    assert "| 6x6x7 | Z | 177 | 183 |" in records.text([record])
    assert "| `aggregate`: trilinear aggregation on polygons |" in records.text([record])
    found = record._replace(follows=False)
    assert not records.has_page(found) and records.has_page(found._replace(rank=130))


def test_origins_say_what_the_provenance_says():
    flips = {"engine": "flip graph", "seed": 5, "turn": 7, "seconds": 1.5, "lifted_from": "Z2"}
    assert records.origin(flips) == (
        "`flip_search`, seed 5, turn 7, walkers not recorded, 1.5 s, lifted from Z2"
    )
    assert records.origin({"method": "somehow"}) == "not recorded"
    made = {"method": "closure", "operation": "sum", "parts": ["4x5x5:74", "4x5x5:74"]}
    assert records.origin(made) == "`close`: sum of 4x5x5:74 and 4x5x5:74"


def test_the_verifier_needs_python_alone(tmp_path):
    paths = []
    for name in ("2x2x2_Z", "4x5x5_Z", "4x4x5_Z2", "8x10x10_Z"):
        paths.append(tmp_path / f"{name}.json")
        fz.convert(FOLDER / f"{name}.npz", paths[-1])
    status, lines = verify(*paths)
    assert status == 0 and all(line.endswith("exact") for line in lines)
    assert "4x5x5 in 74 multiplications" in lines[1] and "over Z2" in lines[2]


def test_the_verifier_takes_fractions(tmp_path):
    f = fz.sandwich(fz.strassen(), [[2, 0], [0, 1]], [[1, 0], [0, 1]], [[1, 0], [0, 3]])
    assert f.domain == "Q" and "1/2" in records_json(tmp_path / "q.json", f)
    assert verify(tmp_path / "q.json")[0] == 0


def records_json(path, f):
    fz.save(path, f)
    return path.read_text()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["u"][3].__setitem__(0, data["u"][3][0] + 1),
        lambda data: data["w"].pop(),
        lambda data: data.update(n=[2, 2, 3]),
        lambda data: data.update(m=6),
        lambda data: data["v"][0].__setitem__(0, 0.5),
        lambda data: data.pop("u"),
    ],
)
def test_the_verifier_refuses_what_is_wrong(tmp_path, change):
    path = tmp_path / "f.json"
    data = json.loads(records_json(path, fz.strassen()))
    change(data)
    path.write_text(json.dumps(data))
    status, (line,) = verify(path)
    assert status == 1 and "WRONG" in line
