"""Trains the agent on a target tensor and saves every algorithm that it finds.

    python -m experiments.train --config=experiments/configs/quickstart.py
    python -m experiments.train --config=experiments/configs/matmul_2x2x3.py --config.seed=1

Fields of the configuration are set with --config.field=value. The run's whole state is stored every
few minutes, at Ctrl-C and at SIGTERM; the same command goes on from there. On several hosts every
process runs the same command with --coordinator (see experiments/launch).
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import time

import numpy as np
from absl import flags
from ml_collections import ConfigDict, config_flags
from tqdm import tqdm

from experiments import command

_CONFIG = config_flags.DEFINE_config_file("config", None, "Path of a configuration file.")
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

# Fields that may change when a run goes on.
_FREE = ("output", "train.goal", "train.max_seconds", "train.max_rounds", "mesh", "checkpoint")


def main() -> None:
    config = _CONFIG.value
    if config is None:
        expected = "a file such as experiments/configs/quickstart.py"
        raise ValueError(f"--config: not given; expected {expected}.")
    if not isinstance(config, ConfigDict):  # what ml_collections gives for a file it cannot load
        name = config_flags.get_config_filename(flags.FLAGS["config"])
        raise ValueError(f"--config={name!r}: expected a file that defines get_config().")

    # Imported late: mistakes in flags are reported before JAX starts.
    import jax

    from alphatensor.training import checkpoints, devices, run_folder, settings
    from alphatensor.training import loop as training

    sys.unraisablehook = _report_unraisable
    devices.use_all_cores()
    devices.join_processes(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value, _TIMEOUT.value)
    if _CACHE.value:
        jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(_CACHE.value).resolve()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    run_settings = settings.from_config(config)
    stored_config = json.loads(json.dumps(config.to_dict(), default=str))

    with contextlib.ExitStack() as stack:
        folder = None
        if jax.process_index() == 0:  # the others compute and store their share, and say nothing
            folder = run_folder.RunFolder(config.output)
            stack.callback(lambda: folder.__exit__())
        keeper = checkpoints.Checkpoints(
            pathlib.Path(config.output) / "checkpoints", run_settings.checkpoint.keep
        )
        progress = keeper.progress() if _RESUME.value else None
        if progress:
            _check_same(progress["config"], stored_config)
        elif folder and keeper.steps():
            folder = folder.move_aside()
        devices.agree(np.zeros(1))  # nobody goes on before the folder is as it should be
        programs = training.make_programs(run_settings)
        notes: list[str] = []
        start = None
        if progress:
            start = _restore(keeper, programs, notes)
        if folder:
            folder.open(stored_config, int(start.state.learner.step) if start else 0)
        say = _Speaker(folder)
        for note in notes:
            say(note)
        if start:
            step = int(start.state.learner.step)
            say(f"Going on from update {step}, {start.seconds:.0f} s into the run.")
        try:
            ended = _run(run_settings, programs, start, keeper, folder, say, stored_config)
        except training.NonFiniteLossError as error:
            if folder:
                path = folder.save_failed_state(error.state)
                say(f"{error}; the state is in {path}.")
                print(folder.summarise())
            _exit(1)
        except (checkpoints.CheckpointError, OSError) as error:
            say(f"Stopped: {' '.join(str(error).split())}")
            with contextlib.suppress(OSError, ValueError):
                if folder:
                    print(folder.summarise())
            _exit(1)
        except jax.errors.JaxRuntimeError as error:
            if jax.process_count() == 1:
                raise
            reason = str(error).splitlines()[0][:200]
            say(
                f"Stopped: another process of this run was lost ({reason}). Start all of them "
                "again, and the run goes on from its last checkpoint."
            )
            _exit(1)
        if folder:
            say.close()
            print(f"\n{folder.summarise()}\n\n{ended} Everything is in {folder.path}/.")


def _run(run_settings, programs, start, keeper, folder, say, stored_config) -> str:
    """The loop, with checkpoints; returns how it ended."""
    from alphatensor.training import devices
    from alphatensor.training import loop as training

    saved_at, saved_step, last = time.monotonic(), None, None
    requests = _StopRequests()

    def save(state, report, keep_for_ever: bool) -> None:
        nonlocal saved_at, saved_step
        if folder:
            folder.write_curves()
        progress = dict(
            config=stored_config, best=report.best, seconds=report.seconds,
            updates=report.updates, rounds=report.rounds,
        )  # fmt: skip
        keeper.save(report.updates, state, progress, keep_for_ever)
        saved_at, saved_step = time.monotonic(), report.updates

    with requests, contextlib.closing(training.train(run_settings, programs, start)) as turns:
        for last in turns:
            state, report = last
            if folder:
                folder.record(report)
            for f in report.found:
                say(_announcement(f, folder))
            say.progress(report)
            requests.can_wait = True
            is_due = time.monotonic() - saved_at >= 60 * run_settings.checkpoint.minutes
            stop, is_due = devices.agree(np.array([requests.count, is_due]))
            if report.found or is_due or stop:
                save(state, report, bool(report.found))
            if stop:
                keeper.wait()
                return "Interrupted; the same command goes on from here."
    if last is not None and saved_step != last[1].updates:
        save(*last, keep_for_ever=False)
    keeper.wait()
    return "Done."


class _StopRequests:
    """Counts Ctrl-C and SIGTERM, so that a turn ends before the run does.

    A second request, or one before the first turn has ended, stops at once.
    """

    def __init__(self):
        self.count = 0
        self.can_wait = False

    def __enter__(self) -> "_StopRequests":
        self._before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame) -> None:
        del frame
        self.count += 1
        if self.count > 1 or not self.can_wait:
            raise SystemExit("\nInterrupted." if number == signal.SIGINT else "\nTerminated.")


class _Speaker:
    """Writes lines on the screen, above the progress bar, and into run.log; process 0 alone."""

    def __init__(self, folder):
        self._folder = folder
        self._bar = tqdm(unit="update", dynamic_ncols=True, mininterval=0.5, disable=not folder)
        self._bar.set_description("compiling")

    def __call__(self, text: str) -> None:
        if self._folder:
            self._bar.write(text)
            with contextlib.suppress(OSError):
                self._folder.log(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def progress(self, report) -> None:
        self._bar.set_description(_progress(report))
        self._bar.update(report.updates - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def _restore(keeper, programs, notes: list[str]):
    from alphatensor.training import loop as training

    restored = keeper.restore(programs.shapes, notes.append)
    if restored is None:
        raise ValueError(
            f"{'; '.join(notes)} No checkpoint can be used; --noresume moves the run aside."
        )
    state, progress = restored
    return training.Snapshot(state, tuple(progress["best"]), progress["seconds"])


def _check_same(stored: dict, given: dict) -> None:
    """Raises `ValueError` naming the fields in which a checkpoint's configuration differs."""
    stored, given = _flatten(stored), _flatten(given)
    free = tuple(f"{name}." for name in _FREE)
    different = [
        f"{name} {stored.get(name)!r} -> {given.get(name)!r}"
        for name in sorted(stored.keys() | given.keys())
        if stored.get(name) != given.get(name) and not f"{name}.".startswith(free)
    ]
    if different and not _FORCE.value:
        raise ValueError(
            f"--config: the checkpoint in {given['output']} has another configuration: "
            f"{'; '.join(different)}; expected the same, --force, or --noresume."
        )


def _flatten(config: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in config.items():
        inner = isinstance(value, dict)
        flat |= _flatten(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return flat


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


def _announcement(f, folder) -> str:
    from alphatensor.training.run_folder import name_of

    place = f" -> {folder.path / name_of(f)}.npz" if folder else ""
    speed = f.provenance.get("speedup")
    measured = f", {speed:.3f} times as fast as jnp.dot" if speed else ""
    return (
        f"{f.target.name}: rank {f.rank} over {f.ring}{measured}, verified exactly, found by the "
        f"{f.provenance['engine']} after {f.provenance['seconds']:.0f} s{place}"
    )


def _progress(report) -> str:
    scalars = report.scalars
    best = ",".join(str(b) if b else "-" for b in report.best)
    text = (
        f"best rank {best} | policy {scalars['loss/policy']:.3f} value {scalars['loss/value']:.3f}"
    )
    if "games/solved" in scalars:
        text += (
            f" | solved {scalars['games/solved']:.0%}, {scalars['speed/games_per_second']:.0f} "
            f"games/s, {scalars['speed/simulations_per_second']:.0f} simulations/s"
        )
    return text


if __name__ == "__main__":
    command.run(main)
