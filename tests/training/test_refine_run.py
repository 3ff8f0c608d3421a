"""Runs of the refinement: the file grows, and mistakes are named."""

import subprocess
import sys

import numpy as np

from alphatensor import rings
from alphatensor.factorization import load, naive, sandwich, save, strassen
from alphatensor.training import refine

Z = rings.Integers()


def dense():
    """The naive 1x2x3 in another basis; in its own it needs 4 additions and 18 entries."""
    m, k = np.array([[1, 1], [0, 1]]), np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    return sandwich(naive((1, 2, 3), Z), np.eye(1, dtype=int), m, k)


def test_a_run_reports_what_is_new_and_stores_all(tmp_path):
    save(tmp_path / "dense.npz", dense())
    output = tmp_path / "out/refined.npz"
    found = list(refine.refine(tmp_path / "dense.npz", output, seconds=1e-3, num_walkers=64))
    assert found[0].fresh == found[0].kept
    stored = load(output)
    assert [f.provenance["additions"] for f in stored] == [x.additions for x in found[-1].kept]
    assert stored[0].provenance["refined_from"] == str(tmp_path / "dense.npz")


def command(*flags):
    program = [sys.executable, "-m", "experiments.refine", "--seconds=1", "--walkers=64"]
    return subprocess.run([*program, *flags], capture_output=True, text=True)


def test_the_command_stores_the_set_and_goes_on_from_it(tmp_path):
    save(tmp_path / "dense.npz", dense())
    flags = f"--factorization={tmp_path}/dense.npz", f"--output={tmp_path}/out/refined"
    done = command(*flags)
    assert done.returncode == 0, done.stderr
    stored = load(tmp_path / "out/refined.npz")
    assert stored[0].provenance["nonzeros"] == 18 and stored[0].verify().ok
    assert command(*flags).returncode == 0
    again = load(tmp_path / "out/refined.npz")
    assert again[0].provenance["additions"] <= stored[0].provenance["additions"]


def test_mistakes_are_named(tmp_path):
    save(tmp_path / "mod2.npz", strassen(rings.IntegersMod(2)))
    save(tmp_path / "other.npz", strassen())
    save(tmp_path / "dense.npz", dense())
    for flags, words in [
        (["--factorization=missing.npz"], "missing.npz"),
        ([f"--factorization={tmp_path}/mod2.npz"], "integer factors"),
        ([f"--factorization={tmp_path}/dense.npz", "--walkers=65"], "multiple"),
        (
            [f"--factorization={tmp_path}/dense.npz", f"--output={tmp_path}/other"],
            "another format",
        ),
    ]:
        done = command(*flags)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
