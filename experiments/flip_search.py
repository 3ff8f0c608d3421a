"""Searches the flip graph for algorithms of low rank and fills a library with what it finds.

    python -m experiments.flip_search --config=experiments/configs/flip_small.py
    python -m experiments.flip_search --config=experiments/configs/flip_small.py \\
        --config.formats=4x4x4,4x4x5 --config.seconds=600 --config.library=runs/library

A search that is stopped (Ctrl-C, or the end of its budget) goes on from its library.
"""

import os
import tempfile
import time

from absl import flags
from ml_collections import ConfigDict, config_flags
from tqdm import tqdm

from experiments import command

_CONFIG = config_flags.DEFINE_config_file("config", None, "Path of a configuration file.")


def main() -> None:
    config = _CONFIG.value
    if not isinstance(config, ConfigDict):
        expected = "a file such as experiments/configs/flip_small.py"
        raise ValueError(f"--config={flags.FLAGS['config'].value!r}: expected {expected}.")

    from alphatensor import targets
    from alphatensor.flip_graph import bitmasks
    from alphatensor.flip_graph import scheduler as flip_search
    from alphatensor.flip_graph import symmetry as flip_symmetry
    from alphatensor.training import devices

    devices.use_all_cores()
    formats = []
    for name in str(config.formats).split(","):
        target = targets.parse(name.strip())
        if target.sizes is None:
            raise ValueError(f"--config.formats={name!r}: expected formats such as '3x4x5'.")
        if max(target.shape) > bitmasks.WORD:
            most = f"at most {bitmasks.WORD} entries in each matrix"
            raise ValueError(f"--config.formats={name!r}: expected {most}.")
        formats.append(tuple(sorted(target.sizes)))
    if not config.seconds > 0:
        raise ValueError(f"--config.seconds={config.seconds}: expected a budget above 0.")
    for field, value in config.search.items():
        if isinstance(value, (int, float)) and field != "seed" and value <= 0:
            raise ValueError(f"--config.search.{field}={value}: expected a value above 0.")
    if config.search.ring not in ("Z", "Z2"):
        raise ValueError(f"--config.search.ring={config.search.ring!r}: expected 'Z' or 'Z2'.")
    for field, choices in [("turns", flip_search.TURNS), ("symmetries", flip_symmetry.KINDS)]:
        given = tuple(config.search[field])
        if not given or not set(given) <= set(choices):
            expected = f"some of {', '.join(map(repr, choices))}"
            raise ValueError(f"--config.search.{field}={given!r}: expected {expected}.")
    import jax

    jax.config.update("jax_compilation_cache_dir", os.path.abspath(".jax_cache"))
    if config.search.walkers % jax.device_count():
        expected = f"a multiple of the {jax.device_count()} devices"
        raise ValueError(f"--config.search.walkers={config.search.walkers}: expected {expected}.")
    search_config = flip_search.SearchConfig(**config.search)
    try:  # before minutes of walking, not after
        os.makedirs(config.library, exist_ok=True)
        with tempfile.TemporaryFile(dir=config.library):
            pass
    except OSError as error:
        expected = "a folder that can be written"
        raise ValueError(
            f"--config.library={config.library!r}: expected {expected} ({error.strerror})."
        ) from None

    begin = time.monotonic()
    with tqdm(total=round(config.seconds), unit="s", dynamic_ncols=True) as bar:
        try:
            turns = flip_search.search(formats, config.library, search_config, config.seconds)
            for turn in turns:
                for line in turn.stored:
                    bar.write(f"{time.monotonic() - begin:7.0f} s  {line}")
                name = "x".join(map(str, turn.sizes))
                rate = turn.flips / turn.seconds
                bar.set_description(
                    f"{name} rank {turn.rank} over {search_config.ring} ({turn.kind}: "
                    f"{turn.reached}), {rate:.2g} flips/s"
                )
                bar.update(min(round(time.monotonic() - begin), bar.total) - bar.n)
        except KeyboardInterrupt:
            bar.write("Interrupted; everything found is in the library.")


if __name__ == "__main__":
    command.run(main)
