"""Runs in their folders: what they leave, how they go on, what mistakes get."""

import csv
import json

import numpy as np
import pytest
from tiny_run import tiny_config

from alphatensor import factorization
from alphatensor.training import runner, status


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
    for name in ("summary.png", "1x2x1_rank2_Z2.png", "1x2x1_rank2_Z.png"):
        assert (outcome.folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_status_tells_where_a_run_stands(finished, tmp_path):
    outcome, _ = finished
    text = status.describe(outcome.folder)
    assert "1x2x1 over Z2" in text and "not running" in text and "1x2x1_rank2_Z.npz" in text
    assert status.draw(outcome.folder, tmp_path / "curves.png")
    with pytest.raises(ValueError, match="folder of a run"):
        status.describe(tmp_path)


def test_a_loop_that_is_left_goes_on_later(tmp_path):
    changes = dict(output=str(tmp_path / "run"), train__max_rounds=3)
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


def manifests_of(folder):
    return sorted((folder / "checkpoints").glob("*.json"))


def test_checkpoints_of_another_version_are_refused(copy):
    newest = manifests_of(copy)[-1]
    manifest = json.loads(newest.read_text())
    manifest["progress"]["version"] = 0
    newest.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="another version.*--noresume"):
        runner.train(tiny_config(output=str(copy)))


def changed_walk(progress):
    one = {"ring": "Z2", "provenance": {}, "u": [[1]] * 2, "v": [[1]] * 2, "w": [[1]]}
    progress["findings"]["walk_starts"] = {"1x2x1": one}


UNREADABLE = {
    "empty": lambda manifest: "",
    "a list": lambda manifest: "[]",
    "no progress": lambda manifest: manifest.pop("progress"),
    "progress null": lambda manifest: manifest.update(progress=None),
    "no version": lambda manifest: manifest["progress"].pop("version"),
    "no configuration": lambda manifest: manifest["progress"].pop("config"),
    "no findings": lambda manifest: manifest["progress"].pop("findings"),
    "no ranks": lambda manifest: manifest["progress"]["findings"].pop("ranks"),
    "wrong ranks": lambda manifest: manifest["progress"]["findings"].update(ranks=[2, 2]),
    "no seconds": lambda manifest: manifest["progress"].pop("seconds"),
    "a walk from a wrong algorithm": lambda manifest: changed_walk(manifest["progress"]),
}


def damage(path, how) -> None:
    manifest = json.loads(path.read_text())
    text = UNREADABLE[how](manifest)
    path.write_text(text if isinstance(text, str) else json.dumps(manifest))


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_checkpoint_that_cannot_be_read_is_named_and_the_one_before_used(copy, capsys, how):
    older, newest = manifests_of(copy)[-2:]
    damage(newest, how)
    (copy / "checkpoints/notes.json").write_text("[]")
    with runner.Run(tiny_config(output=str(copy))):
        pass
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and str(newest) in said[0] and "cannot be used" in said[0]
    assert f"Going on from update {int(older.stem)}" in said[1]


def test_where_none_can_be_read_nothing_begins_anew(copy, capsys):
    for path, how in zip(manifests_of(copy), ("empty", "no progress"), strict=True):
        damage(path, how)
    before = sorted(path.name for path in copy.parent.rglob("*"))
    with pytest.raises(ValueError, match="no checkpoint can be used.*--noresume") as caught:
        runner.train(tiny_config(output=str(copy)))
    assert str(copy) in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(path.name for path in copy.parent.rglob("*")) == before
    runner.train(tiny_config(output=str(copy), train__max_rounds=1), resume=False)
    assert manifests_of(copy.with_name("copy-1")), "moved aside because it was asked for"


def test_a_run_that_was_killed_before_its_first_checkpoint_says_so(copy, capsys):
    for path in manifests_of(copy):
        path.unlink()
    with runner.Run(tiny_config(output=str(copy))):
        pass
    assert "checkpoints: no checkpoint was completed" in capsys.readouterr().out


def test_damaged_files_of_the_folder_are_named(copy, capsys):
    (copy / "curves.csv").write_text("seconds\nmany\n")
    wrong = factorization.load(copy / "1x2x1_rank2_Z2.npz")[0]
    factorization.save(copy / "1x2x1_rank2_Z2.npz", wrong.replace(u=1 - wrong.u))
    (copy / "1x2x1_rank2_Z.npz").write_text("garbage")
    with runner.Run(tiny_config(output=str(copy))) as run:
        assert run.folder.best == {}
    said = capsys.readouterr().out
    assert "not a factorisation" in said and said.count("set aside") == 3
    assert (copy / "curves.csv.damaged").read_text() == "seconds\nmany\n"


def test_the_status_names_what_cannot_be_read(copy):
    damage(manifests_of(copy)[-1], "a list")
    (copy / "curves.csv").write_text("seconds\nmany\n")
    text = status.describe(copy)
    assert "curves.csv: not the curves" in text and "cannot be used" in text
    assert text.count("checkpoint      ") == 1
    (copy / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="folder of a run"):
        status.describe(copy)
