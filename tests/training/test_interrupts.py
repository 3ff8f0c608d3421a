"""Requests to stop: counted where the loop can wait, at once otherwise."""

import os
import signal

import pytest

from alphatensor.training.interrupts import StopRequests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_request_is_counted_and_the_second_stops(number):
    before = signal.getsignal(number)
    with StopRequests() as requests:
        requests.can_wait = True
        os.kill(os.getpid(), number)
        assert requests.count == 1
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_a_request_before_the_loop_can_wait_stops_at_once():
    with StopRequests(), pytest.raises(SystemExit, match="Interrupted"):
        os.kill(os.getpid(), signal.SIGINT)
