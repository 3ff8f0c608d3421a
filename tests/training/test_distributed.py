"""Runs over several devices and several processes equal the run of one device."""

import socket
import time

import numpy as np
import pytest
from tiny_run import finish, last_state, run, shared_programs, tiny_config

from alphatensor.training import runner

SHORT = (
    "--config.train.max_rounds=3",
    "--config.train.reanalysed=8",
    "--config.checkpoint.minutes=0.0",
)


def start(output, devices: int, *more):
    return run(output, *SHORT, *more, devices=devices)


def short_config(output):
    return tiny_config(
        output=str(output), train__max_rounds=3, train__reanalysed=8, checkpoint__minutes=0.0
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_many(output, processes: int, devices: int, *more):
    port = free_port()
    return [
        start(
            output, devices, f"--coordinator=127.0.0.1:{port}", f"--num_processes={processes}",
            f"--process_id={number}", *more,
        )
        for number in range(processes)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    output = tmp_path_factory.mktemp("one") / "run"
    config = short_config(output)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "make_programs", shared_programs)
        runner.train(config)
    return last_state(output)


def assert_equal_runs(one, other) -> None:
    """Games are the same to the last bit; sums of gradients are taken in another order."""
    assert one.keys() == other.keys()
    for name in one:
        if name.startswith("['learner']"):
            np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-4, err_msg=name)
        else:
            exact = not np.issubdtype(np.asarray(one[name]).dtype, np.floating)
            compare = np.testing.assert_array_equal if exact else np.testing.assert_allclose
            compare(one[name], other[name], err_msg=name)


def test_eight_devices_equal_one_and_a_run_goes_on_with_another_number(one, tmp_path, capsys):
    finish(start(tmp_path / "run", 8, "--config.train.max_rounds=2"))
    config = short_config(tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "make_programs", shared_programs)
        runner.train(config)
    assert "Going on from update" in capsys.readouterr().out
    assert_equal_runs(one, last_state(tmp_path / "run"))


def test_a_model_axis_changes_nothing(one, tmp_path):
    finish(start(tmp_path / "run", 4, "--config.mesh.data=2", "--config.mesh.model=2"))
    assert_equal_runs(one, last_state(tmp_path / "run"))


def test_two_processes_equal_one(one, tmp_path):
    for process in start_many(tmp_path / "run", 2, 2):
        finish(process)
    assert_equal_runs(one, last_state(tmp_path / "run"))


def test_a_lost_process_ends_the_others(tmp_path):
    first, second = start_many(tmp_path / "run", 2, 2, "--config.train.max_rounds=0")
    folder, end = tmp_path / "run/checkpoints", time.monotonic() + 240
    while not list(folder.glob("*.json")) and time.monotonic() < end:
        time.sleep(0.1)
    second.kill()
    second.communicate()
    text, _ = first.communicate(timeout=60)
    assert first.returncode != 0 and "lost" in text, text


def test_a_coordinator_out_of_reach_is_named(tmp_path):
    process = start(
        tmp_path / "run", 1, f"--coordinator=127.0.0.1:{free_port()}", "--num_processes=2",
        "--process_id=1", "--connect_timeout=2",
    )  # fmt: skip
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 2 and text.count("\n") == 1, text
    assert "127.0.0.1" in text and "not reached within 2 s" in text
