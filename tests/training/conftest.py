"""What whole runs share: compiled programs, and one finished run that many tests read."""

import shutil
import signal
import types

import pytest
import tiny_run

from alphatensor.training import curves, loop, run_folder, runner


def share_programs(patch: pytest.MonkeyPatch) -> None:
    """Lets runs that compile to the same programs compile them once."""
    for module in (loop, runner):
        patch.setattr(module, "make_programs", tiny_run.shared_programs)


@pytest.fixture(autouse=True, scope="session")
def _minds_ctrl_c():
    """Lets processes under test mind Ctrl-C where the suite runs in the background of a shell."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Shares programs, and leaves out the pictures at the end of a run, which take seconds."""
    share_programs(monkeypatch)
    without = types.SimpleNamespace(**vars(curves) | {"draw": lambda rows, file: None})
    monkeypatch.setattr(run_folder, "curves", without)
    monkeypatch.setattr(run_folder, "draw", lambda f, path: None)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The outcome and the reports of a finished run, which nobody may change."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    reports = []
    with pytest.MonkeyPatch.context() as patch:
        share_programs(patch)
        config = tiny_run.tiny_config(output=str(folder))
        return runner.train(config, on_report=reports.append), reports


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run's folder, to be changed."""
    return shutil.copytree(finished[0].folder, tmp_path / "copy")
