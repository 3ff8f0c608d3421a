"""Compares `alphatensor.matmul` with `jnp.matmul` on random shapes, after one calibration.

    python -m benchmarking.any_shape --output=runs/any_shape
    python -m benchmarking.any_shape --shapes=50 --most=4096 --minutes=5 --calibration_seconds=0

Calibrates this device first (`alphatensor.autotune()`) or, with `--calibration_seconds=0`, uses the
calibration and the tuned shapes that are there. N, M and P are drawn independently, log-uniform.
Where a kernel was chosen, it and `jnp.matmul` are timed by turns, as in `matmul_speed`; where none
was, both are the same program, which is not timed and counts as 1. Ends when `--minutes` are over,
with what it has, and says what is left out.

Writes any_shape.csv (n, m, p, kernel, predicted, ratio, lower, upper, seconds) and any_shape.png
(the distribution of the ratios, and where kernels were chosen).
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from matplotlib.figure import Figure

import alphatensor
from alphatensor import config
from alphatensor.kernels import memory, timing, tuning
from benchmarking import machine, report
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _SHAPES = flags.DEFINE_integer("shapes", 200, "Number of random shapes.")
    _LEAST = flags.DEFINE_integer("least", 64, "Least size.")
    _MOST = flags.DEFINE_integer("most", 8192, "Largest size.")
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the shapes.")
    _MINUTES = flags.DEFINE_float("minutes", 20.0, "Minutes after which no shape is begun.")
    _CALIBRATION = flags.DEFINE_float(
        "calibration_seconds",
        240.0,
        "Budget of the calibration; 0: the stored one is used.",
    )
    _REPEATS = flags.DEFINE_integer("repeats", 7, "Least pairs of timings of a shape.")
    _OUTPUT = flags.DEFINE_string("output", "runs/any_shape", "Folder for the table and the plot.")

SLOWER = 0.97  # a ratio below this is a loss


def main() -> None:
    number = command.checked(_SHAPES, config.integer(1, 100_000))
    least = command.checked(_LEAST, config.integer(1, 2**16))
    most = command.checked(_MOST, config.integer(least, 2**16))
    seed = command.checked(_SEED, config.seed())
    end = time.monotonic() + 60 * command.checked(_MINUTES, config.number(0.01, 10_000))
    budget = command.checked(_CALIBRATION, config.number(0, 100_000))
    repeats = command.checked(_REPEATS, config.integer(1, 10_000))
    folder = report.make_folder(_OUTPUT.value)
    if budget:
        found = alphatensor.autotune(seconds=max(budget, 1.0))
        print(f"calibrated by {found.measurements} gains; margin {found.margin:.3f}", flush=True)
    facts, rows = machine.facts(), []
    shapes = random_shapes(number, least, most, seed)
    for shape in shapes:
        if time.monotonic() > end:
            break
        rows.append(measure(shape, repeats))
        if rows[-1]["kernel"] != "jnp":
            print(" | ".join(map(str, rows[-1].values())), flush=True)
        report.write_records(folder / "any_shape.csv", [row | facts for row in rows])
    if rows:
        report.write_figure(folder / "any_shape.png", _figure(rows, facts))
        print(summary(rows, left_out=number - len(rows)))
        print(f"Written to {folder}/any_shape.csv and any_shape.png.")
    else:
        print(f"--minutes={_MINUTES.value}: over before the first shape; nothing is written.")


def random_shapes(number: int, least: int, most: int, seed: int) -> list[tuple[int, int, int]]:
    """Draws shapes (N, M, P) whose sizes are log-uniform."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(least), np.log(most + 1), (number, 3))).astype(int)
    return [tuple(map(int, np.clip(row, least, most))) for row in sizes]


def measure(shape: tuple[int, int, int], least_repeats: int) -> dict:
    """Measures one shape; returns its row, as the module's docstring names it."""
    n, m, p = shape
    row = {"n": n, "m": m, "p": p, "kernel": "jnp", "predicted": 1.0}
    row |= {"ratio": 1.0, "lower": 1.0, "upper": 1.0, "seconds": ""}
    choice = tuning.chosen(shape, jnp.float32)
    if choice is None or not choice.levels:
        return row
    free = memory.available()
    if free is not None and 5 * 4 * (n * m + m * p + n * p) > free:
        return row | {"kernel": "too large to be timed here"}
    args = timing.operands(shape, jnp.float32)
    baseline, kernel = (
        jax.jit(lambda a, b, f=f: f(a, b)) for f in (jnp.matmul, alphatensor.matmul)
    )
    jax.block_until_ready(baseline(*args))
    repeats = int(np.clip(0.5 / timing.seconds(baseline, args), least_repeats, 50))
    pairs = timing.paired(baseline, kernel, args, repeats)
    measured = {"ratio": pairs.ratio, "lower": pairs.lower, "upper": pairs.upper}
    rounded = {name: round(x, 4) for name, x in measured.items()}
    chosen = {"kernel": choice.name, "predicted": round(choice.ratio, 4)}
    return row | chosen | rounded | {"seconds": round(pairs.seconds, 5)}


def summary(rows: list[dict], left_out: int) -> str:
    """Says in one line how many shapes gained, and how many lost."""
    ratios = np.array([row["ratio"] for row in rows])
    chosen = ratios[[bool(row["seconds"]) for row in rows]]
    gain = f", of median {np.median(chosen):.3f}" if len(chosen) else ""
    return (
        f"{len(rows)} shapes, {left_out} left out; a kernel was chosen for {len(chosen)}{gain}; "
        f"least ratio {ratios.min():.3f}; below {SLOWER}: {int((ratios < SLOWER).sum())}."
    )


def _figure(rows: list[dict], facts: dict[str, str]) -> Figure:
    """Draws the sorted ratios, and ratio over the cube root of N·M·P."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    ratios = np.array([row["ratio"] for row in rows])
    left.plot(np.arange(1, len(rows) + 1), np.sort(ratios), ".-")
    left.set_xlabel("shapes, sorted")
    sizes = np.cbrt([float(row["n"]) * row["m"] * row["p"] for row in rows])
    right.semilogx(sizes, ratios, ".")
    right.set_xlabel("(N·M·P)^(1/3)")
    for ax in (left, right):
        ax.axhline(SLOWER, color="tab:red", lw=0.8, label="3 % slower")
        ax.set_ylabel("speed-up over jnp.matmul")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8)
    figure.suptitle(f"{facts['device']}, {facts['cores']} cores, jax {facts['jax']}", fontsize=9)
    return figure


if __name__ == "__main__":
    command.run(main)
