"""Kills processes at random moments and starts them again.

A process under test prints a line that begins with `STEP` for each step of its work, ends by itself
with status 0, and goes on where it was when it is started again. It is killed twice in the suite,
or as often as the environment variable ALPHATENSOR_KILLS says.
"""

import os
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Sequence

import tiny_run

KILLS = int(os.environ.get("ALPHATENSOR_KILLS", "2"))
STEP = "step"
MOST_STEPS = 3  # before a kill
MOST_SECONDS = 0.5  # between the last of these steps and the kill


def killed_and_gone_on(arguments: Sequence[str | os.PathLike], seed: int) -> list[str]:
    """Starts Python, kills it `KILLS` times at random moments, then lets it end.

    Args:
      arguments: what Python is given: a script and its arguments.
      seed: seed of the moments.

    Returns:
      All lines that all the processes have said.

    Raises:
      AssertionError: with what it said, where the last process does not end with status 0.
    """
    moments, lines = random.Random(seed), []
    for _ in range(KILLS):
        with _start(arguments) as process:
            steps = moments.randint(1, MOST_STEPS)
            for line in process.stdout:
                lines.append(line)
                steps -= line.startswith(STEP)
                if not steps:
                    break
            time.sleep(moments.uniform(0, MOST_SECONDS))
            process.kill()
            lines += process.stdout
    with _start(arguments) as process:
        last = list(process.stdout)
    assert process.returncode == 0, "".join(last)
    return lines + last


def _start(arguments: Sequence[str | os.PathLike]) -> subprocess.Popen:
    environment = tiny_run.environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(tiny_run.ROOT), str(tiny_run.ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-u", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tiny_run.ROOT,
        env=environment,
    )


def script(name: str) -> pathlib.Path:
    """Returns the path of a script beside this file."""
    return pathlib.Path(__file__).with_name(name)
