"""A run's folder: configuration, curves, found algorithms, pictures. Files are never half-written.

config.json          the configuration
events.out.tfevents* TensorBoard scalars
curves.csv           the same scalars, one row for each iteration of the loop
checkpoints/         the whole state of the run, see `checkpoints`
run.log              what was said on the screen, rotated
2x2x2_rank7_Z.npz    each new best algorithm, with its provenance
summary.txt          the best algorithms in readable form
summary.png          learning curves
2x2x2_rank7_Z.png    factor matrices U, V, W of the best algorithms
"""

import contextlib
import fcntl
import itertools
import json
import logging
import logging.handlers
import os
import pathlib
from typing import Self, TextIO

import jax
import numpy as np
import tensorboardX

from alphatensor import files
from alphatensor.config import ConfigError
from alphatensor.factorization import Factorization, draw, load, save, to_text
from alphatensor.targets import Target
from alphatensor.training import curves, doors
from alphatensor.training.state import Report, TrainState

LOCK = ".lock"
PROVENANCE = {"engine", "seconds", "updates", "rounds"}  # what the summary says of an algorithm


class FolderLostError(OSError):
    """Raised where a run's folder was removed or renamed while the run went on; one line."""


class RunFolder:
    """Writes one run's results; a context manager, so that curves reach the disk at any end."""

    def __init__(self, path: str | os.PathLike):
        """Creates the folder and locks it, or raises `ConfigError` in one line."""
        self.path = pathlib.Path(path)
        self._lock = _lock(self.path)
        self._stack = contextlib.ExitStack()
        self._stack.callback(self._lock.close)

    def open(self, config: dict, known: tuple[Target, ...], updates: int = 0) -> list[str]:
        """Begins to write.

        Args:
          config: configuration of the run, stored as config.json.
          known: the run's targets.
          updates: number of updates at the checkpoint that the run goes on from; what the folder
            holds of later ones is dropped, since they come again. 0: all that it holds is replaced.

        Returns:
          A line for each file of the folder that is damaged and was set aside.
        """
        self._config, notes = config, []
        files.write_text(self.path / "config.json", json.dumps(config, indent=2, default=str))
        rows = self._read_curves(notes) if updates else []
        self._rows = [row for row in rows if row["updates"] <= updates]
        self.best = _read_best(self.path, known, notes) if updates else {}
        self._events = tensorboardX.SummaryWriter(str(self.path), purge_step=updates + 1)
        self._log = logging.handlers.RotatingFileHandler(
            self.path / "run.log", maxBytes=1_000_000, backupCount=3
        )
        self._log.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._log.handleError = lambda record: None  # a full disk is reported by what matters more
        for close in (self._log.close, self._events.close, self._write_last_curves):
            self._stack.callback(close)
        return notes

    def _read_curves(self, notes: list[str]) -> curves.Rows:
        """Reads the curves so far; a file that holds none is renamed, and `notes` says so."""
        try:
            return curves.read(self.path)
        except ValueError as error:
            path = self.path / curves.NAME
            notes.append(doors.set_aside(path, error) + f" It is {path.name}.damaged now.")
            path.replace(f"{path}.damaged")
            return []

    def move_aside(self) -> Self:
        """Renames the folder to the first free `<path>-N` and returns a new, empty one."""
        numbered = (self.path.with_name(f"{self.path.name}-{n}") for n in itertools.count(1))
        self.path.rename(next(path for path in numbered if not path.exists()))
        self.close()
        return type(self)(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Writes the curves, closes all files and gives the lock back."""
        self._stack.close()

    def log(self, text: str) -> None:
        """Adds a line to run.log."""
        self._log.emit(logging.LogRecord("run", logging.INFO, "", 0, text, None, None))

    def check(self) -> None:
        """Raises `FolderLostError` unless the folder is still there under its name."""
        try:
            is_there = os.path.samestat(os.stat(self.path / LOCK), os.fstat(self._lock.fileno()))
        except OSError:
            is_there = False
        if not is_there:
            raise FolderLostError(f"{self.path}: the run's folder was removed or renamed.")

    def record(self, report: Report) -> None:
        """Stores a report: its scalars, and every found factorisation at once.

        Raises:
          OSError: where it cannot be written; `FolderLostError` where the folder is gone.
        """
        self.check()
        row = {"seconds": report.seconds, "updates": report.updates, "rounds": report.rounds}
        self._rows.append(row | report.scalars)
        for name, value in report.scalars.items():
            self._events.add_scalar(name, value, report.updates)
        if len(report.lengths):
            self._events.add_histogram("games/ranks", report.lengths, report.updates)
        for f in report.found:
            if not self._is_slower(f):
                provenance = f.provenance | {"config": json.dumps(self._config, default=str)}
                save(self.path / f"{name_of(f)}.npz", f.replace(provenance=provenance))
                self.best[_key(f)] = f

    def _is_slower(self, f: Factorization) -> bool:
        """Says whether the folder has one of the same rank with a greater measured speed-up."""
        known = self.best.get(_key(f))
        if known is None or known.rank != f.rank or "speedup" not in f.provenance:
            return False
        return known.provenance.get("speedup", 0.0) >= f.provenance["speedup"]

    def save_failed_state(self, state: TrainState) -> pathlib.Path:
        """Stores the learner's arrays after a loss that was not finite, for inspection."""
        leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(state.learner))
        arrays = {jax.tree_util.keystr(key): np.asarray(x) for key, x in leaves}
        path = self.path / "failed_state.npz"
        files.write(path, lambda file: np.savez(file, **arrays))
        return path

    def summarise(self) -> str:
        """Writes summary.txt and the pictures; returns the summary's text; raises `OSError`."""
        self.write_curves()
        parts = []
        for f in self.best.values():
            draw(f, self.path / f"{name_of(f)}.png")
            engine, seconds = f.provenance["engine"], f.provenance["seconds"]
            parts.append(
                f"{f.target.name} over {f.ring}: rank {f.rank}, verified exactly; found by the "
                f"{engine} after {seconds:.0f} s, {f.provenance['updates']} updates, "
                f"{f.provenance['rounds']} rounds of games\n{to_text(f)}"
            )
        text = "\n\n".join(parts) if parts else "No game was solved."
        files.write_text(self.path / "summary.txt", text + "\n")
        if self._rows:
            files.write(self.path / "summary.png", lambda file: curves.draw(self._rows, file))
        return text

    def write_curves(self) -> None:
        """Writes curves.csv and flushes the events; raises `OSError` as `record` does."""
        self.check()
        files.write_text(self.path / curves.NAME, curves.to_csv(self._rows))
        self._events.flush()

    def _write_last_curves(self) -> None:
        """Writes the curves at the end of a run, which must not fail where the folder is gone."""
        with contextlib.suppress(OSError):
            self.write_curves()


