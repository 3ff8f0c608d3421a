"""Prints where a run stands, from its folder alone, and draws its curves; it may still be going on.

    python -m experiments.status --run=runs/quickstart
    python -m experiments.status --run=runs/quickstart --diagnose

With --diagnose its newest checkpoint is looked at too: whether the policy knows right moves, how
far the values are off, how many of the solutions differ, and what to try.
"""

import pathlib

from absl import flags

from alphatensor import config
from experiments import command

_RUN = flags.DEFINE_string("run", "runs/quickstart", "Folder of the run.")
_PNG = flags.DEFINE_string("png", "", "Picture of the curves; default: status.png in the folder.")

_DIAGNOSE = flags.DEFINE_bool("diagnose", False, "Also look at what the network knows.")
_POSITIONS = flags.DEFINE_integer("positions", 1_024, "Positions of each source to look at.")


def main() -> None:
    from alphatensor.training import status

    folder = pathlib.Path(command.checked(_RUN, config.path()))
    command.checked(_POSITIONS, config.integer(least=1))
    try:
        print(status.describe(folder))
    except ValueError as error:
        raise ValueError(f"--run={error}") from None
    picture = pathlib.Path(_PNG.value or folder / "status.png")
    try:
        is_drawn = status.draw(folder, picture)
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"--png={str(picture)!r}: cannot be written ({reason}).") from None
    if is_drawn:
        print(f"curves                       {picture}")
    if _DIAGNOSE.value:
        _diagnose(folder)


def _diagnose(folder: pathlib.Path) -> None:
    from alphatensor import files
    from alphatensor.training import diagnosis

    try:
        found = diagnosis.diagnose(folder, _POSITIONS.value)
    except ValueError as error:
        raise ValueError(f"--run={error}") from None
    picture = folder / "diagnosis.png"
    files.write(picture, lambda file: diagnosis.draw(found, file))
    print(f"\n{diagnosis.text(found)}\n{'picture':<29}{picture}")


if __name__ == "__main__":
    command.run(main)
