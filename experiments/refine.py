"""Searches algorithms of the same rank for cheaper ones, and keeps the Pareto set of their costs.

  python -m experiments.refine --factorization=factorizations/3x3x3_Z.npz --seconds=300 \
      --output=runs/refined_3x3x3

Costs are the entries that are not zero, additions after sharing, the predicted error of floating
point (growth) and the largest coefficient. OUTPUT.npz holds all kept algorithms, fewest additions
first, and is rewritten whenever the set changes; the same command goes on from it. Algorithms with
entries -1, 0 and 1 alone are walked over the integers; others mod 2, and what lifts is costed. The
additions of all that looks good are annealed, and the sums that take so few are stored with the
algorithm. With --library=FOLDER a library takes the one with the fewest additions, and what its
entries give at the same rank, side by side or multiplied, is refined as well.
"""

from absl import flags

from alphatensor import config
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _FACTORIZATION = flags.DEFINE_string(
        "factorization", None, "File of the algorithm that is made cheaper."
    )
    _OUTPUT = flags.DEFINE_string("output", "runs/refined", "Path of the results without suffix.")
    _LIBRARY = flags.DEFINE_string(
        "library", None, "Folder of a library that takes the algorithm with the fewest additions."
    )
    _SECONDS = flags.DEFINE_float("seconds", 60.0, "Seconds that the walks take in all.")
    _WALKERS = flags.DEFINE_integer("walkers", 1_024, "Number of walkers.")
    _SEED = flags.DEFINE_integer("seed", 0, "Seed of the walks.")

HEADER = f"{'non-zeros':>10}{'additions':>11}{'growth':>9}{'largest':>9}"


def line(one) -> str:
    """Returns one row under `HEADER`."""
    return f"{one.nonzeros:>10}{one.additions:>11}{one.growth:>9.3f}{one.largest:>9}"


def main() -> None:
    """Refines, and prints each algorithm that enters the Pareto set."""
    if _FACTORIZATION.value is None:
        raise ValueError("--factorization: not given, expected a file such as 3x3x3_Z.npz.")
    source = command.checked(_FACTORIZATION, config.path())
    path = f"{command.checked(_OUTPUT, config.path())}.npz"
    seconds = command.checked(_SECONDS, config.positive())
    seed = command.checked(_SEED, config.seed())
    walkers = command.checked(_WALKERS, config.integer(least=1))

    library = None if _LIBRARY.value is None else command.checked(_LIBRARY, config.path())

    from alphatensor.training import progress, refine

    found = refine.refine(source, path, seconds, seed=seed, num_walkers=walkers, library=library)
    kept = []
    print(f"{'s':>7}{HEADER}", flush=True)
    with progress.Bar("s", round(seconds)) as bar:
        bar.show(0, "compiling")
        try:
            for step in found:
                command.raise_at_ctrl_c()
                kept = step.kept
                for one in step.fresh:
                    bar.write(f"{step.seconds:7.0f}{line(one)}")
                bar.show(round(step.seconds), f"fewest additions {kept[0].additions}")
        except KeyboardInterrupt:
            bar.write("Interrupted; what was found is stored.")
    print(f"kept in {path}:\n{HEADER}")
    for one in kept:
        print(line(one))


if __name__ == "__main__":
    command.run(main, prefix="--")
