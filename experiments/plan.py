"""Says what a run would need on given hardware, without that hardware.

    python -m experiments.plan --config=experiments/configs/paper.py --mesh=64 --chip=v4
    python -m experiments.plan --config=experiments/configs/paper.py --mesh=32x2 --chip=h100

Lowers the learning and the acting program for the chip's platform over the whole mesh, counts
parameters and operations, estimates the memory of each device and projects the time of a run.
"""

import re
import time

from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import command

_CONFIG = config_flags.DEFINE_config_file(
    "config", "experiments/configs/paper.py", "Path of a configuration file."
)
_MESH = flags.DEFINE_string("mesh", "64", "Devices: data, or data x model such as 32x2.")
_CHIP = flags.DEFINE_string("chip", "v4", "Kind of chip: v3, v4, v5e, v5p, v6e, a100, h100, h200.")
_UPDATES = flags.DEFINE_integer("updates", 600_000, "Updates of the run whose time is projected.")
_UTILISATION = flags.DEFINE_float(
    "utilisation", 0.3, "Share of the chip's published peak that is assumed to be reached."
)
_LOWER = flags.DEFINE_bool("lower", True, "Lower the programs too, which takes minutes.")


def main() -> None:
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", _MESH.value)
    if not match:
        raise ValueError(f"--mesh={_MESH.value!r}: expected a number of devices, or 32x2.")
    data, model = int(match[1]), int(match[2] or 1)
    if not 0 < _UTILISATION.value <= 1:
        raise ValueError(f"--utilisation={_UTILISATION.value}: expected a share from 0 to 1.")
    config = _CONFIG.value
    if not isinstance(config, ConfigDict):
        raise ValueError("--config: expected a file that defines get_config().")

    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", data * model)
    from alphatensor.training import planning, settings

    if _CHIP.value not in planning.CHIPS:
        raise ValueError(f"--chip={_CHIP.value!r}: expected one of {', '.join(planning.CHIPS)}.")
    chip = planning.CHIPS[_CHIP.value]
    config.mesh.update(dict(data=data, model=model))
    run_settings = settings.from_config(config)
    gradient = planning.gradient_operations(run_settings)
    inference = planning.inference_operations(run_settings)
    memory = planning.memory(run_settings)
    total = planning.run_operations(run_settings, _UPDATES.value)
    seconds = total / (data * model * chip.rate * _UTILISATION.value)
    gib = {name: x / 2**30 for name, x in memory._asdict().items()}
    print(f"parameters                {planning.num_parameters(run_settings):,}")
    print(f"operations of an update   {gradient * run_settings.learner.batch_size:.3g}")
    print(f"operations of a node      {inference:.3g}")
    print(f"operations of the run     {total:.3g} ({_UPDATES.value:,} updates with their games)")
    for name, x in gib.items():
        print(f"{name + ', GiB a device':<25} {x:.2f}")
    needed, there = sum(gib.values()), chip.memory / 2**30
    verdict = "fits" if needed < there else "does NOT fit: more devices, or a model axis"
    print(f"together                  {needed:.2f} of {there:.0f} GiB: {verdict}")
    print(
        f"projected time            {seconds / 86_400:.3g} days on {data * model} x {_CHIP.value} "
        f"at {_UTILISATION.value:.0%} of {chip.rate / 1e12:.0f} TFLOP/s (a projection, not a "
        "measurement)"
    )
    if _LOWER.value:
        begin = time.monotonic()
        for name, size in planning.lowered(run_settings, chip.platform).items():
            print(
                f"{name} lowers for {chip.platform:<11} {size / 1e6:.1f} MB of StableHLO, "
                f"{time.monotonic() - begin:.0f} s"
            )


if __name__ == "__main__":
    command.run(main)
