"""Runs of the refinement: the file grows, and mistakes are named."""

import subprocess
import sys

import numpy as np

from alphatensor import rings
from alphatensor.factorization import library, load, naive, sandwich, save, strassen
from alphatensor.factorization.analysis import programs
from alphatensor.factorization.library import additions_table
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


def test_a_library_takes_the_fewest_additions_and_what_they_are(tmp_path):
    save(tmp_path / "start.npz", strassen())
    path, folder = tmp_path / "start.npz", tmp_path / "library"
    for _ in range(2):  # the second time nothing is better
        list(refine.refine(path, tmp_path / "out.npz", 1e-3, num_walkers=64, library=folder))
    stored = load(folder / "2x2x2_Z.npz")[0]
    assert programs.kept_additions(stored) == 15
    assert stored.provenance["refined"] == {"from": "start.npz", "seed": 0}
    entry = library.index(folder)["2x2x2_Z"]
    assert entry["additions_shared"] == 15 and entry["keeps_programs"]
    added = library.add(folder, strassen(), replace_equal=True)
    assert not added.kept  # no programs, more additions
    text = additions_table.text(folder)
    assert "1 with as many, 0 with more" in text and "| 2x2x2 | Z | 7 |" in text


def test_what_is_not_exact_is_set_aside(tmp_path):
    save(tmp_path / "dense.npz", dense())
    wrong = dense().replace(u=2 * dense().u)
    save(tmp_path / "refined.npz", [dense(), wrong])
    said = []
    found = refine.refine(
        tmp_path / "dense.npz", tmp_path / "refined.npz", 1e-3, num_walkers=64, say=said.append
    )
    assert all(one.factorization.verify().ok for progress in found for one in progress.kept)
    assert len(said) == 1 and "refined.npz[1]: set aside" in said[0]
