"""What a run says on the screen: lines, and below them a progress bar where there is a terminal."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Self

from tqdm import tqdm

from alphatensor.training import doors
from alphatensor.training.run_folder import RunFolder
from alphatensor.training.state import Report

EVERY = 60.0  # seconds between two lines where there is no terminal


class Bar:
    """A bar on a terminal; in a log, where a bar would be one endless line, a line now and then."""

    def __init__(
        self,
        unit: str,
        total: int | None = None,
        is_shown: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Shows nothing yet.

        Args:
          unit: what is counted.
          total: how many there will be; None where nobody knows.
          is_shown: False for neither bar nor lines.
          clock: tells when the next line is due.
        """
        is_terminal = sys.stderr.isatty()
        self._unit, self._total, self._clock = unit, total, clock
        self._next = -float("inf") if is_shown and not is_terminal else float("inf")
        self._bar = tqdm(
            unit=unit,
            total=total,
            dynamic_ncols=True,
            mininterval=0.5,
            disable=not (is_shown and is_terminal),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()

    def write(self, text: str) -> None:
        """Writes a line above the bar, to standard output."""
        self._bar.write(text)
        sys.stdout.flush()

    def show(self, done: int, text: str) -> None:
        """Moves to a number, described by a text of one line."""
        done = done if self._total is None else min(done, self._total)
        self._bar.set_description(text)
        self._bar.update(done - self._bar.n)
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY
            of = "" if self._total is None else f" of {self._total}"
            print(f"{done}{of} {self._unit}: {text}", file=sys.stderr, flush=True)


class RunLogger:
    """Writes lines above a progress bar and into run.log.

    A process without a folder, which is not the first of its run, has no bar and writes to standard
    error alone.
    """

    def __init__(self, folder: RunFolder | None):
        self._folder = folder
        self._bar = Bar("updates", is_shown=folder is not None)
        self._bar.show(0, "compiling")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self._bar.__exit__(*error)

    def say(self, text: str) -> None:
        """Writes a line."""
        if self._folder is None:
            doors.say(text)
            return
        self._bar.write(text)
        with contextlib.suppress(OSError):
            self._folder.log(text)

    def update(self, report: Report) -> None:
        """Moves the bar to a report."""
        self._bar.show(report.updates, describe(report))


def describe(report: Report) -> str:
    """Returns where a run stands in one line."""
    scalars = report.scalars
    best = ",".join(str(rank) if rank else "-" for rank in report.best)
    text = f"best rank {best}"
    if "loss/policy" in scalars:
        text += f" | policy {scalars['loss/policy']:.3f} value {scalars['loss/value']:.3f}"
    if "games/solved" in scalars:
        text += (
            f" | solved {scalars['games/solved']:.0%}, {scalars['speed/games_per_second']:.0f} "
            "games/s"
        )
    if "speed/simulations_per_second" in scalars:
        text += f", {scalars['speed/simulations_per_second']:.0f} simulations/s"
    return text
