"""Draws the demonstrations that the agent learns from, and shows what they look like.

    python -m experiments.demonstrate --config=experiments/configs/quickstart.py
    python -m experiments.demonstrate --config=experiments/configs/quickstart.py \\
        --run=runs/quickstart

With --run the positions of that run's solved games are measured beside them. OUTPUT.npz holds the
factors, int8 [count, greatest rank, 3, S], and the ranks; OUTPUT.png shows the statistics.
"""

import pathlib

from absl import flags

from alphatensor.config import integer, path
from alphatensor.config import seed as seeds
from experiments import command

_CONFIG = command.config_flag()
_COUNT = flags.DEFINE_integer("count", 1_000, "How many demonstrations are drawn.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the demonstrations.")
_RUN = flags.DEFINE_string("run", "", "Folder of a run whose games are measured too.")
_OUTPUT = flags.DEFINE_string(
    "output", "runs/demonstrations", "Path of the results, without suffix."
)
MOST = 100_000


def main() -> None:
    config = command.config_of(_CONFIG)
    count = command.checked(_COUNT, integer(1, MOST))
    seed = command.checked(_SEED, seeds())
    output = command.checked(_OUTPUT, path())

    import numpy as np

    from alphatensor import files
    from alphatensor.config import ConfigError
    from alphatensor.training import demonstrate, devices

    devices.use_all_cores()
    try:
        shown = demonstrate.demonstrate(config, count, seed, _RUN.value or None)
    except ConfigError:
        raise
    except ValueError as error:
        raise ValueError(f"--run={error}") from None
    print(demonstrate.table(shown.statistics))
    try:
        pathlib.Path(output).parent.mkdir(parents=True, exist_ok=True)
        arrays = dict(factors=shown.factors, rank=shown.rank)
        files.write(f"{output}.npz", lambda file: np.savez_compressed(file, **arrays))
        files.write(f"{output}.png", lambda file: demonstrate.draw(shown, file))
    except (OSError, files.FileError) as error:
        raise ValueError(f"--output={output!r}: {error}") from None
    print(f"{output}.npz, {output}.png")


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
