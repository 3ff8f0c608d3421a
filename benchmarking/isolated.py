"""Runs a function in a fresh process, with a peak memory and a number of devices of its own."""

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


def run(function: Callable, *arguments) -> Any:
    """Calls a function in a fresh process and returns its result.

    Args:
      function: function at the top of a module; flags are not parsed in its process.
      *arguments: its arguments, which can be pickled, as its result can.

    Raises:
      RuntimeError: in one line, if the function raises an error or its process dies.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        result, reason = receiver.recv()
    except EOFError:
        process.join()
        result, reason = None, _how_it_ended(process.exitcode)
    finally:
        process.join()
    if reason:
        raise RuntimeError(reason)
    return result


def _answer(sender: Connection, function: Callable, arguments: tuple) -> None:
    """Sends the function's result, or the first line of its error."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches the caller too, which says so
    try:
        answer = function(*arguments), ""
    except Exception as error:
        answer = None, f"{type(error).__name__}: {error}".splitlines()[0]
    sender.send(answer)


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "out of memory (the process was killed)"
    return f"the process ended with status {status}"
