"""Runs that are stopped, killed or refused: they go on bit for bit, or say why not."""

import os
import pathlib
import signal
import time

import numpy as np
import pytest
from tiny_run import finish, last_state, run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that is never stopped."""
    output = tmp_path_factory.mktemp("whole") / "run"
    finish(run(output))
    return output


def newest(output) -> int:
    """Updates of the last checkpoint; 0 before the first."""
    folder = pathlib.Path(output) / "checkpoints"
    return max((int(path.stem) for path in folder.glob("*.json")), default=0)


def wait_for_updates(output, updates: int, process) -> None:
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        if newest(output) >= updates:
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[0])


def stopped_and_gone_on(output, stops, *more, prelude: str = "") -> str:
    """Ends a run by each signal after a later update, goes on to its end; returns what it said."""
    for number, stop in enumerate(stops):
        before = newest(output)
        process = run(output, *more, prelude=prelude)
        wait_for_updates(output, before + 5, process)
        time.sleep(0.03 * number)
        process.send_signal(stop)
        text, _ = process.communicate(timeout=120)
        if stop != signal.SIGKILL:
            assert process.returncode == 0 and "goes on from here" in text, text
    return finish(run(output, *more, prelude=prelude))


def assert_same_ends(one, other) -> None:
    """Compares every byte of the last checkpoints, and all curves but times."""
    expected, found = last_state(one), last_state(other)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)
    assert curves_of(one) == curves_of(other), "no iteration is missing or there twice"


def curves_of(output) -> list[list[str]]:
    """Returns updates, rounds and losses of each iteration, without seconds and speeds."""
    lines = (output / "curves.csv").read_text().splitlines()
    return [line.split(",")[1:6] for line in lines]


def test_a_killed_run_ends_as_one_that_was_never_killed(whole, tmp_path):
    stops = [signal.SIGKILL] * 2 + [signal.SIGTERM, signal.SIGINT]
    text = stopped_and_gone_on(tmp_path / "run", stops)
    assert "Going on from update" in text
    assert_same_ends(whole, tmp_path / "run")


# Stands for a clock: the speed-up of an algorithm is a function of its entries.
MEASURE = """
from alphatensor.training import runtime_reward
def measured(f, size):
    return 1.0 + sum(abs(x) * (i + 1) for i, x in enumerate(f.u.ravel().tolist())) % 7 / 10
runtime_reward.measure_speedup = measured
"""


@pytest.mark.parametrize(
    ("flags", "prelude"),
    [
        (["--config.train.flip_steps=1"], ""),
        (["--config.train.runtime_weight=0.5", "--config.train.runtime_measured=1"], MEASURE),
    ],
    ids=["hybrid", "run-time reward"],
)
def test_what_the_host_knows_survives_a_kill(tmp_path, flags, prelude):
    """What walks start from, and what was measured, is part of the stored state."""
    flags = [*flags, "--config.train.max_rounds=5"]
    finish(run(tmp_path / "whole", *flags, prelude=prelude))
    stopped_and_gone_on(tmp_path / "run", [signal.SIGKILL], *flags, prelude=prelude)
    assert_same_ends(tmp_path / "whole", tmp_path / "run")
    findings = last_state(tmp_path / "run")["findings"]
    assert findings["run_times"] if prelude else findings["walk_starts"]


def test_a_finished_run_does_not_start_again(whole):
    text = finish(run(whole))
    assert f"Going on from update {newest(whole)}" in text and "Done." in text


def test_another_configuration_is_refused_by_field(whole):
    process = run(whole, "--config.learner.learning_rate=0.5")
    text, _ = process.communicate()
    assert process.returncode == 2 and text.count("\n") == 1
    assert "learner.learning_rate 0.002 -> 0.5" in text and "--force" in text


def test_a_live_run_keeps_its_folder(tmp_path):
    first = run(tmp_path / "run", "--config.train.max_rounds=0")
    try:
        wait_for_updates(tmp_path / "run", 10, first)
        second = run(tmp_path / "run")
        text, _ = second.communicate(timeout=120)
        assert second.returncode == 2 and text.count("\n") == 1, text
        assert f"process {first.pid}" in text
    finally:
        first.kill()
        first.communicate()


def test_a_full_disk_ends_a_run_with_one_line(tmp_path):
    process = run(tmp_path / "run", limit=20_000)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 1, text
    assert "Stopped:" in text and "Traceback" not in text
    assert os.path.exists(tmp_path / "run/config.json")