def is_running(folder: pathlib.Path) -> bool:
    """Says whether a live run holds the lock of its folder."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def name_of(f: Factorization) -> str:
    """Returns a file name without suffix, for example `2x2x2_rank7_Z`."""
    return f"{f.target.file_stem}_rank{f.rank}_{f.ring}"


def _key(f: Factorization) -> str:
    return f"{f.target.name} {f.ring}"


def _read_best(
    folder: pathlib.Path, known: tuple[Target, ...], notes: list[str]
) -> dict[str, Factorization]:
    """Reads the exact factorisation of least rank for each target and ring.

    Args:
      folder: the run's folder.
      known: the run's targets.
      notes: a line is added for each file that is damaged or not exact.
    """
    by_name = {target.name: target for target in known}
    best: dict[str, Factorization] = {}
    for path in sorted(folder.glob("*_rank*.npz")):
        try:
            (f,) = load(path)
            f = doors.exact(f, by_name[f.target.name])
            if missing := PROVENANCE - f.provenance.keys():
                raise ValueError(f"its provenance lacks {min(missing)!r}")
        except (OSError, ValueError, KeyError) as error:
            notes.append(doors.set_aside(path, error))
            continue
        if _key(f) not in best or f.rank < best[_key(f)].rank:
            best[_key(f)] = f
    return best


def _lock(folder: pathlib.Path) -> TextIO:
    """Opens and locks a file in the folder, which is made first; raises `ConfigError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+")
    except OSError as error:
        expected = f"a folder that can be written ({error.strerror or error})"
        raise ConfigError("output", str(folder), expected) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        expected = f"a folder of its own, but another run (process {file.read().strip()}) has it"
        raise ConfigError("output", str(folder), expected) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
