"""Measurements in a process of their own: results come back, failures in one line."""

import os
import signal

import pytest

from benchmarking import isolated


def test_results_come_from_another_process():
    assert isolated.run(os.getpid) != os.getpid()
    assert isolated.run(divmod, 17, 5) == (3, 2)


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        (exec, "raise ValueError('one\\ntwo')", "^ValueError: one$"),
        (os._exit, 3, "^the process ended with status 3$"),
        (signal.raise_signal, signal.SIGKILL, "^out of memory"),
    ],
)
def test_failures_are_told_in_one_line(function, argument, words):
    with pytest.raises(RuntimeError, match=words) as failure:
        isolated.run(function, argument)
    assert len(str(failure.value).splitlines()) == 1
