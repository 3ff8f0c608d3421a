"""When walks end: after so many calls, or after some seconds of a clock that is passed in.

A walk asks its stop condition after each call, with the number of calls made so far, and
ends where the answer is true. A walk that ends after a number of calls depends on its seed alone.
"""

from collections.abc import Callable

Clock = Callable[[], float]  # seconds since some moment, for example `time.monotonic`
Stop = Callable[[int], bool]  # number of calls so far, from 1 -> whether to stop


def after_calls(calls: int) -> Stop:
    """Returns the condition that stops after a number of calls."""
    return lambda made: made >= calls


def after_seconds(clock: Clock, seconds: float) -> Stop:
    """Returns the condition that stops when some seconds have gone by from now on."""
    begin = clock()
    return lambda made: clock() - begin >= seconds
