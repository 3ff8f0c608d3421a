"""What the commands share."""

import pathlib
import subprocess
import sys

import pytest

from experiments import command

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    "given", ["hybrid", "hybrid.py", "experiments/configs/hybrid", "experiments/configs/hybrid.py"]
)
def test_configurations_are_found_by_name_anywhere(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command._path_of(given) == str(ROOT / "experiments/configs/hybrid.py")


@pytest.mark.parametrize("given", ["nothing", "other/hybrid.py", "/hybrid.py", "hybrid.txt", ""])
def test_other_paths_stay_as_they_are(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command._path_of(given) == given


def test_a_file_of_the_working_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("hybrid.py").write_text("")
    assert command._path_of("hybrid.py") == "hybrid.py"


@pytest.mark.parametrize("name, flag", [("flip_search", "--config.search.ring"), ("play", "--run")])
def test_help_is_no_error(name, flag):
    program = [sys.executable, "-m", f"experiments.{name}", "--help"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert flag in done.stdout
