"""A run's folder: configuration, curves, found algorithms, pictures. Files are never half-written.

config.json          the configuration
events.out.tfevents* TensorBoard scalars
curves.csv           the same scalars, one row for each turn of the loop
checkpoints/         the whole state of the run, see `checkpoints`
run.log              what was said on the screen, rotated
2x2x2_rank7_Z.npz    each new best algorithm, with its provenance
summary.txt          the best algorithms in readable form
summary.png          learning curves
2x2x2_rank7_Z.png    factor matrices U, V, W of the best algorithms
"""

import csv
import fcntl
import io
import itertools
import json
import logging
import logging.handlers
import os
import pathlib
import tempfile

import jax
import matplotlib
import numpy as np
import tensorboardX

from alphatensor.factorization import Factorization, draw, load, save, to_text
from alphatensor.training.loop import Report

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


class RunFolder:
    """Writes one run's results; a context manager, so that curves reach the disk at any end."""

    def __init__(self, path: str):
        """Creates the folder and locks it, or raises `ValueError` in one line."""
        self.path = pathlib.Path(path)
        self._lock = _lock(path)
        self._events = self._log = None

    def open(self, config: dict, updates: int = 0) -> None:
        """Begins to write.

        Args:
          config: of the run, stored as config.json.
          updates: those of the checkpoint that the run goes on from; what the folder holds of
            later turns is dropped, since they come again. 0: whatever it holds is replaced.
        """
        self._config = config
        self._write("config.json", json.dumps(config, indent=2, default=str).encode())
        rows = read_curves(self.path) if updates else []
        self._rows = [row for row in rows if row["updates"] <= updates]
        self._best = self._read_best() if updates else {}
        self._events = tensorboardX.SummaryWriter(str(self.path), purge_step=updates + 1)
        self._log = logging.handlers.RotatingFileHandler(
            self.path / "run.log", maxBytes=1_000_000, backupCount=3
        )
        self._log.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def move_aside(self) -> "RunFolder":
        """Renames the folder to the first free `<path>-N` and returns a new, empty one."""
        number = next(n for n in itertools.count(1) if not self._aside(n).exists())
        self.path.rename(self._aside(number))
        self._lock.close()
        return RunFolder(str(self.path))

    def _aside(self, number: int) -> pathlib.Path:
        return self.path.with_name(f"{self.path.name}-{number}")

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_) -> None:
        try:
            if self._events is not None:
                self.write_curves()
        finally:
            if self._events is not None:
                self._events.close()
                self._log.close()
            self._lock.close()

    @property
    def best(self) -> dict[str, Factorization]:
        """The best factorisation so far by `'target ring'`."""
        return self._best

    def log(self, text: str) -> None:
        """Adds a line to run.log."""
        self._log.emit(logging.LogRecord("run", logging.INFO, "", 0, text, None, None))

    def record(self, report: Report) -> None:
        """Stores a report: scalars, and every found factorisation at once."""
        row = {"seconds": report.seconds, "updates": report.updates, "rounds": report.rounds}
        self._rows.append(row | report.scalars)
        for name, value in report.scalars.items():
            self._events.add_scalar(name, value, report.updates)
        if len(report.lengths):
            self._events.add_histogram("games/ranks", report.lengths, report.updates)
        for f in report.found:
            if self._is_slower(f):
                continue
            provenance = f.provenance | {"config": json.dumps(self._config, default=str)}
            stored = Factorization(f.target, f.ring, f.u, f.v, f.w, provenance)
            save(self.path / f"{name_of(f)}.npz", stored)
            self._best[f"{f.target.name} {f.ring}"] = f

    def _is_slower(self, f: Factorization) -> bool:
        """Whether the folder has one of the same rank with a greater measured speed-up."""
        known = self._best.get(f"{f.target.name} {f.ring}")
        if known is None or known.rank != f.rank or "speedup" not in f.provenance:
            return False
        return known.provenance.get("speedup", 0.0) >= f.provenance["speedup"]

    def save_failed_state(self, state) -> pathlib.Path:
        """Stores the leaves of a state whose loss was not finite, for inspection."""
        leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(state.learner))
        path = self.path / "failed_state.npz"
        with tempfile.NamedTemporaryFile(dir=self.path, suffix=".npz", delete=False) as file:
            np.savez(file, **{jax.tree_util.keystr(key): np.asarray(x) for key, x in leaves})
        os.replace(file.name, path)
        return path

    def summarise(self) -> str:
        """Writes summary.txt and the pictures; returns the summary's text."""
        self.write_curves()
        parts = []
        for f in self._best.values():
            draw(f, self.path / f"{name_of(f)}.png")
            engine, seconds = f.provenance["engine"], f.provenance["seconds"]
            parts.append(
                f"{f.target.name} over {f.ring}: rank {f.rank}, verified exactly; found by the "
                f"{engine} after {seconds:.0f} s, {f.provenance['updates']} updates, "
                f"{f.provenance['rounds']} rounds of games\n{to_text(f)}"
            )
        text = "\n\n".join(parts) if parts else "No game was solved."
        self._write("summary.txt", (text + "\n").encode())
        if self._rows:
            self._draw_curves()
        return text

    def _write(self, name: str, data: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
            file.write(data)
        os.chmod(file.name, 0o644)
        os.replace(file.name, self.path / name)

    def write_curves(self) -> None:
        """Writes curves.csv and flushes the events."""
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        self._write("curves.csv", text.getvalue().encode())
        self._events.flush()

    def _read_best(self) -> dict[str, Factorization]:
        best: dict[str, Factorization] = {}
        for path in self.path.glob("*_rank*.npz"):
            (f,) = load(path)
            name = f"{f.target.name} {f.ring}"
            if name not in best or f.rank < best[name].rank:
                best[name] = f
        return best

    def _draw_curves(self) -> None:
        with tempfile.NamedTemporaryFile(dir=self.path, suffix=".png", delete=False) as file:
            draw_curves(self._rows, file)
        os.chmod(file.name, 0o644)
        os.replace(file.name, self.path / "summary.png")


def _lock(path: str):
    """An open, locked file in the folder, which is made first; raises `ValueError`."""
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+")
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"--config.output={path!r}: expected a folder that can be written ({reason})."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip()
        raise ValueError(
            f"--config.output={path!r}: another run (process {holder}) is writing there."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def read_curves(path: pathlib.Path) -> list[dict[str, float]]:
    """The rows of a run's curves.csv, without the empty cells; [] where there is none."""
    try:
        with (path / "curves.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    counters = ("updates", "rounds")
    return [
        {name: int(x) if name in counters else float(x) for name, x in row.items() if x}
        for row in rows
    ]


def draw_curves(rows: list[dict[str, float]], file) -> None:
    """Draws learning curves as PNG into a path or binary file."""
    panels = [
        ("policy loss (nats)", ["loss/policy"]),
        ("value loss", ["loss/value"]),
        ("solved share of games", ["games/solved"]),
        ("moves of solved games", ["games/best_rank", "games/mean_rank"]),
    ]
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.5), sharex=True, layout="constrained")
    for ax, (title, names) in zip(axes.flat, panels, strict=True):
        for name in names:
            chosen = [row for row in rows if name in row]
            x = [row["seconds"] for row in chosen]
            ax.plot(x, [row[name] for row in chosen], ".-", ms=4, lw=1, label=name.split("/")[1])
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
        if len(names) > 1:
            ax.legend(fontsize=8)
    for ax in axes[1]:
        ax.set_xlabel("seconds, compilation included")
    figure.savefig(file, dpi=110, format="png")
    plt.close(figure)


def name_of(f: Factorization) -> str:
    """A file name without suffix, for example `2x2x2_rank7_Z`."""
    target = pathlib.PurePath(f.target.name).stem
    return f"{target}_rank{f.rank}_{f.ring}"
