"""The command lines that start a run in each kind of place."""

import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

PLACES = ("gpus", "slurm", "tpu", "hosts")
SCRIPTS = pathlib.Path(__file__).parent


class Place(NamedTuple):
    """Where a run is started.

    Attributes:
      where: one of `PLACES`.
      processes: of the run, one for each host.
      devices: of each process.
      coordinator: `host:port` of process 0, for `hosts`.
      name, zone: of the pod slice, for `tpu`.
    """

    where: str
    processes: int
    devices: int
    coordinator: str = ""
    name: str = ""
    zone: str = ""


def commands(place: Place, config: str, output: str, fields: Mapping[str, Any]) -> list[list[str]]:
    """Returns the arguments of each command that starts the run.

    Args:
      place: where.
      config: path of the configuration file.
      output: the run's folder, which all hosts share.
      fields: the fields that are set on the command line, by their paths.

    Raises:
      ValueError: in one line, for flags that the place needs and lacks.
    """
    given = [f"--config.{name}={x}" for name, x in fields.items() if name != "output"]
    train = ["python", "-m", "experiments.train", f"--config={config}", f"--config.output={output}"]
    if place.where == "gpus":
        if place.processes > 1:
            raise ValueError(
                f"--processes={place.processes}: one machine has one process; --where=slurm, tpu "
                "or hosts start several."
            )
        return [train + given]
    if place.where == "slurm":
        sizes = [f"--nodes={place.processes}", f"--gpus-per-node={place.devices}"]
        return [["sbatch", *sizes, _script("slurm.sh"), config, output, *given]]
    if place.where == "tpu":
        if not (place.name and place.zone):
            raise ValueError("--where=tpu: expected --name and --zone of the slice as well.")
        return [[_script("tpu_pod.sh"), place.name, place.zone, config, output, *given]]
    host, _, port = place.coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(f"--coordinator={place.coordinator!r}: expected host:port of host 0.")
    joined = [f"--coordinator={place.coordinator}", f"--num_processes={place.processes}"]
    return [train + given + joined + [f"--process_id={i}"] for i in range(place.processes)]


def _script(name: str) -> str:
    """Returns the path of a script of this folder, short where it lies below the working folder."""
    path, here = SCRIPTS / name, pathlib.Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def run(found: list[list[str]]) -> int:
    """Runs the one command that starts a run, and returns its exit status.

    Raises:
      ValueError: in one line, for commands that are for other hosts, or one that is not there.
    """
    if len(found) > 1:
        raise ValueError("--where=hosts: these lines are for other hosts; --dry_run prints them.")
    name, *rest = found[0]
    program = sys.executable if name == "python" else name
    try:
        return subprocess.run([program, *rest]).returncode
    except OSError as error:
        raise ValueError(f"{name}: cannot be started ({error.strerror}).") from None
