"""The benchmark commands on tiny sizes, their files, and what mistakes get."""

import csv
import os
import pathlib
import subprocess
import sys

import numpy as np

from alphatensor import factorization as fz

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *flags, cache="/nonexistent"):
    command = [sys.executable, "-m", f"benchmarking.{module}", *flags]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "ALPHATENSOR_CACHE": str(cache)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_a_table_with_files_of_algorithms(tmp_path):
    fz.save(tmp_path / "mine.npz", fz.kronecker(fz.strassen(), fz.strassen()))
    done = run(
        "run_cpu_benchmark", "--sizes=3,96", "--repeats=2", f"--output={tmp_path}",
        f"--factorizations={tmp_path / 'mine.npz'}", cache=tmp_path / "choices.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 | float32 | strassen2 | too small for its levels" in done.stdout
    with (tmp_path / "cpu.csv").open() as file:
        rows = {(row["size"], row["algorithm"]): row for row in csv.DictReader(file)}
    assert rows.keys() == {
        ("3", "strassen"), ("3", "tuned"), ("96", "strassen"), ("96", "strassen2"), ("96", "tuned"),
        ("96", "mine 4x4x4:49"),
    }  # fmt: skip
    assert rows["96", "tuned"]["kernel"] == "dot", "blocks of 48 never pay"
    predicted = [float(rows["96", name]["predicted_growth"]) for name in ("strassen", "strassen2")]
    np.testing.assert_allclose(predicted, [2.0, 4.0])
    for row in rows.values():
        assert float(row["lower"]) <= float(row["ratio"]) <= float(row["upper"])
        assert 0 < float(row["rmse"]) < 1e-5 and row["jax"] and row["device"]
    assert (tmp_path / "cpu.png").read_bytes().startswith(b"\x89PNG")
