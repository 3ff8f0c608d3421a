"""Ctrl-C and SIGTERM as requests, so that an iteration of the loop ends before the run does."""

import signal
import threading
from typing import Self


class StopRequests:
    """Counts requests to stop while it is entered.

    A second request, or one before `can_wait` is set, stops at once by `SystemExit`. Outside of the
    main thread, where Python allows no handlers, nothing is counted.

    Attributes:
      count: requests so far.
      can_wait: whether the loop has come to where it looks at `count`.
    """

    def __init__(self):
        self.count = 0
        self.can_wait = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            numbers = (signal.SIGINT, signal.SIGTERM)
            self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame) -> None:
        del frame
        self.count += 1
        if self.count > 1 or not self.can_wait:
            raise SystemExit("\nInterrupted." if number == signal.SIGINT else "\nTerminated.")
