"""Requests to stop: counted once the loop can wait, as elsewhere before."""

import os
import signal

import pytest

from alphatensor.training.interrupts import StopRequests


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_one_request_is_counted_and_the_second_stops(number, error):
    before = signal.getsignal(number)
    with StopRequests() as requests:
        requests.begin()
        os.kill(os.getpid(), number)
        assert requests.count == 1
        requests.begin()
        with pytest.raises(error):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_a_request_before_the_loop_can_wait_is_not_swallowed():
    with StopRequests() as requests, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert requests.count == 0
