"""When walks end: after so many compiled calls, or after some seconds of a clock that is passed in.

A walk asks its stop condition after each compiled call, with the number of calls made so far, and
ends where the answer is true. A walk that ends after a number of calls depends on its seed alone.
"""

from collections.abc import Callable

Clock = Callable[[], float]  # seconds since some moment, for example `time.monotonic`
Stop = Callable[[int], bool]  # number of compiled calls so far, from 1 -> whether to stop


def after_calls(calls: int) -> Stop:
    """Returns the condition that stops after a number of compiled calls."""
    return lambda made: made >= calls


def after_seconds(clock: Clock, seconds: float) -> Stop:
    """Returns the condition that stops when some seconds have gone by from now on."""
    begin = clock()
    return lambda made: clock() - begin >= seconds
