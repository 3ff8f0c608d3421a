"""Starts a run on several devices or hosts, after checking that it can work there.

    python -m experiments.launch --config=experiments/configs/paper.py --dry_run \\
        --where=slurm --processes=4 --devices=8 --chip=h100

--dry_run says, on any machine, how the devices are arranged, what each process and each device
holds, what the run needs, and the command lines that start it; nothing is started. Without it the
lines are run, where they can be run from here. What cannot work is refused in one line: devices
that do not divide games or batches, too little memory, no processes.

  --where=gpus    one machine; --devices of it
  --where=slurm   --processes nodes with --devices GPUs each, by sbatch
  --where=tpu     a pod slice, with --name and --zone; --processes workers of --devices chips each
  --where=hosts   one line for each of --processes hosts; --coordinator=HOST:PORT is host 0

Fields of the configuration, --config.field=value, are handed on.
"""

import shlex

from absl import flags
from ml_collections import config_flags

from alphatensor import config as settings
from alphatensor.training.chips import CHIPS
from experiments import command
from experiments.launch import lines

_CONFIG = command.config_flag()
_WHERE = flags.DEFINE_enum("where", "gpus", list(lines.PLACES), "On what the run is started.")
_PROCESSES = flags.DEFINE_integer("processes", 1, "Processes of the run, one for each host.")
_DEVICES = flags.DEFINE_integer("devices", 8, "Devices of each process.")
_CHIP = flags.DEFINE_string("chip", "h100", f"Kind of device: {', '.join(CHIPS)}.")
_COORDINATOR = flags.DEFINE_string("coordinator", "", "Address of host 0, with --where=hosts.")
_NAME = flags.DEFINE_string("name", "", "Name of the pod slice, with --where=tpu.")
_ZONE = flags.DEFINE_string("zone", "", "Zone of the pod slice, with --where=tpu.")
_UPDATES = flags.DEFINE_integer("updates", 600_000, "Updates of the run whose time is projected.")
_UTILISATION = flags.DEFINE_float(
    "utilisation", 0.3, "Share of the chip's published peak that is assumed to be reached."
)
_DRY = flags.DEFINE_bool("dry_run", False, "Check and print, and start nothing.")


def main() -> int:
    processes = command.checked(_PROCESSES, settings.integer(1, command.MAX_DEVICES))
    each = command.checked(_DEVICES, settings.integer(1, command.MAX_DEVICES))
    updates = command.checked(_UPDATES, settings.integer(least=1))
    utilisation = command.checked(_UTILISATION, settings.probability())
    if not utilisation:
        raise ValueError("--utilisation=0.0: expected a share above 0.")
    command.checked(_CHIP, settings.one_of(*CHIPS))
    config = command.config_of(_CONFIG, "experiments/configs/paper.py")
    count, model = processes * each, config.mesh.model
    if count > command.MAX_DEVICES:
        raise ValueError(f"--processes, --devices: {count} devices, at most {command.MAX_DEVICES}.")
    if not isinstance(model, int) or model < 1 or count % model:
        raise ValueError(f"--config.mesh.model={model}: expected a divisor of the {count} devices.")
    if config.mesh.data not in (0, count // model):
        given = f"--config.mesh.data={config.mesh.data}"
        raise ValueError(f"{given}: expected {count // model} for {count} devices, or 0.")
    place = lines.Place(
        where=_WHERE.value,
        processes=processes,
        devices=each,
        coordinator=_COORDINATOR.value,
        name=_NAME.value,
        zone=_ZONE.value,
    )
    flag = flags.FLAGS["config"]
    given = config_flags.get_override_values(flag)
    path = config_flags.get_config_filename(flag)
    commands = lines.commands(place, path, config.output, given)  # before JAX starts
    fitting = [x for x, chip in CHIPS.items() if (chip.platform == "tpu") == (place.where == "tpu")]
    if place.where != "hosts" and _CHIP.value not in fitting:
        expected = f"expected one of {', '.join(fitting)} with --where={place.where}"
        raise ValueError(f"--chip={_CHIP.value}: {expected}.")
    run_settings = command.settings_on_mesh(config, count // model, model)

    from alphatensor.training import planning
    from experiments.launch import plan

    plan.check(run_settings, place, _CHIP.value)
    print(plan.described(run_settings, place, _CHIP.value))
    print(planning.describe(run_settings, _CHIP.value, updates, utilisation), end="\n\n")
    print("\n".join(map(shlex.join, commands)), flush=True)
    return 0 if _DRY.value else lines.run(commands)


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
