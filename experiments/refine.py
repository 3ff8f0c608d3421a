"""Searches algorithms of the same rank for cheaper ones, and keeps the Pareto set of their costs.

  python -m experiments.refine --factorization=factorizations/3x3x3_Z.npz --seconds=300 \
      --output=runs/refined_3x3x3

Costs are the entries that are not zero, additions after sharing, the predicted error of floating
point (growth) and the largest coefficient. OUTPUT.npz holds all kept algorithms, fewest additions
first, and is rewritten whenever the set changes; the same command goes on from it. Algorithms with
entries -1, 0 and 1 alone are walked over the integers; others mod 2, and what lifts is costed.
"""

from absl import flags
from tqdm import tqdm

from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _FACTORIZATION = flags.DEFINE_string(
        "factorization", None, "File of the algorithm that is made cheaper."
    )
    _OUTPUT = flags.DEFINE_string("output", "runs/refined", "Path of the results without suffix.")
    _SECONDS = flags.DEFINE_float("seconds", 60.0, "Seconds that the walks take in all.")
    _WALKERS = flags.DEFINE_integer(
        "walkers", 1_024, "Number of walkers, a multiple of the devices.", lower_bound=1
    )
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the walks.", lower_bound=0)

HEADER = f"{'non-zeros':>10}{'additions':>11}{'growth':>9}{'largest':>9}"


def line(one) -> str:
    """Returns one row under `HEADER`."""
    return f"{one.nonzeros:>10}{one.additions:>11}{one.growth:>9.3f}{one.largest:>9}"


def main() -> None:
    """Refines, and prints each algorithm that enters the Pareto set."""
    from alphatensor.training import devices, refine

    if _FACTORIZATION.value is None:
        raise ValueError("--factorization: not given, expected a file such as 3x3x3_Z.npz.")
    if not _SECONDS.value > 0:
        raise ValueError(f"--seconds={_SECONDS.value}: expected a budget above 0.")
    devices.use_all_cores()
    path, kept = f"{_OUTPUT.value}.npz", []
    found = refine.refine(
        _FACTORIZATION.value, path, _SECONDS.value, seed=_SEED.value, num_walkers=_WALKERS.value
    )
    print(f"{'s':>7}{HEADER}")
    with tqdm(total=round(_SECONDS.value), unit="s", dynamic_ncols=True) as bar:
        try:
            for progress in found:
                kept = progress.kept
                for one in progress.fresh:
                    bar.write(f"{progress.seconds:7.0f}{line(one)}")
                bar.set_description(f"fewest additions {kept[0].additions}")
                bar.update(min(round(progress.seconds), bar.total) - bar.n)
        except KeyboardInterrupt:
            bar.write("Interrupted; what was found is stored.")
    print(f"kept in {path}:\n{HEADER}")
    for one in kept:
        print(line(one))


if __name__ == "__main__":
    command.run(main, prefix="--")
