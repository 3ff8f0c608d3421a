"""What a measured figure depends on: the device, its clocks, and the versions of the software."""

import datetime
import os
import pathlib
import platform
import subprocess

import jax
import jaxlib


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
