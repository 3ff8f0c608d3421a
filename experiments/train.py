"""Trains the agent on a target tensor and saves every algorithm that it finds.

    python -m experiments.train --config=experiments/configs/quickstart.py
    python -m experiments.train --config=experiments/configs/neighbourhood.py --config.seed=1

Fields of the configuration are set with --config.field=value. The run's whole state is stored every
few minutes, at Ctrl-C and at SIGTERM; the same command goes on from there. On several hosts every
process runs the same command with --coordinator (see experiments/SCALING.md).
"""

import os
import sys

from absl import flags

from experiments import command

_CONFIG = command.config_flag()
_CACHE = flags.DEFINE_string(
    "compilation_cache",
    ".jax_cache",
    "Folder in which compiled programs are kept for the next start; empty for none.",
)
_RESUME = flags.DEFINE_bool(
    "resume",
    True,
    "Go on from the newest checkpoint in the run's folder; with --noresume that folder is moved "
    "aside and the run starts anew.",
)
_FORCE = flags.DEFINE_bool(
    "force", False, "Go on from a checkpoint although its configuration differs."
)
_COORDINATOR = flags.DEFINE_string(
    "coordinator",
    "",
    "Address host:port of process 0 of a run on several hosts; auto: ask the cluster.",
)
_PROCESSES = flags.DEFINE_integer("num_processes", 1, "Processes of the run, with --coordinator.")
_PROCESS = flags.DEFINE_integer("process_id", 0, "Number of this process, with --coordinator.")
_TIMEOUT = flags.DEFINE_integer("connect_timeout", 120, "Seconds to wait for the other processes.")


def main() -> None:
    config = command.config_of(_CONFIG)

    # Imported late: mistakes in flags are reported before JAX starts.
    from alphatensor.training import devices, runner

    sys.unraisablehook = _report_unraisable
    devices.use_all_cores()
    devices.join_processes(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value, _TIMEOUT.value)
    if _CACHE.value:
        command.keep_compiled_programs(_CACHE.value)
    try:
        outcome = runner.train(config, resume=_RESUME.value, force=_FORCE.value)
    except runner.RunError as error:  # it has been said
        print(error.summary)
        _exit(1)
    if outcome.folder:
        print(f"\n{outcome.summary}\n\n{outcome.ended}")


def _report_unraisable(error) -> None:
    """Passes over what a checkpoint's failed write leaves behind in tensorstore's threads.

    The first failed file is raised and ends the event loop; each of the others then reports that
    the loop is closed, past all handlers.
    """
    if str(error.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(error)


def _exit(status: int) -> None:
    """Ends a process without waiting for others that may never answer."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
