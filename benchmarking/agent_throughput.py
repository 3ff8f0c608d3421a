"""How fast the agent acts and learns on this machine.

    python -m benchmarking.agent_throughput --output=runs/throughput
    python -m benchmarking.agent_throughput --sides=4 --networks=quickstart

For each tensor side S = n² of an n×n×n target and each network it reports simulations/s, moves/s,
training positions/s, the learner's share of this machine's float32 `jnp.dot` rate (floating-point
operations of the gradient as XLA counts them before optimisation), seconds to compile and peak
memory. Every case runs in a process of its own, so that peak memory is its own; the rates are the
median of three calls after one that is thrown away. Writes throughput.csv and throughput.png.
"""

import csv
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from absl import flags

from benchmarking import agent_cases
from experiments import command

_SIDES = flags.DEFINE_list("sides", ["4", "9", "16", "25"], "Tensor sides: squares of 2 to 5.")
_NETWORKS = flags.DEFINE_list("networks", ["quickstart", "paper"], "Networks: quickstart, paper.")
_OUTPUT = flags.DEFINE_string("output", "runs/throughput", "Folder for the table and the plot.")
_CASE = flags.DEFINE_string("case", None, "Internal: side,network of one case, printed as JSON.")

COLUMNS = {
    "side": "S",
    "network": "network",
    "parameters": "parameters",
    "simulations_per_second": "simulations/s",
    "moves_per_second": "moves/s",
    "positions_per_second": "positions/s",
    "share_of_dot": "share of jnp.dot",
    "dot_gflops": "jnp.dot GFLOP/s",
    "compile_seconds": "compile s",
    "peak_gib": "peak GiB",
}


def main() -> None:
    if _CASE.value:
        side, network = _CASE.value.split(",")
        print(json.dumps(measure(int(side), network)))
        return
    cases = [(side, network) for network in _NETWORKS.value for side in _SIDES.value]
    for side, network in cases:
        if side not in ("4", "9", "16", "25"):
            raise ValueError(f"--sides={side!r}: expected 4, 9, 16 or 25.")
        if network not in ("quickstart", "paper"):
            raise ValueError(f"--networks={network!r}: expected quickstart or paper.")
    folder = pathlib.Path(_OUTPUT.value)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output={_OUTPUT.value!r}: {error.strerror}.") from None
    rows = []
    print(" | ".join(COLUMNS.values()))
    for side, network in cases:
        command = [
            sys.executable,
            "-m",
            "benchmarking.agent_throughput",
            f"--case={side},{network}",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = "out of memory" if done.returncode < 0 else done.stderr.strip().split("\n")[-1]
            print(f"{side} | {network} | not measured: {reason}", flush=True)
            continue
        rows.append(json.loads(done.stdout.strip().split("\n")[-1]))
        print(" | ".join(_text(rows[-1][name]) for name in COLUMNS), flush=True)
        _write(folder, rows)
    if rows:
        _plot(folder, rows)
        print(f"Written to {folder}/throughput.csv and throughput.png.")


def _text(x) -> str:
    if isinstance(x, float):
        return f"{x:.3g}" if x < 100 else f"{x:,.0f}"
    return f"{x:,}" if isinstance(x, int) else x


def measure(side: int, network: str) -> dict:
    """One case's figures, see `COLUMNS`."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from alphatensor.training import devices, planning, settings
    from alphatensor.training import loop as training

    devices.use_all_cores()
    dot_rate = _dot_rate(jax, jnp)
    run_settings = settings.from_config(agent_cases.config_for(side, network))
    programs = training.make_programs(run_settings)
    begin = time.monotonic()
    state = programs.init()
    mixture = np.array([1.0, 0.0, 0.0], np.float32)
    state, losses = programs.learn(state, mixture)
    bonus = np.zeros(run_settings.train.games, np.float32)

    def act(state):
        return programs.store(state, programs.act(state)[0], bonus)

    state = act(state)
    jax.block_until_ready((losses, state))
    first = time.monotonic() - begin
    learn_seconds, state = _median_seconds(lambda s: programs.learn(s, mixture)[0], state)
    act_seconds, state = _median_seconds(act, state)
    config, rules = run_settings.train, run_settings.agent.rules
    positions = config.updates_per_call * run_settings.learner.batch_size / learn_seconds
    moves = config.games * rules.max_moves / act_seconds
    operations = planning.gradient_operations(run_settings)
    return {
        "side": side,
        "network": network,
        "parameters": planning.num_parameters(run_settings),
        "simulations_per_second": moves * run_settings.agent.config.simulations,
        "moves_per_second": moves,
        "positions_per_second": positions,
        "share_of_dot": positions * operations / dot_rate,
        "dot_gflops": dot_rate / 1e9,
        "compile_seconds": first - learn_seconds - act_seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "cores": os.cpu_count(),
        "jax": jax.__version__,
    }


def _median_seconds(call, state) -> tuple[float, object]:
    import jax

    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        state = jax.block_until_ready(call(state))
        seconds.append(time.monotonic() - begin)
    return statistics.median(seconds), state


def _dot_rate(jax, jnp, size: int = 2048) -> float:
    """Float32 operations/s of `jnp.dot`, all cores."""
    a = jax.random.normal(jax.random.key(0), (size, size))
    dot = jax.jit(jnp.dot)
    seconds = []
    for _ in range(8):
        begin = time.monotonic()
        dot(a, a).block_until_ready()
        seconds.append(time.monotonic() - begin)
    return 2 * size**3 / statistics.median(seconds[1:])


def _write(folder: pathlib.Path, rows: list[dict]) -> None:
    temporary = folder / "throughput.csv.part"
    with temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, folder / "throughput.csv")


def _plot(folder: pathlib.Path, rows: list[dict]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for ax, name in zip(axes, ("simulations_per_second", "positions_per_second"), strict=True):
        for network in dict.fromkeys(row["network"] for row in rows):
            chosen = [row for row in rows if row["network"] == network]
            ax.loglog([r["side"] for r in chosen], [r[name] for r in chosen], "o-", label=network)
        ax.set_xlabel("tensor side S")
        ax.set_ylabel(COLUMNS[name])
        ax.set_xticks([4, 9, 16, 25], ["4", "9", "16", "25"])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
        ax.legend()
    temporary = folder / "throughput.part.png"
    figure.savefig(temporary, dpi=110)
    plt.close(figure)
    os.replace(temporary, folder / "throughput.png")


if __name__ == "__main__":
    command.run(main)
