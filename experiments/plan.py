"""Says what a run would need on given hardware, without that hardware.

    python -m experiments.plan --config=experiments/configs/paper.py --mesh=64 --chip=v4
    python -m experiments.plan --config=experiments/configs/paper.py --mesh=32x2 --chip=h100

Lowers the learning and the acting program for the chip's platform over the whole mesh, counts
parameters and operations, estimates the memory of each device and projects the time of a run.
"""

import re

from absl import flags

from alphatensor import config as settings
from alphatensor.training.chips import CHIPS
from experiments import command

_CONFIG = command.config_flag("experiments/configs/paper.py")
_MESH = flags.DEFINE_string("mesh", "64", "Devices: data, or data x model such as 32x2.")
_CHIP = flags.DEFINE_string("chip", "v4", f"Kind of chip: {', '.join(CHIPS)}.")
_UPDATES = flags.DEFINE_integer("updates", 600_000, "Updates of the run whose time is projected.")
_UTILISATION = flags.DEFINE_float(
    "utilisation", 0.3, "Share of the chip's published peak that is assumed to be reached."
)
_LOWER = flags.DEFINE_bool("lower", True, "Lower the programs too, which takes minutes.")


def main() -> None:
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", _MESH.value)
    data, model = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if not 0 < data * model <= command.MAX_DEVICES:
        expected = f"a number of devices up to {command.MAX_DEVICES}, or such as 32x2"
        raise ValueError(f"--mesh={_MESH.value!r}: expected {expected}.")
    updates = command.checked(_UPDATES, settings.integer(least=1))
    utilisation = command.checked(_UTILISATION, settings.probability())
    if not utilisation:
        raise ValueError("--utilisation=0.0: expected a share above 0.")
    command.checked(_CHIP, settings.one_of(*CHIPS))
    config = command.config_of(_CONFIG, "experiments/configs/paper.py")
    run_settings = command.settings_on_mesh(config, data, model)

    from alphatensor.training import planning

    print(planning.describe(run_settings, _CHIP.value, updates, utilisation))
    if _LOWER.value:
        platform = CHIPS[_CHIP.value].platform
        for name, size, seconds in planning.lower(run_settings, platform):
            print(
                f"{name} lowers for {platform:<11} {size / 1e6:.1f} MB, {seconds:.0f} s", flush=True
            )


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
