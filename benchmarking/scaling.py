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

from alphatensor import config
from alphatensor.agent import bases, make_constants, search, self_play
from alphatensor.training import planning, settings
from benchmarking import agent_cases, machine, report
from experiments import command

_SIDES = flags.DEFINE_list("sides", ["4", "9", "16", "25"], "Tensor sides: squares of 2 to 5.")
_SIMULATIONS = flags.DEFINE_list(
    "simulations", ["25", "50", "100", "200", "400", "800"], "Numbers of simulations of a search."
)
_GAMES = flags.DEFINE_integer("games", 8, "Games that are searched at once.")
_OUTPUT = flags.DEFINE_string("output", "runs/scaling", "Folder for the table and the plot.")

SIDES = (4, 9, 16, 25)
COLUMNS = ("side", "simulations", "microseconds", "bytes", "counted_operations", "counted_bytes")
PAIRS = (("microseconds", "counted_operations"), ("bytes", "counted_bytes"))  # measured, counted


def main() -> None:
    sides = command.checked_integers(_SIDES, 1, 25)
    simulations = command.checked_integers(_SIMULATIONS, 1, 10_000)
    games = command.checked(_GAMES, config.integer(1, 4_096))
    if not set(sides) <= set(SIDES):
        raise ValueError(f"--sides={','.join(_SIDES.value)}: expected some of {SIDES}.")
    for flag, given in ((_SIDES, sides), (_SIMULATIONS, simulations)):
        if len(set(given)) < 2:
            raise ValueError(f"--{flag.name}={given[0]}: expected at least two.")
    folder = report.make_folder(_OUTPUT.value)
    cases = [(side, simulations[0]) for side in sides]
    cases += [(sides[0], number) for number in simulations[1:]]
    rows = []
    print(" | ".join(COLUMNS))
    for side, number in cases:
        rows.append(measure(side, number, games))
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


def measure(side: int, simulations: int, games: int) -> dict:
    """Measures one case, the median of three searches after one thrown away; see `COLUMNS`."""
    case = agent_cases.config_for(side, "quickstart")
    case.search.simulations = simulations
    run_settings = settings.from_config(case)
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
