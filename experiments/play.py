"""Plays with a trained agent: how much it solves, in which ranks, and which algorithms it finds.

    python -m experiments.play --run=runs/quickstart --games=1024
    python -m experiments.play --run=runs/neighbourhood --target=2x2x3,3x3x3 --games=1000000

Every algorithm is verified exactly. Those that are different (for matrix products up to symmetry)
are stored, a file for each target and rank, in --output.
"""

import pathlib

from absl import flags

from alphatensor.config import MAX_SEED, integer, path
from experiments import command

_RUN = flags.DEFINE_string("run", "runs/quickstart", "Folder of the run whose agent plays.")
_GAMES = flags.DEFINE_integer("games", 1_024, "Least number of games.")
_TARGET = flags.DEFINE_string("target", "", "What is decomposed; by default the run's target.")
_SIMULATIONS = flags.DEFINE_integer(
    "simulations", 0, "Simulations for each move; 0: as many as in the run."
)
_BASES = flags.DEFINE_string(
    "bases", "", "canonical or random, for games in such bases alone; by default the run's shares."
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the games.")
_OUTPUT = flags.DEFINE_string("output", "", "Folder of what is found; by default RUN/played.")


def main() -> None:
    run = pathlib.Path(command.checked(_RUN, path()))
    games = command.checked(_GAMES, integer(least=1))
    simulations = command.checked(_SIMULATIONS, integer(least=0))
    seed = command.checked(_SEED, integer(least=0, most=MAX_SEED))
    if _BASES.value not in ("", "canonical", "random"):
        raise ValueError(f"--bases={_BASES.value!r}: expected canonical or random.")
    output = pathlib.Path(_OUTPUT.value or run / "played")

    from alphatensor import factorization, files
    from alphatensor.config import ConfigError
    from alphatensor.training import devices, play, run_folder

    devices.use_all_cores()
    try:
        played = play.play(
            run,
            games=games,
            target=_TARGET.value,
            simulations=simulations,
            bases=_BASES.value,
            seed=seed,
        )
    except ConfigError as error:
        raise ValueError(f"--{error}") from None
    except ValueError as error:
        raise ValueError(f"--run={error}") from None
    print(f"{played.games} games, {played.solved / played.games:.1%} solved")
    for name, counts in played.ranks.items():
        for rank, count in counts.items():
            print(f"  {name} in {rank}: {count}")
    groups: dict[str, list] = {}
    for f in played.algorithms:
        groups.setdefault(run_folder.name_of(f), []).append(f)
    for name, group in groups.items():
        try:
            output.mkdir(parents=True, exist_ok=True)
            factorization.save(output / f"{name}.npz", group)
        except (OSError, files.FileError) as error:
            raise ValueError(f"--output={str(output)!r}: {error}") from None
        print(f"{len(group)} different, verified exactly -> {output / name}.npz")


if __name__ == "__main__":
    command.run(main)
