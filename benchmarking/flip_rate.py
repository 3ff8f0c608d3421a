"""Times the flip-graph walkers: flips a second over formats, walkers and devices.

    python -m benchmarking.flip_rate --output=runs/flip_rate
    python -m benchmarking.flip_rate --formats=4x4x4 --walkers=256,4096 --devices=1,2
    python -m benchmarking.flip_rate --formats=4x4x4 --words=1,2,4,8 --devices=1

Only flips that were made count; a try that finds no pair of terms with an equal factor is counted
apart. Walkers start from the naive algorithm, or from the library's with `--library`, and walk
`--warmup` seconds first: the lower the rank, the fewer terms share a factor.
`--devices` says how many JAX devices share the walkers; on a CPU each is one core. `--words` pads
factors with zeros to so many 32-bit words: the same walks, so that the times say what a word costs.

In theory a try passes over all terms' words a fixed number of times, so that words/s, which is
tries/s x terms x words x planes in the mean of the modes, is the same for every format and number.

Writes OUTPUT.csv (format, ring, walkers, devices, platform, flips/s, tries/s, share that flips,
least rank at the end, seconds measured, terms, words, words/s).
"""

import itertools
import time

from absl import flags

from alphatensor import config
from benchmarking import isolated, report
from experiments import command

_OUTPUT = flags.DEFINE_string("output", "runs/flip_rate", "Path without suffix.")
_FORMATS = flags.DEFINE_list(
    "formats", ["3x3x3", "4x4x4", "5x5x5"], "Matrix formats, each walked on its own."
)
_WALKERS = flags.DEFINE_list("walkers", ["256", "1024", "4096"], "Numbers of walkers to measure.")
_DEVICES = flags.DEFINE_list("devices", ["1", "2"], "Numbers of JAX devices to measure.")
_LIBRARY = flags.DEFINE_string("library", "", "Folder of start schemes; empty: the naive ones.")
_RING = flags.DEFINE_enum("ring", "Z2", ["Z2", "Z"], "Over Z entries are -1, 0 and 1.")
_WORDS = flags.DEFINE_list("words", ["1"], "Words of a factor, at least; the others are zero.")
_SECONDS = flags.DEFINE_float("seconds", 3.0, "Measured time of each row, at least.")
_WARMUP = flags.DEFINE_float("warmup", 5.0, "Walking time before, after compilation.")

HEADER = (
    "format",
    "ring",
    "walkers",
    "devices",
    "platform",
    "flips/s",
    "tries/s",
    "share",
    "rank",
    "s",
    "terms",
    "words",
    "words/s",
)
MARGIN = 3


def measure(
    sizes: tuple,
    num_walkers: int,
    words: int,
    ring: str,
    library_folder: str,
    seconds: float,
    warmup: float,
) -> tuple:
    """Walks and times; returns a row as in `HEADER`.

    Args:
      sizes: n, m and p.
      num_walkers: W.
      words: words of a factor, at least.
      ring: "Z2" or "Z".
      library_folder: folder of the start scheme; empty for the naive algorithm.
      seconds: measured time, at least.
      warmup: walking time before, after compilation.
    """
    import jax
    import numpy as np

    from alphatensor.flip_graph import WalkOptions, walkers

    options = WalkOptions(
        rounds=max(1, 2**14 // num_walkers), sweeps=100, margin=MARGIN, patience=100
    )

    def walk(held):
        return jax.block_until_ready(walkers.run(held, options))

    held = walk(walk(_start(_scheme(sizes, ring, library_folder), num_walkers, words)))
    start = time.perf_counter()
    while time.perf_counter() - start < warmup:
        held = walk(held)
    before, calls = np.array(held.flips), 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds or not calls:
        held = walk(held)
        calls += 1
    # Counters wrap at 2^32; differences of uint32 do not mind.
    made = np.array(held.flips).astype(np.uint32) - before.astype(np.uint32)
    flips = int(made.sum(dtype=np.int64))
    tries = calls * options.rounds * options.sweeps * walkers.TRIES * num_walkers
    mean = sum(len(x) * x.shape[1] for x in held.terms) / 3
    return (
        "x".join(map(str, sizes)),
        ring,
        num_walkers,
        jax.device_count(),
        jax.devices()[0].platform,
        round(flips / elapsed),
        round(tries / elapsed),
        round(flips / tries, 4),
        int(held.best_rank.min()),
        round(elapsed, 2),
        held.slots,
        max(x.shape[1] for x in held.terms),
        round(tries / elapsed * held.slots * mean),
    )


def _scheme(sizes: tuple, ring: str, library_folder: str):
    """Returns the library's best scheme of a format, or the naive one where it has none."""
    from alphatensor import rings
    from alphatensor.factorization import naive
    from alphatensor.factorization.library import store
    from alphatensor.flip_graph import bitmasks

    stored = store.best(library_folder, sizes, ring) if library_folder else None
    usable = stored is not None and bitmasks.is_ternary(stored)
    return stored if usable else naive(sizes, rings.parse(ring))


def _start(f, num_walkers: int, words: int):
    """Returns walkers on a scheme whose factors have at least so many words."""
    from alphatensor.flip_graph import walkers

    held = walkers.start([f], num_walkers, walkers.slots_for(f.rank, MARGIN), seed=0)
    return held._replace(terms=_padded(held.terms, words), best=_padded(held.best, words))


def _padded(terms: tuple, words: int) -> tuple:
    """Returns terms with at least so many words a factor."""
    import jax.numpy as jnp

    missing = [max(0, words - x.shape[1]) for x in terms]
    return tuple(
        jnp.pad(x, ((0, 0), (0, more), (0, 0), (0, 0)))
        for x, more in zip(terms, missing, strict=True)
    )


def _measure_on(devices: int, *arguments) -> tuple:
    """Calls `measure` with a number of CPU devices, which is fixed once JAX starts."""
    import jax

    jax.config.update("jax_num_cpu_devices", devices)
    return measure(*arguments)


def _sizes(name: str) -> tuple[int, int, int]:
    from alphatensor.training import flip_search

    sizes = flip_search.parse_format(name)
    if sizes is None:
        raise ValueError(f"--formats={name}: expected {flip_search.FORMATS}.")
    return sizes


def main() -> None:
    walkers = command.checked_integers(_WALKERS, 1, 2**20)
    devices = command.checked_integers(_DEVICES, 1, 64)
    words = command.checked_integers(_WORDS, 1, 8)
    formats = [_sizes(name) for name in _FORMATS.value]
    for w in walkers:
        for d in devices:
            if w % d:
                raise ValueError(f"--walkers={w}: expected a multiple of --devices={d}.")
    seconds = command.checked(_SECONDS, config.number(0.01, 3_600))
    warmup = command.checked(_WARMUP, config.number(0, 3_600))
    output = report.table_path(_OUTPUT.value)
    print(",".join(HEADER), flush=True)
    rows = []
    options = _RING.value, _LIBRARY.value, seconds, warmup
    for sizes, d, w, k in itertools.product(formats, devices, walkers, words):
        rows.append(isolated.run(_measure_on, d, sizes, w, k, *options))
        print(",".join(map(str, rows[-1])), flush=True)
    report.write_csv(output, HEADER, rows)


if __name__ == "__main__":
    command.run(main)
