"""Launch lines, and what is refused before anything is started."""

import dataclasses
import os
import pathlib
import shlex
import stat
import subprocess
import sys

import pytest

from alphatensor.training import planning, settings
from alphatensor.training.chips import CHIPS
from experiments.configs import quickstart
from experiments.launch import lines, plan

ROOT = pathlib.Path(__file__).parents[2]
QUICK = "experiments/configs/quickstart.py"


@pytest.fixture(scope="module")
def quick():
    config = quickstart.get_config()
    config.mesh.update(dict(data=0, model=1))
    return settings.from_config(config)


def line(place, **fields):
    (found,) = lines.commands(place, QUICK, "/shared/run", fields)
    return shlex.join(found)


def test_each_place_has_its_line(monkeypatch):
    monkeypatch.chdir(ROOT)
    train = f"python -m experiments.train --config={QUICK} --config.output=/shared/run"
    assert line(lines.Place("gpus", 1, 8), output="x", seed=3) == f"{train} --config.seed=3"
    slurm = line(lines.Place("slurm", 4, 8), target="2x2x2,2x2x3")
    script = "experiments/launch/slurm.sh"
    assert slurm == (
        f"sbatch --nodes=4 --gpus-per-node=8 {script} {QUICK} /shared/run "
        "--config.target=2x2x2,2x2x3"
    )
    tpu = line(lines.Place("tpu", 4, 4, name="pod", zone="europe"))
    assert tpu == f"experiments/launch/tpu_pod.sh pod europe {QUICK} /shared/run"
    hosts = lines.commands(lines.Place("hosts", 3, 8, "host0:1234"), QUICK, "/shared/run", {})
    assert [shlex.join(x) for x in hosts] == [
        f"{train} --coordinator=host0:1234 --num_processes=3 --process_id={i}" for i in range(3)
    ]


def test_the_scripts_of_the_lines_are_there():
    for name in ("slurm.sh", "tpu_pod.sh"):
        assert os.stat(ROOT / "experiments/launch" / name).st_mode & stat.S_IXUSR


def test_away_from_a_checkout_the_scripts_have_whole_paths(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    script = line(lines.Place("slurm", 1, 8)).split()[3]
    assert script == str(ROOT / "experiments/launch/slurm.sh")


def test_one_line_is_run_from_here():
    assert lines.run([["python", "-c", "raise SystemExit(3)"]]) == 3
    with pytest.raises(ValueError, match="no-such-batch: cannot be started"):
        lines.run([["no-such-batch"]])
    with pytest.raises(ValueError, match="these lines are for other hosts"):
        lines.run([["python"], ["python"]])


def test_too_little_memory_is_refused_in_one_line(quick, monkeypatch):
    place = lines.Place("gpus", 1, quick.config.mesh.data or 1)
    plan.check(quick, place, "h100")
    small = CHIPS["h100"]._replace(memory=sum(planning.memory(quick)))
    monkeypatch.setitem(CHIPS, "h100", small)
    with pytest.raises(ValueError, match="each device would hold .* expected more dev") as error:
        plan.check(quick, place, "h100")
    assert "\n" not in str(error.value)


def test_walks_beside_the_agent_need_one_process(quick):
    train = dataclasses.replace(quick.config.train, flip_seconds=1.0)
    walking = quick._replace(config=dataclasses.replace(quick.config, train=train))
    with pytest.raises(ValueError, match="flip_seconds=1.0: expected 0 with several processes"):
        plan.check(walking, lines.Place("slurm", 2, 8), "h100")


def test_a_dry_run_says_what_each_process_holds():
    command = [sys.executable, "-m", "experiments.launch", f"--config={QUICK}", "--dry_run"]
    flags = ["--where=slurm", "--processes=2", "--devices=2", "--config.seed=5"]
    done = subprocess.run([*command, *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "data 4 x model 1: 4 x h100" in done.stdout
    assert (
        "32 of 128 games" in done.stdout
        and "process 1                 devices 2 to 3" in done.stdout
    )
    assert done.stdout.splitlines()[-1] == (
        f"sbatch --nodes=2 --gpus-per-node=2 experiments/launch/slurm.sh {QUICK} runs/quickstart "
        "--config.seed=5"
    )
