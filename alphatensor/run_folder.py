"""A run's folder: configuration, curves, found algorithms, pictures. Files are never half-written.

config.json          the configuration
events.out.tfevents* TensorBoard scalars
curves.csv           the same scalars, one row for each turn of the loop
2x2x2_rank7_Z.npz    each new best algorithm, with its provenance
summary.txt          the best algorithms in readable form
summary.png          learning curves
2x2x2_rank7_Z.png    factor matrices U, V, W of the best algorithms
"""

import csv
import json
import os
import pathlib
import tempfile

import jax
import matplotlib
import numpy as np
import tensorboardX

from alphatensor.factorization import Factorization, draw, save, to_text
from alphatensor.training import Report

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


class RunFolder:
    """Writes one run's results; a context manager, so that curves reach the disk at any end."""

    def __init__(self, path: str, config: dict):
        """Creates the folder, or raises `ValueError` in one line if it cannot be written."""
        self.path = pathlib.Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(
                f"--config.output={path!r}: expected a folder that can be written ({reason})."
            ) from None
        self._config = config
        self._best: dict[str, Factorization] = {}
        self._rows: list[dict[str, float]] = []
        self._write("config.json", json.dumps(config, indent=2, default=str).encode())
        self._events = tensorboardX.SummaryWriter(str(self.path))

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_) -> None:
        self._write_curves()
        self._events.close()

    @property
    def best(self) -> dict[str, Factorization]:
        """The best factorisation so far by `'target ring'`."""
        return self._best

    def record(self, report: Report) -> None:
        """Stores a report: scalars, and every found factorisation at once."""
        row = {"seconds": report.seconds, "updates": report.updates, "rounds": report.rounds}
        self._rows.append(row | report.scalars)
        for name, value in report.scalars.items():
            self._events.add_scalar(name, value, report.updates)
        for f in report.found:
            provenance = f.provenance | {"config": json.dumps(self._config, default=str)}
            stored = Factorization(f.target, f.ring, f.u, f.v, f.w, provenance)
            save(self.path / f"{name_of(f)}.npz", stored)
            self._best[f"{f.target.name} {f.ring}"] = f

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
        self._write_curves()
        parts = []
        for f in self._best.values():
            draw(f, self.path / f"{name_of(f)}.png")
            seconds, updates = f.provenance["seconds"], f.provenance["updates"]
            parts.append(
                f"{f.target.name} over {f.ring}: rank {f.rank}, verified exactly; found after "
                f"{seconds:.0f} s, {updates} updates, {f.provenance['rounds']} rounds of games\n"
                f"{to_text(f)}"
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

    def _write_curves(self) -> None:
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with tempfile.NamedTemporaryFile("w", dir=self.path, delete=False, newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)
        os.chmod(file.name, 0o644)
        os.replace(file.name, self.path / "curves.csv")

    def _draw_curves(self) -> None:
        panels = [
            ("policy loss (nats)", ["loss/policy"]),
            ("value loss", ["loss/value"]),
            ("solved share of games", ["games/solved"]),
            ("moves of solved games", ["games/best_rank", "games/mean_rank"]),
        ]
        figure, axes = plt.subplots(2, 2, figsize=(10, 6.5), sharex=True, layout="constrained")
        for ax, (title, names) in zip(axes.flat, panels, strict=True):
            for name in names:
                rows = [row for row in self._rows if name in row]
                x = [row["seconds"] for row in rows]
                ax.plot(x, [row[name] for row in rows], ".-", ms=4, lw=1, label=name.split("/")[1])
            ax.set_title(title, fontsize=10)
            ax.grid(alpha=0.3)
            if len(names) > 1:
                ax.legend(fontsize=8)
        for ax in axes[1]:
            ax.set_xlabel("seconds, compilation included")
        with tempfile.NamedTemporaryFile(dir=self.path, suffix=".png", delete=False) as file:
            figure.savefig(file, dpi=110)
        plt.close(figure)
        os.chmod(file.name, 0o644)
        os.replace(file.name, self.path / "summary.png")


def name_of(f: Factorization) -> str:
    """A file name without suffix, for example `2x2x2_rank7_Z`."""
    target = pathlib.PurePath(f.target.name).stem
    return f"{target}_rank{f.rank}_{f.ring}"
