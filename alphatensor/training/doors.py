"""The door by which algorithms from outside enter a run or a search: only exact ones pass.

A file says what it decomposes, but only the tensor that its target's name stands for counts. What
is not exact is named in one line and set aside, and the run or search goes on without it.
"""

import sys

from alphatensor.config import ConfigError, require
from alphatensor.factorization import Factorization, entrywise, naive
from alphatensor.factorization.library import store
from alphatensor.files import FileError
from alphatensor.rings import Ring
from alphatensor.targets import Target
from alphatensor.training.settings import Settings


def exact(f: Factorization, target: Target) -> Factorization:
    """Returns an algorithm as one of the target itself.

    Args:
      f: algorithm from a file or from anywhere else.
      target: what it has to decompose, made from its name.

    Raises:
      ValueError: in one line, where it does not decompose the target over its ring.
    """
    if f.target.name != target.name:
        raise ValueError(f"it is one of {f.target.name}, not of {target.name}.")
    f = f.replace(target=target)
    if not (check := f.verify()).ok:
        raise ValueError(check.message)
    return f


def set_aside(name: object, error: Exception) -> str:
    """Returns the line that names what does not pass, and why."""
    reason = " ".join(str(error).split()).removeprefix(f"{name}: ").rstrip(".")
    return f"{name}: set aside ({reason})."


def say(line: str) -> None:
    """Writes a line to standard error."""
    print(line, file=sys.stderr, flush=True)


def naive_of(target: Target, ring: Ring) -> Factorization:
    """Returns the schoolbook's algorithm of a matrix product, and of others that of the entries."""
    return naive(target.sizes, ring) if target.sizes else entrywise(target, ring)


def first_algorithms(settings: Settings) -> list[Factorization]:
    """Returns the algorithm that the walks of each target start from.

    Raises:
      ConfigError: where the library has none that is exact over the run's ring.
    """
    library, ring = settings.config.neighbourhood.library, settings.agent.game.ring
    if not library:
        return [naive_of(target, ring) for target in settings.targets]
    found = []
    for target in settings.targets:
        try:
            f = store.find(library, target, ring)
        except FileError as error:
            raise ConfigError("neighbourhood.library", library, f"exact files: {error}") from None
        expected = f"a library with {target.name} over {ring}"
        require("neighbourhood.library", library, f is not None, expected)
        found.append(f)
    return found
