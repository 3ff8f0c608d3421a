"""What each process and device of a run holds, and whether it can."""

from alphatensor.training import planning
from alphatensor.training.chips import CHIPS
from alphatensor.training.settings import Settings
from experiments.launch.lines import Place


def check(settings: Settings, place: Place, chip: str) -> None:
    """Refuses a run that the place cannot hold.

    Raises:
      ValueError: in one line, for too little memory, or walks beside the agent in several
        processes.
    """
    train = settings.config.train
    if place.processes > 1 and train.has_walks:
        name = "flip_seconds" if train.flip_seconds else "flip_steps"
        value = getattr(train, name)
        raise ValueError(f"--config.train.{name}={value}: expected 0 with several processes.")
    needed, there = planning.memory(settings), CHIPS[chip].memory
    if sum(needed) >= there:
        parts = ", ".join(f"{name} {x / 2**30:.2f}" for name, x in needed._asdict().items())
        raise ValueError(
            f"--chip={chip}: each device would hold {sum(needed) / 2**30:.2f} GiB ({parts}) of "
            f"{there / 2**30:.0f}; expected more devices, or a model axis (--config.mesh.model)."
        )


def described(settings: Settings, place: Place, chip: str) -> str:
    """Returns the mesh, and what each process has of it, one fact a line."""
    config, count = settings.config, place.processes * place.devices
    mesh, walks = config.mesh, config.neighbourhood.walks
    bytes_each = sum(planning.memory(settings))
    played = ("games on sums", walks) if walks else ("games", config.train.games)
    batch = _share(config.learner.batch_size, mesh.data)
    shares = f"{_share(played[1], mesh.data)} {played[0]}, {batch} positions of a batch"
    lines = [
        f"mesh                      data {mesh.data} x model {mesh.model}: {count} x {chip}",
        f"each device               {shares}, {bytes_each / 2**30:.2f} GiB",
        f"each process              {place.devices} devices, "
        f"{bytes_each * place.devices / 2**30:.2f} GiB of them",
    ]
    for i in range(min(place.processes, 3)):
        first = i * place.devices
        lines.append(f"process {i:<17} devices {first} to {first + place.devices - 1}")
    if place.processes > 3:
        lines.append(f"... and so on to process {place.processes - 1}")
    return "\n".join(lines)


def _share(total: int, devices: int) -> str:
    return f"{total // devices} of {total}"
