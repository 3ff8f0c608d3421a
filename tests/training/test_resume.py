"""Runs that are stopped or refused: they go on bit for bit, or say why not."""

import os
import pathlib
import shutil
import signal
import time

import pytest
import tiny_run
from tiny_run import tiny_config

from alphatensor.config import ConfigError
from alphatensor.training import interrupts, runner


def wait_for_checkpoint(output, process) -> None:
    folder = pathlib.Path(output) / "checkpoints"
    while process.poll() is None and not list(folder.glob("*.json")):
        time.sleep(0.02)


def test_a_command_that_is_interrupted_goes_on_bit_for_bit(tmp_path):
    process = tiny_run.run(tmp_path / "run", "--config.train.max_rounds=0")
    wait_for_checkpoint(tmp_path / "run", process)
    process.send_signal(signal.SIGINT)
    text = tiny_run.finish(process)
    assert "Interrupted; the same command goes on from here." in text
    assert "\r" not in text, "a log has lines, not a bar"
    rounds = int(tiny_run.last_state(tmp_path / "run")["rounds"]) + 1
    for name in ("run", "whole"):
        runner.train(tiny_config(output=str(tmp_path / name), train__max_rounds=rounds))
    tiny_run.assert_same_ends(tmp_path / "whole", tmp_path / "run")


def test_requests_end_a_run_after_its_iteration(tmp_path, monkeypatch):
    config = tiny_config(output=str(tmp_path / "run"), train__max_rounds=0)
    begin = interrupts.StopRequests.begin

    def begin_and_ask(self):
        begin(self)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(interrupts.StopRequests, "begin", begin_and_ask)
    outcome = runner.train(config)
    assert outcome.report.rounds == 1 and "goes on from here" in outcome.ended
    assert tiny_run.last_state(tmp_path / "run")["rounds"] == 1


def test_a_finished_run_does_not_start_again(copy, capsys):
    outcome = runner.train(tiny_config(output=str(copy)))
    assert outcome.report is None and outcome.ended.startswith("Done.")
    assert "Going on from update 30" in capsys.readouterr().out


def test_another_configuration_is_refused_by_field(copy):
    words = r"learner\.learning_rate 0\.001 -> 0\.5.*--force"
    with pytest.raises(ValueError, match=words) as caught:
        runner.train(tiny_config(output=str(copy), learner__learning_rate=0.5))
    assert "\n" not in str(caught.value)


def test_a_live_run_keeps_its_folder(copy):
    config, refused = tiny_config(output=str(copy)), f"process {os.getpid()}"
    with runner.Run(config), pytest.raises(ConfigError, match=refused):
        runner.Run(config)
    with runner.Run(config):
        pass


@pytest.mark.parametrize("how", ["removed", "renamed", "made anew"])
def test_a_folder_that_goes_away_ends_the_run(tmp_path, how):
    folder = tmp_path / "run"
    words = "run: the run's folder was removed or renamed"
    config = tiny_config(output=str(folder), train__max_rounds=0)
    with runner.Run(config) as run, pytest.raises(runner.RunError, match=words):
        for _ in run:
            if how == "renamed":
                folder.rename(tmp_path / "elsewhere")
            else:
                shutil.rmtree(folder)
            if how == "made anew":
                folder.mkdir()
    assert not list(folder.glob("*"))


def test_a_full_disk_ends_a_run_with_one_line(tmp_path):
    process = tiny_run.run(tmp_path / "run", limit=20_000)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1, text
    assert "Stopped:" in text and "Traceback" not in text
    assert os.path.exists(tmp_path / "run/config.json")


@pytest.mark.parametrize("moment", ["importing", "compiling"])
def test_ctrl_c_before_the_first_iteration_ends_at_once(tmp_path, moment):
    process = tiny_run.run(tmp_path / "run", "--compilation_cache=")
    end = time.monotonic() + 60
    if moment == "importing":
        maps = pathlib.Path(f"/proc/{process.pid}/maps")
        while "jaxlib" not in maps.read_text() and time.monotonic() < end:
            time.sleep(0.01)
        said = ""
    else:
        said = process.stdout.readline()
        assert "compiling" in said
    process.send_signal(signal.SIGINT)
    try:
        text, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, said + text
    assert text.split("\n") == ["", "Interrupted.", ""], text
