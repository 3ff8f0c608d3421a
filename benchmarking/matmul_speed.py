"""Times kernels against `jnp.dot`, for run_cpu_benchmark, run_gpu_benchmark, run_tpu_benchmark.

For each size, precision and algorithm the result is checked first. Then kernel and `jnp.dot` are
timed by turns in one process, after one warm-up each, and so is the best classical product
(`classical`). The speed-up is the median over the pairs, with its quartiles. The share of the limit
is the speed-up over that of the arithmetic, nmp / rank of all levels. Operands are independent
standard normal matrices, whole arrays in and out. Errors are relative root mean square errors
against float64, on a sample of rows, beside that of `jnp.dot`. The predicted growth of the error is
sqrt(phi / nmp) of the flattened algorithm.
"""

import functools
import math
import pathlib
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from matplotlib.figure import Figure

from alphatensor import config, factorization
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import costs
from alphatensor.kernels import candidates, memory, timing, tuning
from alphatensor.kernels.compile import flatten
from alphatensor.kernels.schedules import SCHEDULES
from benchmarking import classical, machine, report
from experiments import command

_SIZES = flags.DEFINE_list("sizes", None, "Sizes N of the N×N matrices that are multiplied.")
_PRECISIONS = flags.DEFINE_list(
    "precisions", None, "Precisions of matrices and products; the command's --help lists them."
)
_ALGORITHMS = flags.DEFINE_list(
    "algorithms",
    ["strassen", "strassen2", "tuned"],
    "Algorithms to time: strassen, strassen2 (two levels) and tuned (the fastest that autotuning "
    "finds, or jnp.dot).",
)
_FACTORIZATIONS = flags.DEFINE_list("factorizations", [], "Files of algorithms to time as well.")
_LEVELS = flags.DEFINE_integer("levels", 1, "Levels of the algorithms in --factorizations.")
_SCHEDULE = flags.DEFINE_string(
    "schedule",
    "sequential",
    "Schedule of all algorithms but tuned: unrolled, stacked, sequential or loop.",
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Pairs of timings for each row.")
MINUTES = flags.DEFINE_float(
    "minutes", 0.0, "Minutes for everything; what they do not suffice for is named. 0: no limit."
)
OUTPUT = flags.DEFINE_string("output", "runs/benchmark", "Folder for the table and the plot.")

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

CALLS = 25  # of products for one row, beside its pairs of timings

COLUMNS = (
    "size", "precision", "algorithm", "ratio", "lower", "upper", "baseline_seconds", "seconds",
    "classical", "ratio_to_classical", "share_of_limit", "rmse", "rmse_of_dot", "predicted_growth",
    "temporary_share", "kernel",
)  # fmt: skip


class Case(NamedTuple):
    """One row to measure.

    Attributes:
      size: N of N×N matrices.
      precision: one of `PRECISIONS`.
      algorithm: name that the row shows.
      levels: factorizations, outermost first; None for what autotuning chooses.
    """

    size: int
    precision: str
    algorithm: str
    levels: tuple[Factorization, ...] | None

    @property
    def fits(self) -> bool:
        """Says whether the matrices are as large as the levels' format."""
        products = (math.prod(f.sizes[mode] for f in self.levels or ()) for mode in range(3))
        return all(self.size >= least for least in products)


def main(device: str, sizes: list[int], precisions: list[str]) -> None:
    """Measures all cases that the flags name, prints them and writes the table and the plot.

    Args:
      device: platform that must be there, 'cpu', 'gpu' or 'tpu'.
      sizes: default of --sizes.
      precisions: default of --precisions.

    Raises:
      ValueError: in one line, for flags that do not fit or a device that is not there.
    """
    cases = _cases(device, sizes, precisions)
    folder = report.make_folder(OUTPUT.value)
    facts = machine.facts()
    print("; ".join(f"{name}: {x}" for name, x in facts.items()))
    print(
        "size | precision | algorithm | speed-up [quartiles] | over the best classical product | "
        "share of the limit | error / that of dot (predicted)"
    )
    rows, left_out = [], []
    end = time.monotonic() + 60 * MINUTES.value if MINUTES.value else math.inf
    longest = 0.0
    for case in cases:
        label = f"{case.size} | {case.precision} | {case.algorithm}"
        if not case.fits:
            print(f"{label} | too small for its levels")
            continue
        begin = time.monotonic()
        if begin + longest + _seconds_of_larger(case, rows) > end:
            left_out.append(label)
            continue
        try:
            rows.append(measure(case))
        except (RuntimeError, ValueError) as error:  # no memory left, or no such precision here
            print(f"{label} | not measured: {str(error).splitlines()[0][:200]}", flush=True)
            continue
        longest = max(longest, time.monotonic() - begin)
        print(_line(rows[-1]), flush=True)
        report.write_records(folder / f"{device}.csv", [row | facts for row in rows])
    if rows:
        report.write_figure(folder / f"{device}.png", _figure(rows, facts))
        print(f"Written to {folder}/{device}.csv and {device}.png.")
    for label in left_out:
        print(f"{label} | left out: --minutes={MINUTES.value:g} are over")


def _seconds_of_larger(case: Case, rows: list[dict]) -> float:
    """Predicts what a case takes more than those of smaller sizes: calls of larger products."""
    of_precision = [row for row in rows if row["precision"] == case.precision]
    if not of_precision or case.size <= max(row["size"] for row in of_precision):
        return 0.0
    row = of_precision[-1]
    calls = CALLS + 3 * _REPEATS.value
    return calls * row["baseline_seconds"] * (case.size / row["size"]) ** 3


def _cases(device: str, sizes: list[int], precisions: list[str]) -> list[Case]:
    """Checks the flags and the device, and returns what is to be measured, in order."""
    sizes = sizes if _SIZES.value is None else command.checked_integers(_SIZES, 1, 2**20)
    command.checked(_LEVELS, config.integer(1, 8))
    command.checked(MINUTES, config.number(0, 10_000))
    command.checked(_REPEATS, config.integer(1, 10_000))
    precisions = _PRECISIONS.value or precisions
    for name in precisions:
        if name not in PRECISIONS:
            raise ValueError(f"--precisions={name!r}: expected some of {', '.join(PRECISIONS)}.")
    if jax.default_backend() != device:
        raise ValueError(f"This benchmark needs a {device}; JAX has {jax.default_backend()} here.")
    if "float64" in precisions:
        jax.config.update("jax_enable_x64", True)
    algorithms = _algorithms()
    for name in precisions:
        _check_memory(max(sizes), PRECISIONS[name][0])
    return [
        Case(size=size, precision=precision, algorithm=name, levels=levels)
        for size in sizes
        for precision in precisions
        for name, levels in algorithms.items()
    ]


def _algorithms() -> dict[str, tuple[Factorization, ...] | None]:
    """Returns the levels of each algorithm that the flags name; None for what is tuned."""
    if _SCHEDULE.value not in SCHEDULES:
        expected = ", ".join(SCHEDULES)
        raise ValueError(f"--schedule={_SCHEDULE.value!r}: expected one of {expected}.")
    strassen = factorization.strassen()
    named = {"strassen": (strassen,), "strassen2": (strassen, strassen), "tuned": None}
    for name in _ALGORITHMS.value:
        if name not in named:
            raise ValueError(f"--algorithms={name!r}: expected strassen, strassen2 or tuned.")
    found = {name: named[name] for name in _ALGORITHMS.value}
    for path in _FACTORIZATIONS.value:
        for f in factorization.load(path):
            if f.ring.is_modular:  # a file may hold algorithms of several rings
                raise ValueError(
                    f"--factorizations={path}: {f.target.name} over {f.ring} is no algorithm over "
                    "the reals; lift it first."
                )
            levels = (f,) * _LEVELS.value
            flatten(levels, 1)
            found[f"{pathlib.Path(path).stem} {f.target.name}:{f.rank}"] = levels
    return found


def _check_memory(size: int, dtype: str) -> None:
    """Checks that operands, two results, temporaries of two levels and a float64 sample fit."""
    needed, there = 12 * size * size * jnp.dtype(dtype).itemsize, memory.available()
    if there and needed > there:
        raise ValueError(
            f"--sizes={size}: about {needed / 2**30:.0f} GiB are needed, and {there / 2**30:.0f} "
            "are there; expected smaller sizes."
        )


def measure(case: Case) -> dict:
    """Measures one case and returns its row, see `COLUMNS`.

    Raises:
      RuntimeError: if the kernel's result is wrong.
    """
    dtype, precision = PRECISIONS[case.precision]
    shape = (case.size,) * 3
    label, levels, matmul = _kernel(case)
    baseline = _compiled(functools.partial(jnp.dot, precision=precision), shape, dtype)
    kernel = _compiled(matmul, shape, dtype)
    a, b = timing.operands(shape, dtype)
    rmse_of_dot, rmse = _errors((baseline, kernel), a, b)
    growth = costs.growth(flatten(levels, 1)).predicted if levels else 1.0
    if rmse > max(100 * growth * rmse_of_dot, 1e-30) or not np.isfinite(rmse):
        raise RuntimeError(f"{label}: wrong result at size {case.size}, relative RMSE {rmse:.2g}.")
    # Small products take microseconds: they need many pairs.
    repeats = int(np.clip(0.5 / timing.seconds(baseline, (a, b)), _REPEATS.value, 200))
    best = classical.best(case.size, dtype, case.precision, precision)
    times = timing.rounds((baseline, kernel, best.multiply), (a, b), repeats)
    pairs, to_best = (timing.pairs_of(times[:, k], times[:, 1]) for k in (0, 2))
    limit = math.prod(math.prod(f.sizes) / f.rank for f in levels)
    temporary = kernel.memory_analysis().temp_size_in_bytes
    return {
        "size": case.size,
        "precision": case.precision,
        "algorithm": case.algorithm,
        **pairs._asdict(),
        "classical": best.name,
        "ratio_to_classical": to_best.ratio,
        "share_of_limit": pairs.ratio / limit,
        "rmse": rmse,
        "rmse_of_dot": rmse_of_dot,
        "predicted_growth": growth,
        "temporary_share": temporary / (3 * a.nbytes),
        "kernel": label,
    }


def _kernel(case: Case) -> tuple[str, tuple[Factorization, ...], candidates.Matmul]:
    """Returns a case's name of the kernel, its levels (none for `jnp.dot`) and matmul(a, b)."""
    dtype, precision = PRECISIONS[case.precision]
    if case.levels is not None:
        candidate = candidates.Candidate(case.levels, _SCHEDULE.value)
        return candidate.name, case.levels, candidate.compile(precision)
    choice = tuning.autotune((case.size,) * 3, dtype, precision=precision, repeats=_REPEATS.value)
    return choice.name, choice.levels, tuning.kernel_of(choice, precision)


def _compiled(matmul: candidates.Matmul, shape: tuple[int, int, int], dtype: str):
    n, m, p = shape
    a, b = jax.ShapeDtypeStruct((n, m), dtype), jax.ShapeDtypeStruct((m, p), dtype)
    return jax.jit(matmul).lower(a, b).compile()


def _errors(functions, a: jax.Array, b: jax.Array) -> list[float]:
    """Returns each function's relative root mean square error on 64 rows, against float64."""
    size = a.shape[0]
    rows = np.random.default_rng(0).choice(size, min(size, 64), replace=False)
    exact = np.asarray(a, np.float64)[rows] @ np.asarray(b, np.float64)
    return [
        float(np.sqrt(np.mean((np.asarray(f(a, b), np.float64)[rows] - exact) ** 2) / size))
        for f in functions
    ]


def _line(row: dict) -> str:
    return (
        f"{row['size']} | {row['precision']} | {row['algorithm']} ({row['kernel']}) | "
        f"{row['ratio']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}] | "
        f"{row['ratio_to_classical']:.3f} ({row['classical']}) | {row['share_of_limit']:.0%} | "
        f"{row['rmse'] / row['rmse_of_dot']:.2f} ({row['predicted_growth']:.2f})"
    )


def _figure(rows: list[dict], facts: dict[str, str]) -> Figure:
    """Draws the speed-up over the size, with quartiles, for each algorithm and precision."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    ax = figure.subplots()
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
    return figure
