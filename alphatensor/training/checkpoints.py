"""Checkpoints of a whole run, written by orbax and trusted only when every byte is as it was.

A folder holds, for each checkpoint, what orbax wrote (`000000001500/`) and a manifest beside it
(`000000001500.json`) with the run's progress and the SHA-256 of every file. The manifest is written
last: a checkpoint without one was cut short and is not used.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import threading
from collections.abc import Callable
from typing import Any

import jax
import orbax.checkpoint as ocp

from alphatensor import files


class CheckpointError(RuntimeError):
    """Raised where a checkpoint could not be written; the message says why, in one line."""


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
        """Returns the steps that have a manifest, oldest first."""
        return sorted(int(path.stem) for path in self._folder.glob("*.json"))

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
        manifest = {"step": step, "keep_for_ever": keep_for_ever, "progress": progress}
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

    def _finish(self, path: pathlib.Path, manifest: dict) -> None:
        try:
            self._writer.wait_until_finished()
            if jax.process_index() == 0:
                text = json.dumps(manifest | {"files": _digests(path)})
                files.write_text(path.with_suffix(".json"), text)
                self._remove_old(manifest["step"])
        except Exception as error:  # reported by the next call in the main thread
            self._failure = error

    def _remove_old(self, last: int) -> None:
        """Removes all but the newest `keep` up to `last`, those kept for ever, and torn ones.

        Later ones could not be used when the run went on from before them: they do not count, and
        stay, as do those whose manifest cannot be read.
        """
        earlier = {s: x for s, x in manifests(self._folder).items() if s <= last}
        for step in list(earlier)[: -self._keep]:
            if not earlier[step]["keep_for_ever"]:
                self._manifest(step).unlink()
        complete = {f"{step:012d}" for step in self.steps()}
        for path in self._folder.iterdir():
            if path.is_dir() and path.name not in complete:
                shutil.rmtree(path, ignore_errors=True)

    def _manifest(self, step: int) -> pathlib.Path:
        return self._folder / f"{step:012d}.json"

    def progress(self) -> dict | None:
        """Returns the progress in the newest readable manifest, None where there is none."""
        found = list(manifests(self._folder).values())
        return found[-1]["progress"] if found else None

    def restore(self, like: Any, report: Callable[[str], None]) -> tuple[Any, dict] | None:
        """Reads the newest checkpoint whose files are as they were written.

        Args:
          like: a pytree of `jax.ShapeDtypeStruct` with the shardings wanted; they may differ from
            those at writing.
          report: is called with one line for each newer checkpoint that cannot be used.

        Returns:
          (state, progress), or None where there is none.
        """
        for step in reversed(self.steps()):
            path = self._folder / f"{step:012d}"
            try:
                manifest = _read_json(self._manifest(step))
                digests = _digests(path)
                wrong = [name for name, x in manifest["files"].items() if digests.get(name) != x]
                if wrong:
                    raise ValueError(f"{wrong[0]} is missing or not as it was written")
                return self._writer.restore(path, like), manifest["progress"]
            except Exception as error:  # a damaged file may raise anything, deep inside orbax
                reason = " ".join(str(error).split())[:300]
                report(f"{path}: damaged ({reason}); the checkpoint before it is used.")
        return None


def manifests(folder: str | os.PathLike) -> dict[int, dict]:
    """Returns the readable manifests in a folder by step, oldest first."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            manifest = _read_json(path)
            found[manifest["step"]] = manifest
    return found


def _failed(folder: pathlib.Path, error: Exception) -> CheckpointError:
    reason = " ".join(str(error).split())[:300]
    return CheckpointError(f"{folder}: the checkpoint could not be written ({reason}).")


def _digests(path: pathlib.Path) -> dict[str, str]:
    found = sorted(x for x in path.rglob("*") if x.is_file())
    return {str(x.relative_to(path)): hashlib.sha256(x.read_bytes()).hexdigest() for x in found}


def _read_json(path: pathlib.Path) -> dict:
    return json.loads(path.read_text())
