"""Whole runs of the tiny configuration, in this process and in others."""

import json
import os
import pathlib
import re
import subprocess
import sys

import jax
import numpy as np
import tiny

from alphatensor.training import programs
from alphatensor.training.config import CheckpointConfig
from alphatensor.training.settings import Settings

ROOT = pathlib.Path(__file__).parents[1]
OVER_Z = dict(
    ring="Z",
    entries=(-1, 0, 1),
    demonstrations__probabilities=(0.25, 0.5, 0.25),
    train__lift=False,
)

ON_SUMS = dict(
    neighbourhood__walks=4,
    neighbourhood__side=3,
    neighbourhood__min_terms=1,
    neighbourhood__max_terms=3,
    neighbourhood__steps=2,
)

_PROGRAMS: dict = {}
# Of the loop: the host alone knows them, and the compiled programs do not change with them.
_HOST_ONLY = dict(
    max_rounds=0, max_seconds=0.0, goal=(), best_games_from="", lift=False, flip_seconds=0.0,
    flip_steps=0, runtime_weight=0.0, runtime_size=1, runtime_measured=1,
)  # fmt: skip


def tiny_config(**changes):
    """Returns the tiny configuration with fields changed, sections as in `train__games`."""
    config = tiny.get_config()
    with config.ignore_type():
        for field, value in changes.items():
            section, _, name = field.rpartition("__")
            (config[section] if section else config)[name] = value
    return config


def shared_programs(settings: Settings) -> programs.Programs:
    """Returns `make_programs(settings)`, made once for all runs that compile to the same."""
    config = settings.config
    key = config.replace(
        output="shared", checkpoint=CheckpointConfig(), train=config.train.replace(**_HOST_ONLY)
    )
    if key not in _PROGRAMS:
        _PROGRAMS[key] = programs.make_programs(settings)
    return _PROGRAMS[key]


def environment(devices: int = 1) -> dict[str, str]:
    """Returns the environment of a process with a number of CPU devices."""
    name = "--xla_force_host_platform_device_count="
    flags = re.sub(rf"{name}\d+", f"{name}{devices}", os.environ["XLA_FLAGS"])
    return os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def run(output, *more, limit: int = 0, devices: int = 1):
    """Starts the command.

    Args:
      output: folder of the run.
      more: flags.
      limit: bound on the bytes of any file that it writes, as a full disk sets; 0 for none.
      devices: number of its CPU devices.
    """
    start = ["-m", "experiments.train"]
    if limit:
        bound = (
            "import resource, runpy, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        )
        start = ["-c", bound + "runpy.run_module('experiments.train', run_name='__main__')\n"]
    command = [
        sys.executable, *start, f"--config={ROOT}/tests/tiny.py", f"--config.output={output}",
        *more,
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment(devices),
    )  # fmt: skip


def finish(process) -> str:
    """Waits for the end of a process that must succeed; returns what it said."""
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def last_state(output) -> dict[str, np.ndarray]:
    """Every byte of a run's last checkpoint, with the counters of its manifest."""
    import orbax.checkpoint as ocp

    folder = pathlib.Path(output) / "checkpoints"
    newest = sorted(folder.glob("*.json"))[-1]
    path, reader = newest.with_suffix("").resolve(), ocp.StandardCheckpointer()
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
        reader.metadata(path).item_metadata.tree,
    )
    state = reader.restore(path, like)
    leaves = jax.tree_util.tree_leaves_with_path(state)
    progress = json.loads(newest.read_text())["progress"]
    found = {jax.tree_util.keystr(path): np.asarray(x) for path, x in leaves}
    return found | {"rounds": progress["rounds"], "findings": progress["findings"]}


def curves_of(output) -> list[list[str]]:
    """Returns updates, rounds and losses of each iteration, without seconds and speeds."""
    lines = (pathlib.Path(output) / "curves.csv").read_text().splitlines()
    return [line.split(",")[1:6] for line in lines]


def assert_same_ends(one, other) -> None:
    """Compares every byte of the last checkpoints of two runs, and all curves but times."""
    expected, found = last_state(one), last_state(other)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)
    assert curves_of(one) == curves_of(other), "no iteration is missing or there twice"
