"""Measures how time and memory of a simulation grow with the tensor's side and the tree's size.

    python -m benchmarking.scaling --output=runs/scaling
    python -m benchmarking.scaling --sides=4,9 --simulations=25,100 --games=16

Searches from random games with the quick-start's network, once for each side at the first number
of simulations, and once for each number at the first side. Beside the measured seconds and bytes
of a simulation stand those expected from counting: operations of the network for one node, and
bytes of a node. The exponents are slopes of least-squares lines through the logarithms. Writes
scaling.csv and scaling.png.
"""

import jax
import numpy as np
from absl import flags
from matplotlib.figure import Figure

from alphatensor.agent import bases, make_constants, search, self_play
from alphatensor.training import planning, settings
from benchmarking import agent_cases, machine, report
from experiments import command

_SIDES = flags.DEFINE_list("sides", ["4", "9", "16", "25"], "Tensor sides: squares of 2 to 5.")
_SIMULATIONS = flags.DEFINE_list(
    "simulations", ["25", "50", "100", "200", "400", "800"], "Numbers of simulations of a search."
)
_GAMES = flags.DEFINE_integer("games", 8, "Games that are searched at once.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", "runs/scaling", "Folder for the table and the plot.")

COLUMNS = ("side", "simulations", "microseconds", "bytes", "counted_operations", "counted_bytes")
PAIRS = (("microseconds", "counted_operations"), ("bytes", "counted_bytes"))  # measured, counted


def main() -> None:
    sides = _numbers("sides", _SIDES.value, (4, 9, 16, 25))
    simulations = _numbers("simulations", _SIMULATIONS.value, None)
    folder = report.make_folder(_OUTPUT.value)
    cases = [(side, simulations[0]) for side in sides]
    cases += [(sides[0], number) for number in simulations[1:]]
    rows = []
    print(" | ".join(COLUMNS))
    for side, number in cases:
        rows.append(measure(side, number, _GAMES.value))
        print(" | ".join(f"{rows[-1][name]:,.4g}" for name in COLUMNS), flush=True)
        report.write_records(folder / "scaling.csv", rows)
    by_side = [row for row in rows if row["simulations"] == simulations[0]]
    by_tree = [row for row in rows if row["side"] == sides[0]]
    for along, chosen in (("side", by_side), ("simulations", by_tree)):
        for name, counted in PAIRS:
            print(
                f"{name} of a simulation grow with {along} to the power "
                f"{exponent(chosen, along, name):.2f} (counted: "
                f"{exponent(chosen, along, counted):.2f})"
            )
    report.write_figure(folder / "scaling.png", _figure(by_side, by_tree))
    print(f"Written to {folder}/scaling.csv and scaling.png.")


def _numbers(flag: str, given: list[str], allowed: tuple[int, ...] | None) -> list[int]:
    """Reads a flag of at least two positive integers; raises `ValueError`."""
    numbers = [int(x) for x in given if x.isdigit() and int(x) > 0]
    wrong = len(numbers) < max(len(given), 2) or (allowed and not set(numbers) <= set(allowed))
    if wrong:
        expected = f"at least two of {allowed}" if allowed else "at least two positive integers"
        raise ValueError(f"--{flag}={','.join(given)!r}: expected {expected}.")
    return numbers


def measure(side: int, simulations: int, games: int) -> dict:
    """Measures one case, the median of three searches after one thrown away; see `COLUMNS`."""
    config = agent_cases.config_for(side, "quickstart")
    config.search.simulations = simulations
    run_settings = settings.from_config(config)
    agent = run_settings.agent
    params = agent.network.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), games)
    tensors = [run_settings.targets[0].tensor]
    constants = make_constants(agent, tensors, jax.random.key(3), jax.random.key(2))
    states, _, _ = jax.jit(lambda keys: self_play.start_games(keys, agent, constants))(keys)
    permutations = bases.identity_permutations(side)

    def run(params, states, keys):
        return search.search(params, agent, permutations, states, keys)

    arguments = (params, states, keys)
    compiled = jax.jit(run).lower(*arguments).compile()
    jax.block_until_ready(compiled(*arguments))
    seconds, _ = machine.median_seconds(lambda _: compiled(*arguments))
    number = games * simulations
    return {
        "side": side,
        "simulations": simulations,
        "microseconds": 1e6 * seconds / number,
        "bytes": compiled.memory_analysis().temp_size_in_bytes / number,
        "counted_operations": planning.inference_operations(run_settings),
        "counted_bytes": planning.tree_bytes(run_settings) / simulations,
    }


def exponent(rows: list[dict], along: str, name: str) -> float:
    """Returns the slope of log(name) over log(along)."""
    x, y = (np.log([row[key] for row in rows]) for key in (along, name))
    return float(np.polyfit(x, y, 1)[0])


def _figure(by_side: list[dict], by_tree: list[dict]) -> Figure:
    """Draws seconds and bytes, measured and counted, over the side and the simulations."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots(2, 2)
    for column, (along, rows) in enumerate((("side", by_side), ("simulations", by_tree))):
        for ax, (name, counted) in zip(axes[:, column], PAIRS, strict=True):
            x = [row[along] for row in rows]
            measured = np.array([row[name] for row in rows])
            expected = np.array([row[counted] for row in rows])
            slope = exponent(rows, along, name)
            ax.loglog(x, measured, "o-", label=f"measured, exponent {slope:.2f}")
            scaled = expected * measured[0] / expected[0]
            slope = exponent(rows, along, counted)
            ax.loglog(x, scaled, "--", label=f"counted, exponent {slope:.2f}")
            both = np.concatenate([measured, scaled])
            ax.set_ylim(both.min() / 2, both.max() * 2)  # noise of a level line stays small
            ax.set_xticks(x, [str(value) for value in x])
            ax.minorticks_off()
            ax.set_xlabel({"side": "tensor side S", "simulations": "simulations"}[along])
            ax.set_ylabel(f"{name} of a simulation")
            ax.grid(alpha=0.3)
            ax.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    command.run(main)
