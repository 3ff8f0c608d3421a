"""What a run says on the screen: lines, and below them a progress bar."""

import contextlib
import sys
from typing import Self

from tqdm import tqdm

from alphatensor.training.run_folder import RunFolder
from alphatensor.training.state import Report


class RunLogger:
    """Writes lines above a progress bar and into run.log.

    A process without a folder, which is not the first of its run, has no bar and writes to standard
    error alone.
    """

    def __init__(self, folder: RunFolder | None):
        self._folder = folder
        self._bar = tqdm(unit="update", dynamic_ncols=True, mininterval=0.5, disable=not folder)
        self._bar.set_description("compiling")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()

    def say(self, text: str) -> None:
        """Writes a line."""
        if self._folder is None:
            print(text, file=sys.stderr, flush=True)
            return
        self._bar.write(text)
        with contextlib.suppress(OSError):
            self._folder.log(text)

    def update(self, report: Report) -> None:
        """Moves the bar to a report."""
        self._bar.set_description(describe(report))
        self._bar.update(report.updates - self._bar.n)


def describe(report: Report) -> str:
    """Returns where a run stands in one line."""
    scalars = report.scalars
    best = ",".join(str(rank) if rank else "-" for rank in report.best)
    policy, value = scalars["loss/policy"], scalars["loss/value"]
    text = f"best rank {best} | policy {policy:.3f} value {value:.3f}"
    if "games/solved" in scalars:
        text += (
            f" | solved {scalars['games/solved']:.0%}, {scalars['speed/games_per_second']:.0f} "
            f"games/s, {scalars['speed/simulations_per_second']:.0f} simulations/s"
        )
    return text
