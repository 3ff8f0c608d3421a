"""A whole run in its folder: started or gone on with, checkpointed, reported and ended.

Example::

    from alphatensor.training import train
    from experiments.configs import quickstart

    outcome = train(quickstart.get_config(), on_report=lambda report: print(report.best))

`Run` gives the same as an iterator of reports.
"""

import contextlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Self

import jax
import numpy as np
from ml_collections import ConfigDict

from alphatensor.config import differences
from alphatensor.factorization import Factorization
from alphatensor.training import (
    checkpoints,
    devices,
    interrupts,
    loop,
    memory_check,
    progress,
    run_folder,
)
from alphatensor.training.config import RunConfig
from alphatensor.training.programs import make_programs
from alphatensor.training.settings import from_config
from alphatensor.training.state import Findings, Report, Snapshot

CHECKPOINT_VERSION = 3  # of what a checkpoint holds; other versions cannot be read

ANEW = "resume=False (--noresume) moves the run aside and begins anew"


class RunError(RuntimeError):
    """Raised for a run that cannot go on; the message, which was said, tells why in one line.

    Attributes:
      summary: the summary of what it has found, or empty text.
    """

    def __init__(self, message: str, summary: str = ""):
        super().__init__(message)
        self.summary = summary


class Outcome(NamedTuple):
    """Says how a run ended.

    Attributes:
      ended: one sentence.
      summary: the best algorithms in readable form; empty in all processes but the first.
      folder: where everything is; None in all processes but the first.
      best: the best factorisation by `'target ring'`, for example `'2x2x2 Z'`.
      report: the last report; None where the run was over before it began.
    """

    ended: str
    summary: str
    folder: pathlib.Path | None
    best: dict[str, Factorization]
    report: Report | None


def train(
    config: RunConfig | ConfigDict | Mapping,
    *,
    resume: bool = True,
    force: bool = False,
    on_report: Callable[[Report], None] | None = None,
) -> Outcome:
    """Trains until the goal or a limit is reached, or the user stops it, and writes everything.

    From the first iteration on, Ctrl-C and SIGTERM end the run after the iteration under way, with
    a checkpoint; a second one ends it at once.

    Args:
      config: configuration of the run; `config.output` names its folder.
      resume: whether to go on from the newest checkpoint in that folder; otherwise the folder is
        moved aside and the run begins anew.
      force: whether to go on from a checkpoint of another configuration.
      on_report: is called with the report of each iteration.

    Raises:
      ValueError: in one line, for a configuration that does not fit.
      RunError: where the run cannot go on.
    """
    devices.use_all_cores()
    report = None
    with Run(config, resume=resume, force=force) as run:
        with interrupts.StopRequests() as requests:
            for report in run.reports(stop=lambda: requests.count > 0):
                requests.begin()
                if on_report:
                    on_report(report)
        return run.finish(report, was_stopped=requests.count > 0)


