"""Shared by run_cpu_benchmark, run_gpu_benchmark and run_tpu_benchmark: kernels against `jnp.dot`.

For each size, precision and algorithm the result is checked first. Then kernel and `jnp.dot` are
timed in interleaved pairs in one process, after one warm-up each; the speed-up is the median over
the pairs, with its quartiles. Operands are independent standard normal matrices, whole arrays in
and out. Errors are relative RMSE against float64 (on a sample of rows), beside that of `jnp.dot`;
the predicted growth of the error is sqrt(Φ/nmp) of the flattened algorithm.
"""

import csv
import datetime
import io
import math
import os
import pathlib
import platform
import subprocess

from absl import flags

_SIZES = flags.DEFINE_list("sizes", None, "Sizes N of N×N matrices.")
_PRECISIONS = flags.DEFINE_list("precisions", None, "See --help of the command.")
_ALGORITHMS = flags.DEFINE_list(
    "algorithms",
    ["strassen", "strassen2", "tuned"],
    "strassen, strassen2 (two levels), tuned (the fastest that autotuning finds, or jnp.dot).",
)
_FACTORIZATIONS = flags.DEFINE_list("factorizations", [], "Files of algorithms to time as well.")
_LEVELS = flags.DEFINE_integer("levels", 1, "Levels of those.", lower_bound=1)
_SCHEDULE = flags.DEFINE_string(
    "schedule", "sequential", "unrolled, stacked, sequential or loop, for all but tuned."
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Pairs of each row.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", "runs/benchmark", "Folder for the table and the plot.")

# Name -> (dtype, precision of the products).
PRECISIONS = {
    "float64": ("float64", None),
    "float32": ("float32", "float32"),
    "tf32": ("float32", "TF32_TF32_F32"),
    "bf16x6": ("float32", "BF16_BF16_F32_X6"),
    "bf16x9": ("float32", "BF16_BF16_F32_X9"),
    "bfloat16": ("bfloat16", None),
    "float16": ("float16", None),
}

COLUMNS = (
    "size", "precision", "algorithm", "ratio", "lower", "upper", "baseline_seconds", "seconds",
    "rmse", "rmse_of_dot", "predicted_growth", "temporary_share", "kernel",
)  # fmt: skip


def main(device: str, sizes: list[int], precisions: list[str]) -> None:
    """Runs on `device` ('cpu', 'gpu' or 'tpu') with these defaults for the flags.

    Raises:
      ValueError: in one line, for flags that do not fit or a device that is not there.
    """
    sizes = [_positive(x) for x in _SIZES.value] if _SIZES.value else sizes
    precisions = _PRECISIONS.value or precisions
    for name in precisions:
        if name not in PRECISIONS:
            raise ValueError(f"--precisions={name!r}: expected some of {', '.join(PRECISIONS)}.")
    for name in _ALGORITHMS.value:
        if name not in ("strassen", "strassen2", "tuned"):
            raise ValueError(f"--algorithms={name!r}: expected strassen, strassen2 or tuned.")

    import jax

    if jax.default_backend() != device:
        raise ValueError(f"This benchmark needs a {device}; JAX has {jax.default_backend()} here.")
    if "float64" in precisions:
        jax.config.update("jax_enable_x64", True)
    algorithms = _algorithms()
    for name in precisions:
        _check_memory(max(sizes), PRECISIONS[name][0])
    folder = pathlib.Path(_OUTPUT.value)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output={_OUTPUT.value!r}: {error.strerror}.") from None

    facts = machine()
    print("; ".join(f"{name}: {x}" for name, x in facts.items()))
    print("size | precision | algorithm | speed-up [quartiles] | error / that of dot (predicted)")
    rows = []
    for size in sizes:
        for precision in precisions:
            for name, levels in algorithms.items():
                if levels is not None and not _fits(size, levels):
                    print(f"{size} | {precision} | {name} | too small for its levels")
                    continue
                rows.append(measure(size, precision, name, levels))
                print(_line(rows[-1]), flush=True)
                _write(folder / f"{device}.csv", rows, facts)
    if rows:
        _plot(folder / f"{device}.png", rows, facts)
        print(f"Written to {folder}/{device}.csv and {device}.png.")


def measure(size: int, precision: str, name: str, levels) -> dict:
    """One row, see `COLUMNS`; `levels` are factorisations, outermost first, None for `tuned`."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from alphatensor.factorization.analysis import costs
    from alphatensor.kernels import timing, tuning
    from alphatensor.kernels.compile import flatten

    dtype, preset = PRECISIONS[precision]
    shape = (size, size, size)
    if levels is None:
        choice = tuning.autotune(shape, dtype, precision=preset, repeats=_REPEATS.value)
        function, label = tuning.kernel_of(choice, preset), choice.name
        levels = tuning.factorizations_of(choice)
    else:
        candidate = tuning.Candidate(tuple(levels), _SCHEDULE.value, None)
        function, label = tuning.compile_candidate(candidate, preset), candidate.name
    baseline, kernel = (
        jax.jit(f).lower(*_shapes(shape, dtype)).compile()
        for f in (lambda a, b: jnp.dot(a, b, precision=preset), function)
    )
    a, b = timing.operands(shape, dtype)
    rows = np.random.default_rng(0).choice(size, min(size, 64), replace=False)
    exact = np.asarray(a, np.float64)[rows] @ np.asarray(b, np.float64)
    rmse_of_dot, rmse = (
        float(np.sqrt(np.mean((np.asarray(f(a, b), np.float64)[rows] - exact) ** 2) / size))
        for f in (baseline, kernel)
    )
    growth = 1.0
    if levels:
        flat = flatten(levels, 1)
        growth = costs.growth(flat).predicted
    if rmse > max(100 * growth * rmse_of_dot, 1e-30) or not np.isfinite(rmse):
        raise RuntimeError(f"{label}: wrong result at size {size}, relative RMSE {rmse:.2g}.")
    # Small products take microseconds: they need many pairs.
    repeats = int(np.clip(0.5 / timing.seconds(baseline, (a, b)), _REPEATS.value, 200))
    pairs = timing.paired(baseline, kernel, (a, b), repeats)
    temporary = kernel.memory_analysis().temp_size_in_bytes
    return {
        "size": size,
        "precision": precision,
        "algorithm": name,
        **pairs._asdict(),
        "rmse": rmse,
        "rmse_of_dot": rmse_of_dot,
        "predicted_growth": growth,
        "temporary_share": temporary / (3 * a.nbytes),
        "kernel": label,
    }


def _algorithms() -> dict:
    from alphatensor import factorization as fz
    from alphatensor.kernels import blocks
    from alphatensor.kernels.compile import flatten

    if _SCHEDULE.value not in blocks.SCHEDULES:
        expected = ", ".join(blocks.SCHEDULES)
        raise ValueError(f"--schedule={_SCHEDULE.value!r}: expected one of {expected}.")
    known = {"strassen": [fz.strassen()], "strassen2": [fz.strassen()] * 2, "tuned": None}
    found = {name: known[name] for name in _ALGORITHMS.value}
    for path in _FACTORIZATIONS.value:
        for f in fz.load(path):
            if f.ring.is_modular:  # a file may hold algorithms of several rings
                raise ValueError(
                    f"--factorizations={path}: {f.target.name} over {f.ring} is no algorithm over "
                    "the reals; lift it first."
                )
            levels = [f] * _LEVELS.value
            flatten(levels, 1)
            found[f"{pathlib.Path(path).stem} {f.target.name}:{f.rank}"] = levels
    return found


def _shapes(shape, dtype):
    import jax

    n, m, p = shape
    return jax.ShapeDtypeStruct((n, m), dtype), jax.ShapeDtypeStruct((m, p), dtype)


def _fits(size: int, levels) -> bool:
    return all(size >= math.prod(f.sizes[mode] for f in levels) for mode in range(3))


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"--sizes={text!r}: expected positive integers.")
    return int(text)


def _check_memory(size: int, dtype: str) -> None:
    """Operands, two results, temporaries of two levels and a float64 sample, before allocating."""
    import jax.numpy as jnp

    from alphatensor.kernels import memory

    needed, there = 12 * size * size * jnp.dtype(dtype).itemsize, memory.available()
    if there and needed > there:
        raise ValueError(
            f"--sizes={size}: about {needed / 2**30:.0f} GiB are needed, and {there / 2**30:.0f} "
            "are there; expected smaller sizes."
        )


def machine() -> dict[str, str]:
    """What a figure depends on: device, cores, versions, commit, and clocks where they are told."""
    import jax
    import jaxlib

    facts = {
        "device": jax.devices()[0].device_kind,
        "cores": str(os.cpu_count()),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
    }
    if jax.default_backend() == "cpu":
        lines = _read("/proc/cpuinfo").splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        facts["device"] = models[0] if models else platform.processor()
    elif jax.default_backend() == "gpu":
        fields = "clocks.sm,clocks.mem,power.limit,driver_version"
        facts[fields] = _output("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader")
    return facts


def _output(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=pathlib.Path(__file__).parent, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def _line(row: dict) -> str:
    return (
        f"{row['size']} | {row['precision']} | {row['algorithm']} ({row['kernel']}) | "
        f"{row['ratio']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}] | "
        f"{row['rmse'] / row['rmse_of_dot']:.2f} ({row['predicted_growth']:.2f})"
    )


def _write(path: pathlib.Path, rows: list[dict], facts: dict[str, str]) -> None:
    from alphatensor.factorization.io import files

    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *facts], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | facts for row in rows)
    files.write_text(path, text.getvalue())


def _plot(path: pathlib.Path, rows: list[dict], facts: dict[str, str]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    pairs = dict.fromkeys((row["precision"], row["algorithm"]) for row in rows)
    for precision, algorithm in pairs:
        chosen = [r for r in rows if (r["precision"], r["algorithm"]) == (precision, algorithm)]
        x, y = [r["size"] for r in chosen], [r["ratio"] for r in chosen]
        spread = [
            [r["ratio"] - r["lower"] for r in chosen],
            [r["upper"] - r["ratio"] for r in chosen],
        ]
        ax.errorbar(x, y, yerr=spread, fmt="o-", capsize=3, label=f"{algorithm}, {precision}")
    ax.axhline(1.0, color="black", lw=0.8)
    ax.set_xscale("log", base=2)
    sizes = sorted({row["size"] for row in rows})
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_xlabel("size N of N×N matrices")
    ax.set_ylabel("speed-up over jnp.dot")
    ax.set_title(f"{facts['device']}, {facts['cores']} cores, jax {facts['jax']}", fontsize=9)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    temporary = path.with_name(f".{path.name}.part.png")
    figure.savefig(temporary, dpi=110)
    plt.close(figure)
    os.replace(temporary, path)
