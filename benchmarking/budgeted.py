"""Everything that a GPU or TPU should be measured by, in one command with a budget.

With --minutes above 0, `run_gpu_benchmark` and `run_tpu_benchmark` run these parts, each in a
process of its own that sees the device alone, and each with its share of the budget:

  matmul    the table of products, see `matmul_speed`; needs jax, NumPy, absl and matplotlib alone
  agent     `agent_throughput` of the quick-start's network at S = 4; needs all packages
  walkers   `flip_rate` on 4x4x4; needs all packages

What a part leaves of its share the next ones have. A part that fails or does not end in time is
named with the reason, and the others run all the same.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from absl import flags

from alphatensor import config
from benchmarking import matmul_speed, report
from experiments import command

PARTS = ("matmul", "agent", "walkers")
_PARTS = flags.DEFINE_list("parts", list(PARTS), "With --minutes: the parts to run, in this order.")

SHARES = {"matmul": 0.7, "agent": 0.2, "walkers": 0.1}
GRACE = 30.0  # seconds that a part may take to write what it has
_WITHIN = "ALPHATENSOR_PART"  # set where a process is the part of products itself


def main(device: str, sizes: list[int], precisions: list[str]) -> int:
    """Runs the parts within the budget or, without one, the table of products alone.

    Args:
      device: platform that must be there, 'cpu', 'gpu' or 'tpu'.
      sizes: default of --sizes.
      precisions: default of --precisions.

    Returns:
      The exit status: that of the products where they fail, else 0.
    """
    minutes = command.checked(matmul_speed.MINUTES, config.number(0, 10_000))
    for name in _PARTS.value:
        if name not in PARTS:
            raise ValueError(f"--parts={name!r}: expected some of {', '.join(PARTS)}.")
    if not minutes or os.environ.get(_WITHIN):
        matmul_speed.main(device, sizes, precisions)
        return 0
    folder = report.make_folder(matmul_speed.OUTPUT.value)
    end, status = time.monotonic() + 60 * minutes, 0
    parts = list(dict.fromkeys(_PARTS.value))
    for place, name in enumerate(parts):
        left = end - time.monotonic()
        share = SHARES[name] / sum(SHARES[x] for x in parts[place:])
        reason = _run(name, _arguments(name, device, folder, left * share), left * share)
        if reason.endswith("status 2") and name == "matmul":
            return 2  # a mistake in a flag, or no such device; the part has said so
        if reason:
            print(f"{name} | left out: {reason}", flush=True)
            status = 1 if name == "matmul" else status
    return status


def _arguments(name: str, device: str, folder: pathlib.Path, seconds: float) -> list[str]:
    """Returns the command line of a part, after the name of Python."""
    if name == "agent":
        flags_ = ["--sides=4", "--networks=quickstart", f"--output={folder}"]
        return ["-m", "benchmarking.agent_throughput", *flags_]
    if name == "walkers":
        flags_ = ["--formats=4x4x4,6x6x6", f"--threads=1,{os.cpu_count()}"]
        return ["-m", "benchmarking.flip_rate", *flags_, f"--output={folder / 'flip_rate'}"]
    minutes = max(seconds - GRACE / 2, 1.0) / 60
    return ["-m", f"benchmarking.run_{device}_benchmark", *sys.argv[1:], f"--minutes={minutes:.3f}"]


def _run(name: str, arguments: list[str], seconds: float) -> str:
    """Runs a part; returns why it has not ended well, or nothing."""
    print(f"-- {name}: {seconds / 60:.1f} minutes", flush=True)
    if seconds <= 0:
        return "the minutes are over"
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {_WITHIN: name},
        start_new_session=True,  # so that what it has started ends with it
    )
    try:
        _, errors = process.communicate(timeout=seconds + GRACE * (name == "matmul"))
    except subprocess.TimeoutExpired:
        _end(process)
        return "its minutes are over; what is written stays"
    except BaseException:
        _end(process)
        raise
    lines = errors.strip().splitlines() or [""]
    if process.returncode == 2:
        print(lines[-1], file=sys.stderr)
    words = f"{lines[-1][:200]}; " if process.returncode not in (0, 2) else ""
    return f"{words}status {process.returncode}" if process.returncode else ""


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
