"""The benchmark commands on tiny sizes, their files, and what mistakes get."""

import csv
import os
import pathlib
import subprocess
import sys

import numpy as np

from alphatensor import factorization as fz
from alphatensor.kernels import timing
from benchmarking import classical

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
        limit = {"strassen": 8 / 7, "tuned": 1.0}.get(row["algorithm"], 64 / 49)
        np.testing.assert_allclose(float(row["share_of_limit"]) * limit, float(row["ratio"]))
        assert row["classical"] in ("dot", "numpy") and float(row["ratio_to_classical"]) > 0
    assert (tmp_path / "cpu.png").read_bytes().startswith(b"\x89PNG")


# The command of a GPU, on a CPU, without the packages that products do not need.
BUDGETED = """
import sys
others = {"chex", "ml_collections", "haiku", "optax", "mctx", "orbax", "tensorboardX", "tqdm"}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in others:
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Missing())
from benchmarking import budgeted
from experiments import command
command.run(lambda: budgeted.main("cpu", [64], ["float32"]))
"""


def test_a_budget_ends_with_what_there_is(tmp_path):
    command = [sys.executable, "-c", BUDGETED, "--sizes=64,72,80", "--algorithms=strassen"]
    flags = ["--minutes=0.05", "--parts=matmul", f"--output={tmp_path}", "--repeats=2"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "ALPHATENSOR_PART": "matmul"}
    done = subprocess.run(
        [*command, *flags], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "cpu.csv").open() as file:
        measured = [row["size"] for row in csv.DictReader(file)]
    left_out = [x.split(" ")[0] for x in done.stdout.splitlines() if "left out" in x]
    assert measured and measured + left_out == ["64", "72", "80"]


def test_a_part_that_does_not_end_is_ended_and_named(tmp_path):
    flags = ["--minutes=0.01", "--parts=walkers", f"--output={tmp_path}"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarking.run_gpu_benchmark", *flags],
        capture_output=True, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert done.returncode == 0 and "walkers | left out: its minutes are over" in done.stdout


def test_blocks_by_jnp_are_the_product():
    a, b = timing.operands((6, 6, 6), "int32")
    np.testing.assert_array_equal(classical.blocked(a, b, leaf=2), a @ b)