class Run:
    """A run in its folder; a context manager.

    Attributes:
      settings: the checked configuration with targets and agent.
      folder: where process 0 writes; None in the other processes.
    """

    def __init__(
        self,
        config: RunConfig | ConfigDict | Mapping,
        *,
        resume: bool = True,
        force: bool = False,
    ):
        """Opens the folder and restores where the run stood; arguments are those of `train`."""
        self.settings = from_config(config)
        memory_check.check(self.settings)
        config = self.settings.config
        self._config = json.loads(json.dumps(config.to_dict()))
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:  # closed again where something below fails
            self.folder = None
            if jax.process_index() == 0:  # the others compute and store their share
                self.folder = run_folder.RunFolder(config.output)
                opened.callback(lambda: self.folder.close())
            kept, notes = pathlib.Path(config.output) / "checkpoints", []
            self._checkpoints = checkpoints.Checkpoints(kept, config.checkpoint.keep)
            stored = self._stored() if resume else None
            if stored:
                _check_same(stored, self._config, force)
            elif self.folder and kept.exists():
                if resume:  # the run was killed before its first checkpoint was complete
                    notes.append(f"{kept}: no checkpoint was completed; the run begins anew.")
                else:
                    self.folder = self.folder.move_aside()
            # Nobody goes on before the folder is as it should be.
            devices.max_over_processes(np.zeros(1))
            self._programs = make_programs(self.settings)
            self._start = self._restore(notes) if stored else None
            step = int(self._start.state.learner.step) if self._start else 0
            if self.folder:
                notes += self.folder.open(self._config, self.settings.targets, step)
            self._logger = opened.enter_context(progress.RunLogger(self.folder))
            if self._start:
                notes.append(
                    f"Going on from update {step}, {self._start.seconds:.0f} s into the run."
                )
            for note in notes:
                self._logger.say(note)
            self._stack = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Report]:
        return self.reports()

    def reports(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Report]:
        """Runs, yielding the report of each iteration after its discoveries are stored.

        The whole state is stored when a new best rank is found, every `checkpoint.minutes`, where
        `stop` says so, which ends the run, and at its end; also where the caller leaves the loop.

        Raises:
          RunError: where the run cannot go on.
        """
        try:
            with contextlib.closing(self._reports(stop)) as found:
                yield from found
        except loop.NonFiniteLossError as error:
            message = str(error)
            if self.folder:
                message += f"; the state is in {self.folder.save_failed_state(error.state)}."
            raise self._failed(message) from None
        except (checkpoints.CheckpointError, OSError) as error:
            raise self._failed(f"Stopped: {' '.join(str(error).split())}") from None
        except jax.errors.JaxRuntimeError as error:
            if jax.process_count() == 1:
                raise
            reason = str(error).splitlines()[0][:200]
            raise self._failed(
                f"Stopped: another process of this run was lost ({reason}). Start all of them "
                "again, and the run goes on from its last checkpoint."
            ) from None

    def _failed(self, message: str) -> RunError:
        """Says why the run cannot go on, and summarises what can still be written."""
        self._logger.say(message)
        summary = ""
        with contextlib.suppress(OSError, ValueError):
            summary = self.folder.summarise() if self.folder else ""
        return RunError(message, summary)

    def _reports(self, stop: Callable[[], bool]) -> Iterator[Report]:
        saved_at, saved_step, last = time.monotonic(), None, None
        try:
            for snapshot, report in loop.train(self.settings, self._programs, self._start):
                last = snapshot, report
                self._record(report)
                yield report
                minutes = self.settings.config.checkpoint.minutes
                is_due = time.monotonic() - saved_at >= 60 * minutes
                is_last, is_due = devices.max_over_processes(np.array([stop(), is_due]))
                if report.found or is_due or is_last:
                    self._save(snapshot, report, keep_for_ever=bool(report.found))
                    saved_at, saved_step = time.monotonic(), report.updates
                if is_last:
                    break
        except GeneratorExit:  # the caller has left the loop
            self._save_last(last, saved_step)
            raise
        self._save_last(last, saved_step)

    def _record(self, report: Report) -> None:
        """Stores a report and says what it found."""
        if self.folder:
            self.folder.record(report)
        for note in report.notes:
            self._logger.say(note)
        for f in report.found:
            self._logger.say(_announcement(f, self.folder))
        self._logger.update(report)

    def _save(self, snapshot: Snapshot, report: Report, keep_for_ever: bool) -> None:
        if self.folder:
            self.folder.write_curves()
        content = dict(
            version=CHECKPOINT_VERSION,
            config=self._config,
            findings=snapshot.findings.to_json(),
            seconds=snapshot.seconds,
            updates=report.updates,
            rounds=report.rounds,
        )
        self._checkpoints.save(report.updates, snapshot.state, content, keep_for_ever)

    def _save_last(self, last: tuple[Snapshot, Report] | None, saved_step: int | None) -> None:
        if last is not None and saved_step != last[1].updates:
            self._save(*last, keep_for_ever=False)
        self._checkpoints.wait()

    def _stored(self) -> dict | None:
        """Returns the newest progress that can be read; None where nothing was ever stored.

        Raises:
          ValueError: where something is stored and nothing of it can be read, in one line.
        """
        output, notes = self.settings.config.output, []
        try:
            stored = self._checkpoints.progress(_with_header, notes.append)
        except OSError as error:
            raise ValueError(f"{output}: its checkpoints cannot be read ({error}).") from None
        if stored is None and notes:
            raise _nothing_to_go_on_from(output, notes)
        return stored

    def _restore(self, notes: list[str]) -> Snapshot:
        """Reads the newest checkpoint that can be used; adds to `notes` what could not be."""

        def read(stored: dict) -> tuple[Findings, float]:
            if _with_header(stored)["version"] != CHECKPOINT_VERSION:
                raise ValueError("it is of another version of this program")
            try:
                findings = Findings.from_json(stored["findings"], self.settings.targets)
                return findings, float(stored["seconds"])
            except KeyError as error:
                raise ValueError(f"its {error} is missing") from None

        restored = self._checkpoints.restore(self._programs.shapes, read, notes.append)
        if restored is None:
            raise _nothing_to_go_on_from(self.settings.config.output, notes)
        state, (findings, seconds) = restored
        return Snapshot(state, findings, seconds)

    def finish(self, report: Report | None, was_stopped: bool) -> Outcome:
        """Writes the summary and the pictures, and says how the run ended."""
        is_over = "Interrupted; the same command goes on from here." if was_stopped else "Done."
        if not self.folder:
            return Outcome(ended=is_over, summary="", folder=None, best={}, report=report)
        return Outcome(
            ended=f"{is_over} Everything is in {self.folder.path}/.",
            summary=self.folder.summarise(),
            folder=self.folder.path,
            best=dict(self.folder.best),
            report=report,
        )


def _nothing_to_go_on_from(output: str, notes: list[str]) -> ValueError:
    """Returns the error of a run with checkpoints of which none can be used."""
    return ValueError(f"{output}: no checkpoint can be used; {ANEW}. {' '.join(notes)}")


def _with_header(stored: dict) -> dict:
    """Returns a stored progress that says of which version and configuration it is."""
    if not isinstance(stored.get("version"), int) or not isinstance(stored.get("config"), dict):
        raise ValueError("its progress names no version or no configuration")
    return stored


def _check_same(stored: dict, given: dict, force: bool) -> None:
    """Raises `ValueError` where a checkpoint is of another version or configuration."""
    if stored["version"] != CHECKPOINT_VERSION:
        raise ValueError(
            f"{given['output']}: its checkpoints were written by another version of this program "
            f"and cannot be read; {ANEW}."
        )
    found = differences(RunConfig, stored["config"], given)
    different = [f"{name} {old!r} -> {new!r}" for name, old, new in found]
    if different and not force:
        raise ValueError(
            f"{given['output']}: its checkpoint has another configuration: {'; '.join(different)}; "
            f"expected the same. force=True (--force) goes on nevertheless, {ANEW}."
        )


def _announcement(f: Factorization, folder: run_folder.RunFolder | None) -> str:
    place = f" -> {folder.path / run_folder.name_of(f)}.npz" if folder else ""
    speed = f.provenance.get("speedup")
    measured = f", {speed:.3f} times as fast as jnp.dot" if speed else ""
    return (
        f"{f.target.name}: rank {f.rank} over {f.ring}{measured}, verified exactly, found by the "
        f"{f.provenance['engine']} after {f.provenance['seconds']:.0f} s{place}"
    )
