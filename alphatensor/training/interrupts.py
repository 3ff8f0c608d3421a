"""Ctrl-C and SIGTERM as requests, so that an iteration of the loop ends before the run does."""

import signal
import threading
from typing import Self


class StopRequests:
    """Counts requests to stop from `begin` on, while it is entered.

    Before that, and at a second request, signals do what they do elsewhere: Ctrl-C raises
    `KeyboardInterrupt` (a command ends at once) and SIGTERM ends the process. Outside of the main
    thread, where Python allows no handlers, nothing is counted.

    Attributes:
      count: requests so far.
    """

    def __init__(self):
        self.count = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Begins to count, where the loop looks at `count` from now on; later calls do nothing."""
        if not self._before and threading.current_thread() is threading.main_thread():
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._before = {number: signal.signal(number, self._note) for number in numbers}

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame) -> None:
        del frame
        self.count += 1
        if self.count > 1:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)
