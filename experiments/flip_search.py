"""Searches the flip graph for algorithms of low rank and fills a library with what it finds.

    python -m experiments.flip_search --config=experiments/configs/flip_small.py
    python -m experiments.flip_search --config=experiments/configs/flip_small.py \\
        --config.formats=4x4x4,4x4x5 --config.seconds=600 --config.library=runs/library
    python -m experiments.flip_search --config=experiments/configs/flip_small.py \\
        --config.formats=2x2x2..6x6x6 --config.search.order=gaps
    python -m experiments.flip_search --config=experiments/configs/flip_structured.py \\
        --config.targets=ug4,gt4 --config.search.ring=Z

A search that is stopped (Ctrl-C, a kill or the end of its budget) goes on from its library and the
pools beside it. A file there that is damaged or not exact is named and not used.
"""

import time

from experiments import command

_CONFIG = command.config_flag()


def main() -> None:
    """Searches, and prints what enters the library."""
    given = command.config_of(_CONFIG, "experiments/configs/flip_small.py")

    from alphatensor.training import flip_search, progress

    config = flip_search.FlipRunConfig.from_dict(given)
    turns = flip_search.turns(config)
    begin = time.monotonic()
    with progress.Bar("s", round(config.seconds)) as bar:
        bar.show(0, "compiling")
        try:
            for turn in turns:
                command.raise_at_ctrl_c()
                seconds = time.monotonic() - begin
                for line in turn.stored:
                    bar.write(f"{seconds:7.0f} s  {line}")
                bar.show(
                    round(seconds),
                    f"{turn.name} rank {turn.rank} over {config.search.ring} ({turn.kind}: "
                    f"{turn.reached}), {turn.flips / turn.seconds:.2g} flips/s",
                )
        except KeyboardInterrupt:
            bar.write("Interrupted; everything found is in the library.")


if __name__ == "__main__":
    command.run(main, "alphatensor.training.flip_search:FlipRunConfig")
