"""Ctrl-C and SIGTERM while a command starts: it ends at once, in one line.

Python calls the handlers of signals between two steps of the main thread, which may be a minute
away while XLA compiles, and an import that is interrupted ends in a traceback. So a thread waits
for the signals' numbers, which C code writes into a pipe. A command that has something to finish
sets handlers of its own once it can; until then nothing is lost, since no file is half-written.
"""

import os
import signal
import sys
import threading

WORDS = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated."}


def end_at_once() -> None:
    """Makes the signals end this process with one line and status 130 or 143.

    This holds for each signal until another handler is set. A signal that the user has set to be
    ignored, as `nohup` does, stays so.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in WORDS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _left_to_the_thread)
    threading.Thread(target=_wait, args=(reader,), daemon=True).start()


def raise_at_ctrl_c() -> None:
    """Makes Ctrl-C raise `KeyboardInterrupt` from now on, for a command that can catch it."""
    if signal.getsignal(signal.SIGINT) is _left_to_the_thread:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _left_to_the_thread(number: int, frame) -> None:
    """Does nothing: `_wait` has ended the process, or is about to."""


def _wait(reader: int) -> None:
    while True:
        (number,) = os.read(reader, 1)
        if signal.getsignal(number) is _left_to_the_thread:
            flush = threading.Thread(target=sys.stdout.flush, daemon=True)
            flush.start()
            flush.join(timeout=1)  # where nobody reads the output, it is lost
            os.write(2, f"\n{WORDS[number]}\n".encode())
            os._exit(128 + number)
