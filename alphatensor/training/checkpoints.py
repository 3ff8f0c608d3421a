"""Checkpoints of a whole run, written by orbax and trusted only when every byte is as it was.

A folder holds, for each checkpoint, what orbax wrote (`000000001500/`) and a manifest beside it
(`000000001500.json`) with the run's progress and the SHA-256 of every file. The manifest is written
last: a checkpoint without one was cut short and is not used. A manifest that is there and cannot be
read is another matter: it is named, and the checkpoint before it is used.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import orbax.checkpoint as ocp

from alphatensor import files


class CheckpointError(RuntimeError):
    """Raised where a checkpoint could not be written; the message says why, in one line."""


Progress = TypeVar("Progress")
Say = Callable[[str], None]  # is called with one line


class Manifest(NamedTuple):
    """What is written beside a checkpoint when it is complete.

    Attributes:
      step: the checkpoint's number.
      keep_for_ever: whether it stays when newer ones are written.
      progress: what `save` was given.
      files: SHA-256 of every file of the checkpoint, by its path in it.
    """

    step: int
    keep_for_ever: bool
    progress: dict
    files: dict[str, str]


class Checkpoints:
    """Writes and reads the checkpoints of one run.

    With several processes all of them must call `save` and `restore`, and the folder must be on a
    file system that they share; process 0 writes the manifests.
    """

    def __init__(self, folder: str | os.PathLike, keep: int):
        """Uses `folder`, which need not exist, and keeps the newest `keep` checkpoints."""
        self._folder = pathlib.Path(folder).resolve()
        self._keep = keep
        self._writer = ocp.StandardCheckpointer()
        self._finishing: threading.Thread | None = None
        self._failure: Exception | None = None

    def steps(self) -> list[int]:
        """Returns the steps that have a manifest, readable or not, oldest first.

        Raises:
          OSError: for a folder that is there and cannot be read.
        """
        return sorted(_manifest_paths(self._folder))

    def save(self, step: int, state: Any, progress: dict, keep_for_ever: bool = False) -> None:
        """Starts to write a pytree of arrays and a JSON-like dictionary; returns at once.

        The arrays are copied before this returns. Waits for the checkpoint before this one.

        Raises:
          CheckpointError: if that one, or the start of this one, failed.
        """
        self.wait()
        path = self._folder / f"{step:012d}"
        try:
            if jax.process_index() == 0:
                self._folder.mkdir(parents=True, exist_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
            self._writer.save(path, state, force=True)
        except Exception as error:  # whatever the file system or orbax raises
            raise _failed(self._folder, error) from error
        manifest = Manifest(step, keep_for_ever, progress, files={})
        self._finishing = threading.Thread(target=self._finish, args=(path, manifest))
        self._finishing.start()

    def wait(self) -> None:
        """Waits until the last `save` is on the disk; raises `CheckpointError` if it failed."""
        if self._finishing is not None:
            self._finishing.join()
            self._finishing = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise _failed(self._folder, failure) from failure

    def _finish(self, path: pathlib.Path, manifest: Manifest) -> None:
        try:
            self._writer.wait_until_finished()
            if jax.process_index() == 0:
                manifest = manifest._replace(files=_digests(path))
                files.write_text(path.with_suffix(".json"), json.dumps(manifest._asdict()))
                self._remove_old(manifest.step)
        except Exception as error:  # reported by the next call in the main thread
            self._failure = error

    def _remove_old(self, last: int) -> None:
        """Removes all but the newest `keep` up to `last`, those kept for ever, and torn ones.

        Later ones could not be used when the run went on from before them: they do not count, and
        stay, as do those whose manifest cannot be read.
        """
        earlier = {s: x for s, x in manifests(self._folder).items() if s <= last}
        for step in list(earlier)[: -self._keep]:
            if not earlier[step].keep_for_ever:
                (self._folder / f"{step:012d}.json").unlink()
        complete = {f"{step:012d}" for step in self.steps()}
        for path in self._folder.iterdir():
            if path.is_dir() and path.name not in complete:
                shutil.rmtree(path, ignore_errors=True)

    def progress(self, read: Callable[[dict], Progress], say: Say) -> Progress | None:
        """Returns the progress in the newest readable manifest, None where there is none.

        Args:
          read: makes of the stored progress what is returned; where it raises `ValueError`, the
            manifest counts as one that cannot be read.
          say: is called with one line for each newer manifest that cannot be read.
        """
        for _, path in sorted(_manifest_paths(self._folder).items(), reverse=True):
            try:
                return read(read_manifest(path).progress)
            except (OSError, ValueError) as error:
                say(_unreadable(path, error))
        return None

    def restore(
        self, like: Any, read: Callable[[dict], Progress], say: Say
    ) -> tuple[Any, Progress] | None:
        """Reads the newest checkpoint that is as it was written.

        Args:
          like: a pytree of `jax.ShapeDtypeStruct` with the shardings wanted; they may differ from
            those at writing.
          read: makes of the stored progress what is returned; where it raises, the checkpoint
            counts as damaged.
          say: is called with one line for each newer checkpoint that cannot be used.

        Returns:
          (state, what `read` gives), or None where there is none.
        """
        for _, path in sorted(_manifest_paths(self._folder).items(), reverse=True):
            folder = path.with_suffix("")
            try:
                manifest = read_manifest(path)
                digests = _digests(folder)
                wrong = [name for name, x in manifest.files.items() if digests.get(name) != x]
                if wrong:
                    raise ValueError(f"{wrong[0]} is missing or not as it was written")
                progress = read(manifest.progress)
                return self._writer.restore(folder, like), progress
            except Exception as error:  # a damaged file may raise anything, deep inside orbax
                say(_unreadable(path, error))
        return None


def read_manifest(path: pathlib.Path) -> Manifest:
    """Reads a manifest.

    Raises:
      OSError: where the file cannot be opened.
      ValueError: where it is not a manifest, in one line.
    """
    try:
        stored = json.loads(path.read_text())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    kinds = {"step": int, "keep_for_ever": bool, "progress": dict, "files": dict}
    if not isinstance(stored, dict):
        raise ValueError(f"holds a {type(stored).__name__} where a manifest was expected")
    for name, kind in kinds.items():
        if not isinstance(stored.get(name), kind):
            raise ValueError(f"its {name!r} is missing or no {kind.__name__}")
    if not stored["files"]:
        raise ValueError("it names no files")
    if stored["step"] != int(path.stem):
        raise ValueError(f"it is that of step {stored['step']}")
    return Manifest(**{name: stored[name] for name in kinds})


def manifests(folder: str | os.PathLike, say: Say | None = None) -> dict[int, Manifest]:
    """Returns the readable manifests in a folder by step, oldest first.

    Args:
      folder: folder of the checkpoints.
      say: is called with one line for each manifest that cannot be read.
    """
    found = {}
    for step, path in sorted(_manifest_paths(pathlib.Path(folder)).items()):
        try:
            found[step] = read_manifest(path)
        except (OSError, ValueError) as error:
            if say:
                say(_unreadable(path, error))
    return found


def _manifest_paths(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns the manifests in a folder by step; other files in it are nobody's business here."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return {}
    return {int(name[:-5]): folder / name for name in names if re.fullmatch(r"\d{12,}\.json", name)}


def _unreadable(path: pathlib.Path, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    return f"{path}: this checkpoint cannot be used ({reason})."


def _failed(folder: pathlib.Path, error: Exception) -> CheckpointError:
    reason = " ".join(str(error).split())[:300]
    return CheckpointError(f"{folder}: the checkpoint could not be written ({reason}).")


def _digests(path: pathlib.Path) -> dict[str, str]:
    found = sorted(x for x in path.rglob("*") if x.is_file())
    return {str(x.relative_to(path)): hashlib.sha256(x.read_bytes()).hexdigest() for x in found}
