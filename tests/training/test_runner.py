"""Runs in their folders: what they leave, how they go on, what mistakes get."""

import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from tiny_run import tiny_config

from alphatensor import factorization
from alphatensor.training import runner, status

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    config = tiny_config(output=str(tmp_path_factory.mktemp("runs") / "tiny"))
    reports = []
    return runner.train(config, on_report=reports.append), reports


def test_a_tiny_run_finds_the_rank(finished):
    outcome, _ = finished
    assert outcome.report.best == (2,) and outcome.ended.startswith("Done.")
    (stored,) = factorization.load(outcome.folder / "1x2x1_rank2_Z.npz")
    assert stored.verify().ok and stored.rank == 2
    assert stored.provenance["engine"] == "agent" and stored.provenance["seed"] == 0
    assert json.loads(stored.provenance["config"])["target"] == "1x2x1"
    assert outcome.best["1x2x1 Z"].rank == 2
    assert "rank 2" in outcome.summary and "m2 = " in outcome.summary
    assert (outcome.folder / "summary.txt").read_text().strip() == outcome.summary.strip()


def test_a_run_leaves_curves_and_pictures(finished):
    outcome, reports = finished
    with (outcome.folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["updates"]) for row in rows] == [report.updates for report in reports]
    assert all(np.isfinite(float(row["loss/policy"])) for row in rows)
    assert list(outcome.folder.glob("events.out.tfevents*"))
    for name in ("summary.png", "1x2x1_rank2_Z.png"):
        assert (outcome.folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_status_tells_where_a_run_stands(finished, tmp_path):
    outcome, _ = finished
    text = status.describe(outcome.folder)
    assert "1x2x1 over Z" in text and "not running" in text and "1x2x1_rank2_Z.npz" in text
    assert status.draw(outcome.folder, tmp_path / "curves.png")
    with pytest.raises(ValueError, match="folder of a run"):
        status.describe(tmp_path)


def test_a_loop_that_is_left_goes_on_later(tmp_path):
    changes = dict(output=str(tmp_path / "run"), train__goal=(), train__max_rounds=3)
    with runner.Run(tiny_config(**changes)) as run:
        for report in run:
            if report.rounds == 1:
                break
    with runner.Run(tiny_config(**changes)) as run:
        rounds = [report.rounds for report in run]
    assert rounds == [2, 3]


def test_a_nan_stops_the_run_with_its_state(tmp_path):
    config = tiny_config(output=str(tmp_path / "run"), learner__learning_rate=1e30)
    with pytest.raises(runner.RunError, match="learning_rate"):
        runner.train(config)
    with np.load(tmp_path / "run/failed_state.npz") as stored:
        assert any("params" in name for name in stored)


def test_checkpoints_of_another_version_are_refused(finished):
    outcome, _ = finished
    newest = sorted((outcome.folder / "checkpoints").glob("*.json"))[-1]
    before = newest.read_text()
    manifest = json.loads(before)
    del manifest["progress"]["version"]
    newest.write_text(json.dumps(manifest))
    try:
        with pytest.raises(ValueError, match="another version.*--noresume"):
            runner.train(tiny_config(output=str(outcome.folder)))
    finally:
        newest.write_text(before)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--config=nowhere.py"], "nowhere.py"),
        ([], "--config"),
        (["--config={root}/experiments/configs/quickstart.py", "--config.target=2x2"], "2x2"),
        (["--config={root}/experiments/configs/quickstart.py", "--config.nothing=1"], "nothing"),
        (
            ["--config={root}/experiments/configs/quickstart.py", "--config.output=/proc/runs"],
            "config.output",
        ),
    ],
)
def test_the_command_ends_with_one_line_and_status_2(flags, words):
    command = [sys.executable, "-m", "experiments.train", *(f.format(root=ROOT) for f in flags)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
