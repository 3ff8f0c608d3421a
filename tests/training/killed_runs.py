"""Runs of three kinds, side by side in one process.

They are plain, hybrid and paid for run time, and hybrid on sums of terms.

python tests/training/killed_runs.py FOLDER ROUNDS
"""

import contextlib
import itertools
import pathlib
import sys

import tiny_run

from alphatensor.training import loop, runner, runtime_reward

KINDS = {
    "plain": {},
    "hybrid": dict(train__flip_steps=1, train__runtime_weight=0.5, train__runtime_measured=1),
    "sums": tiny_run.ON_SUMS | dict(train__flip_steps=1),
}


def measured(f, size: int) -> float:
    """Stands for a clock: the speed-up of an algorithm is a function of its entries."""
    return 1.0 + sum(abs(x) * (i + 1) for i, x in enumerate(f.u.ravel().tolist())) % 7 / 10


def train_all(folder: pathlib.Path, rounds: int) -> None:
    """Takes iterations of the runs in turn, each in a folder of its kind, to their ends.

    Those that end with a complete checkpoint of every run are steps.
    """
    runtime_reward.measure_speedup = measured
    for module in (loop, runner):
        module.make_programs = tiny_run.shared_programs
    with contextlib.ExitStack() as stack:
        runs = []
        for kind, changes in KINDS.items():
            config = tiny_run.tiny_config(
                output=str(folder / kind),
                train__max_rounds=rounds,
                checkpoint__minutes=0.0,
                **changes,
            )
            runs.append(stack.enter_context(runner.Run(config)))
        for _ in itertools.zip_longest(*(run.reports() for run in runs)):
            if all(any((folder / kind).glob("checkpoints/*.json")) for kind in KINDS):
                print("step")


if __name__ == "__main__":
    import conftest  # noqa: F401, the flags of XLA and the cache of the suite

    train_all(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
