"""Prints where a run stands, from its folder alone, and draws its curves; it may still be going on.

python -m experiments.status --run=runs/quickstart
"""

import pathlib

from absl import flags

from alphatensor import config
from experiments import command

_RUN = flags.DEFINE_string("run", "runs/quickstart", "Folder of the run.")
_PNG = flags.DEFINE_string("png", "", "Picture of the curves; default: status.png in the folder.")


def main() -> None:
    from alphatensor.training import status

    folder = pathlib.Path(command.checked(_RUN, config.path()))
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


if __name__ == "__main__":
    command.run(main)
