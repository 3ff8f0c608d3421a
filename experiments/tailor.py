"""Searches the equivalents of one algorithm for the kernel that runs fastest on this device.

    python -m experiments.tailor --factorization=factorizations/4x4x4_Z.npz --size=4096 \\
        --output=runs/tailor_4096
    python -m experiments.tailor ... --candidates=40      # goes on: what is measured is kept

What a candidate is and how it is measured: `alphatensor.training.tailor`. Writes OUTPUT.jsonl, one
measurement a line, after each candidate, and OUTPUT.npz, the candidate of the best median ratio so
far with its measurement as provenance. An interrupt loses only the candidate that is being timed.
"""

import pathlib

from absl import flags

from alphatensor.config import describe, path
from alphatensor.training.tailor_config import TailorConfig
from experiments import command

_FACTORIZATION = flags.DEFINE_string("factorization", None, "File of the algorithm to start from.")
_OUTPUT = flags.DEFINE_string("output", "runs/tailor", "Path of the results, without suffix.")
_SETTINGS = {
    name: (flags.DEFINE_integer if isinstance(default, int) else flags.DEFINE_string)(
        name, default, doc
    )
    for name, default, doc in describe(TailorConfig)
}


def main() -> None:
    if _FACTORIZATION.value is None:
        raise ValueError("--factorization: not given, expected a file such as 4x4x4_Z.npz.")
    source, output = command.checked(_FACTORIZATION, path()), command.checked(_OUTPUT, path())
    given = {name: flag.value for name, flag in _SETTINGS.items()}
    config = TailorConfig.from_dict(given)

    import jax

    from alphatensor import factorization
    from alphatensor.training import tailor

    if config.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    f = factorization.load(source)[0]
    try:
        for one in tailor.run(f, config, output, source=source):
            command.raise_at_ctrl_c()
            figures, schedule = one.figures, one.candidate.schedule
            print(
                f"{one.number}: {figures['ratio']:.3f} {schedule} {figures['additions']}",
                flush=True,
            )
    except KeyboardInterrupt:
        kept = pathlib.Path(f"{output}.jsonl")
        print(f"stopped; {len(tailor.read(kept, {}))} candidates are kept in {kept}", flush=True)


if __name__ == "__main__":
    command.run(main, prefix="--")
