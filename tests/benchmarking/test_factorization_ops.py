"""The benchmark of work on files of factorizations writes its table."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def test_the_benchmark_writes_its_table(tmp_path):
    program = [sys.executable, "-m", "benchmarking.factorization_ops", "--only=invariants,lift"]
    flags_ = ["--count=3", "--workers=1", f"--output={tmp_path}/ops"]
    subprocess.run([*program, *flags_], cwd=ROOT, check=True, capture_output=True)
    header, invariants, lift = (tmp_path / "ops.csv").read_text().splitlines()
    assert header == "operation,items,seconds,peak MiB,result"
    assert invariants.startswith("invariants,3,") and "3 inequivalent" in invariants
    assert lift.startswith("lift,1,") and "lifted to Z" in lift
