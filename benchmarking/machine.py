"""What a measured figure depends on, device, clocks and versions; and how seconds are taken."""

import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

import jax
import jaxlib


def median_seconds(
    call: Callable[[Any], Any], state: Any = None, repeats: int = 3
) -> tuple[float, Any]:
    """Returns the median seconds of some calls, until their results are there, and the last result.

    Args:
      call: function of the result of the call before.
      state: what the first call is given.
      repeats: number of calls.
    """
    seconds = []
    for _ in range(repeats):
        begin = time.monotonic()
        state = jax.block_until_ready(call(state))
        seconds.append(time.monotonic() - begin)
    return statistics.median(seconds), state


def facts() -> dict[str, str]:
    """Returns device, cores, versions, date and commit; clocks too where a GPU tells them."""
    found = {
        "device": jax.devices()[0].device_kind,
        "cores": str(os.cpu_count()),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        "commit": _output_of("git", "rev-parse", "--short", "HEAD"),
    }
    if jax.default_backend() == "cpu":
        found["device"] = _cpu_model() or platform.processor()
    elif jax.default_backend() == "gpu":
        fields = "clocks.sm,clocks.mem,power.limit,driver_version"
        query = ("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader")
        found[fields] = _output_of(*query)
    return found


def _cpu_model() -> str:
    """Returns the model that Linux names for the first core; empty where it names none."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else ""


def _output_of(*command: str) -> str:
    """Returns what a command prints; empty where it fails or is not there."""
    folder = pathlib.Path(__file__).parent
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
