"""Searches the flip graph for algorithms of low rank and fills a library with what it finds.

    python -m experiments.flip_search --config=experiments/configs/flip_small.py
    python -m experiments.flip_search --config=experiments/configs/flip_small.py \\
        --config.formats=4x4x4,4x4x5 --config.seconds=600 --config.library=runs/library

A search that is stopped (Ctrl-C, or the end of its budget) goes on from its library.
"""

import time

from tqdm import tqdm

from experiments import command

_CONFIG = command.config_flag()


def main() -> None:
    """Searches, and prints what enters the library."""
    given = command.config_of(_CONFIG, "experiments/configs/flip_small.py")

    from alphatensor.training import devices, flip_search

    config = flip_search.FlipRunConfig.from_dict(given)
    devices.use_all_cores()
    command.keep_compiled_programs(".jax_cache")
    turns = flip_search.turns(config)
    begin = time.monotonic()
    with tqdm(total=round(config.seconds), unit="s", dynamic_ncols=True) as bar:
        try:
            for turn in turns:
                for line in turn.stored:
                    bar.write(f"{time.monotonic() - begin:7.0f} s  {line}")
                name = "x".join(map(str, turn.sizes))
                rate = turn.flips / turn.seconds
                bar.set_description(
                    f"{name} rank {turn.rank} over {config.search.ring} ({turn.kind}: "
                    f"{turn.reached}), {rate:.2g} flips/s"
                )
                bar.update(min(round(time.monotonic() - begin), bar.total) - bar.n)
        except KeyboardInterrupt:
            bar.write("Interrupted; everything found is in the library.")


if __name__ == "__main__":
    command.run(main, "alphatensor.training.flip_search:FlipRunConfig")
