"""Measures how fast the agent acts and learns on this machine.

    python -m benchmarking.agent_throughput --output=runs/throughput
    python -m benchmarking.agent_throughput --sides=4 --networks=quickstart

For each tensor side S = n² of an n×n×n target and each network it reports simulations/s, moves/s,
training positions/s, the learner's share of this machine's float32 `jnp.dot` rate (floating-point
operations of the gradient as XLA counts them before optimisation), seconds to compile and peak
memory. Every case runs in a process of its own, so that peak memory is its own. The rates are the
median of three calls after one that is thrown away. Writes throughput.csv and throughput.png.
"""

import os
import resource
import time
from typing import Any

import jax
import numpy as np
from absl import flags
from matplotlib.figure import Figure

from alphatensor.kernels import cost_model
from alphatensor.training import devices, planning, settings
from alphatensor.training.programs import make_programs
from benchmarking import agent_cases, isolated, machine, report
from experiments import command

_SIDES = flags.DEFINE_list("sides", ["4", "9", "16", "25"], "Tensor sides: squares of 2 to 5.")
_NETWORKS = flags.DEFINE_list(
    "networks", ["quickstart", "paper"], "Networks to measure: quickstart, paper."
)
_OUTPUT = flags.DEFINE_string("output", "runs/throughput", "Folder for the table and the plot.")

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
    cases = _cases()
    folder = report.make_folder(_OUTPUT.value)
    rows = []
    print(" | ".join(COLUMNS.values()))
    for side, network in cases:
        try:
            row = isolated.run(measure, side, network)
        except RuntimeError as error:
            print(f"{side} | {network} | not measured: {error}", flush=True)
            continue
        rows.append(row)
        print(" | ".join(_text(row[name]) for name in COLUMNS), flush=True)
        report.write_records(folder / "throughput.csv", rows)
    if rows:
        report.write_figure(folder / "throughput.png", _figure(rows))
        print(f"Written to {folder}/throughput.csv and throughput.png.")


def _cases() -> list[tuple[int, str]]:
    """Returns side and network of each case that the flags name; raises `ValueError`."""
    cases = [(side, network) for network in _NETWORKS.value for side in _SIDES.value]
    for side, network in cases:
        if side not in ("4", "9", "16", "25"):
            raise ValueError(f"--sides={side!r}: expected 4, 9, 16 or 25.")
        if network not in ("quickstart", "paper"):
            raise ValueError(f"--networks={network!r}: expected quickstart or paper.")
    return [(int(side), network) for side, network in cases]


def measure(side: int, network: str) -> dict[str, Any]:
    """Measures one case and returns its figures, see `COLUMNS`, with cores and version of JAX."""
    devices.use_all_cores()
    dot_rate = cost_model.measure_rates().dot
    run_settings = settings.from_config(agent_cases.config_for(side, network))
    programs = make_programs(run_settings)
    mixture = np.array([1.0, 0.0, 0.0], np.float32)
    bonus = np.zeros(run_settings.config.train.games, np.float32)

    def learn(state):
        return programs.learn(state, mixture)[0]

    def act(state):
        return programs.store(state, programs.act(state)[0], bonus)

    begin = time.monotonic()
    state = jax.block_until_ready(act(learn(programs.init())))
    first = time.monotonic() - begin
    learn_seconds, state = machine.median_seconds(learn, state)
    act_seconds, state = machine.median_seconds(act, state)
    config = run_settings.config
    positions = config.train.updates_per_call * config.learner.batch_size / learn_seconds
    moves = config.train.games * config.game.max_moves / act_seconds
    operations = planning.gradient_operations(run_settings)
    return {
        "side": side,
        "network": network,
        "parameters": planning.num_parameters(run_settings),
        "simulations_per_second": moves * config.search.simulations,
        "moves_per_second": moves,
        "positions_per_second": positions,
        "share_of_dot": positions * operations / dot_rate,
        "dot_gflops": dot_rate / 1e9,
        "compile_seconds": first - learn_seconds - act_seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "cores": os.cpu_count(),
        "jax": jax.__version__,
    }


def _text(x: Any) -> str:
    if isinstance(x, float):
        return f"{x:.3g}" if x < 100 else f"{x:,.0f}"
    return f"{x:,}" if isinstance(x, int) else x


def _figure(rows: list[dict[str, Any]]) -> Figure:
    """Draws the rates of acting and of learning over the tensor's side, for each network."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
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
    return figure


if __name__ == "__main__":
    command.run(main)
