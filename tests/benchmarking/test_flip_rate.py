"""The flip-rate benchmark: rows mean what their header says."""

import csv
import subprocess
import sys

import pytest


def test_writes_a_row_for_each_number_of_threads(tmp_path):
    program = [
        sys.executable,
        "-m",
        "benchmarking.flip_rate",
        "--formats=2x2x2",
        "--walkers=8",
        "--words=2",
    ]
    program += ["--threads=1,2", "--seconds=0.05", "--warmup=0", f"--output={tmp_path}/a/rate"]
    subprocess.run(program, check=True, capture_output=True)
    with open(tmp_path / "a/rate.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["format"], r["walkers"], r["threads"], r["words"]) for r in rows] == [
        ("2x2x2", "8", "1", "2"),
        ("2x2x2", "8", "2", "2"),
    ]
    for row in rows:
        flips, tries, share = (float(row[k]) for k in ("flips/s", "tries/s", "share"))
        assert 0 < flips <= tries and flips / tries == pytest.approx(share, abs=1e-3)
        # No scheme of rank 6 exists; many tries from the naive one reach rank 7.
        assert row["rank"] == "7" and float(row["s"]) >= 0.05
