"""Corrupts files of every format that is read, and watches what their readers do.

A format is a row of a table, a `Format`: how a good file is written, how it is read, and how its
structure is spoiled. `run` makes one case from a seed. Other files that a project reads are added
as rows of another table.
"""

import contextlib
import os
import pathlib
import random
import signal
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

SECONDS = 5.0  # of the processor for one case, which usually takes milliseconds
WAITING = 120.0  # seconds for one case, however busy the machine is
BYTES = 500 * 2**20
CANARY = "executed"  # what hostile content would make in the working folder


class Format(NamedTuple):
    """One format of files.

    Attributes:
      name: name of the file that is corrupted.
      write: writes a good file, and what belongs to it, into a folder.
      read: reads the corrupted file; raises `error` where it cannot be used, and
        `AssertionError` where something false is said of it.
      spoil: returns the content with its structure changed, by a random generator.
      error: the type of error that is documented for files that cannot be used; its message is
        one printable line.
    """

    name: str
    write: Callable[[pathlib.Path], None]
    read: Callable[[pathlib.Path], None]
    spoil: Callable[[bytes, random.Random], bytes]
    error: type[Exception] = ValueError


class Outcome(NamedTuple):
    """What a case did: whether the file was still readable, and what was found wrong."""

    was_read: bool
    failure: str


def run(format_: Format, seed: int) -> Outcome:
    """Corrupts a file of a format, reads it, and says what went wrong, if anything."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = pathlib.Path(name) / "files"
        folder.mkdir()
        format_.write(folder)
        path = folder / format_.name
        data = path.read_bytes()
        if rng.random() < 0.7:
            data = format_.spoil(data, rng)
        if rng.random() < 0.5:
            data = corrupt(data, rng)
        path.write_bytes(data)
        was_read, failure = _watch(lambda: format_.read(path), format_.error)
        if os.path.exists(CANARY):
            failure = "something in the file was executed"
        return Outcome(was_read, failure)


def corrupt(data: bytes, rng: random.Random) -> bytes:
    """Changes bytes, cuts some out, repeats some or cuts off the end, in one to four places."""
    bad = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randrange(len(bad) + 1), rng.randint(1, 20)
        match rng.choice(["flip", "set", "cut", "repeat", "end"]):
            case "flip" if place < len(bad):
                bad[place] ^= 1 << rng.randrange(8)
            case "set" if place < len(bad):
                bad[place] = rng.choice([0, 9, 10, 27, 48, 57, 127, 128, 255])
            case "cut":
                del bad[place : place + length]
            case "repeat":
                bad[place:place] = bad[place : place + length]
            case "end" if rng.random() < 0.3:
                del bad[place:]
    return bytes(bad)


def _watch(read: Callable[[], None], documented: type[Exception]) -> tuple[bool, str]:
    """Calls a reader; returns whether it came to an end, and what was wrong with how it did."""
    was_read, failure = False, ""
    tracemalloc.start()
    try:
        with warnings.catch_warnings(), _limited():
            warnings.simplefilter("ignore")
            read()
        was_read = True
    except documented as error:
        if not str(error).isprintable():
            failure = f"not one printable line: {error!r}"
    except BaseException as error:  # whatever it is, it is what the test looks for
        failure = f"{type(error).__name__}: {error}"
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if peak > BYTES:
        failure = f"{peak} bytes"
    return was_read, failure


class _TooSlow(BaseException):
    """No reader may catch it."""


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    struck = []

    def stop(*_):
        struck.append(True)
        raise _TooSlow("it does not end")

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, SECONDS),
        (signal.ITIMER_REAL, signal.SIGALRM, WAITING),
    )
    old = [signal.signal(number, stop) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, old, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
    if struck:  # inside of a callback, such as the garbage collector's, the exception is lost
        raise _TooSlow("it does not end")
