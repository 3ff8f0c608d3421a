"""Repeats the paper's ablation: the same run with one part of the agent left out at a time.

    python -m experiments.ablation --config=experiments/configs/quickstart.py --rounds=20 \\
        --seeds=0,1,2 --output=runs/ablation

Runs are made one after the other, each in its own folder; the same command goes on where it was
stopped. OUTPUT/results.csv, table.md and ablation.png are renewed after each run. All runs make the
same number of updates, and none ends at a goal.
"""

from absl import flags

from alphatensor.config import MAX_SEED, path
from experiments import command

_CONFIG = command.config_flag()
_SEEDS = flags.DEFINE_list("seeds", "0,1,2", "Seeds of the runs of each variant.")
_VARIANTS = flags.DEFINE_list("variants", "", "What is left out, one at a time; by default all.")
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Rounds of games of each run.")
_OUTPUT = flags.DEFINE_string("output", "runs/ablation", "Folder of all runs and results.")


def main() -> int:
    config = command.config_of(_CONFIG)
    seeds = command.checked_integers(_SEEDS, 0, MAX_SEED)
    output = command.checked(_OUTPUT, path())

    from alphatensor.training import ablation, devices, runner

    devices.use_all_cores()
    fields = dict(seeds=tuple(seeds), rounds=_ROUNDS.value, output=output)
    if _VARIANTS.value:
        fields["variants"] = tuple(_VARIANTS.value)
    try:
        chosen = ablation.AblationConfig.from_dict(fields)
    except ValueError as error:
        raise ValueError(f"--{error}") from None
    rows = []
    try:
        for row in ablation.run(config, chosen):
            rows.append(row)
            rank = f"rank {row.rank} after {row.updates} updates" if row.rank else "nothing found"
            print(f"{row.variant}, seed {row.seed}: {rank}, {row.solved:.1%} solved", flush=True)
    except runner.RunError:  # it has been said
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from here.")
    print(ablation.table(rows), end="")
    return 0


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
