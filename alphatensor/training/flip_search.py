"""Runs a flip-graph search over formats: the clock, the library's folder and the one call.

Example::

    from alphatensor.training import flip_search

    config = flip_search.FlipRunConfig(formats="2x2x2", library="runs/library", seconds=60.0)
    ranks = flip_search.search_flips(config, report=print)
"""

import dataclasses
import itertools
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from ml_collections import ConfigDict

from alphatensor import rings, targets
from alphatensor.config import (
    Config,
    ConfigError,
    integer,
    path,
    positive,
    require,
    require_memory,
    section,
    setting,
    text,
)
from alphatensor.factorization import Factorization, FileError, entrywise
from alphatensor.factorization.library import closing, exact_files, published_ranks, store
from alphatensor.flip_graph import additions, bitmasks, scheduler, target_search
from alphatensor.flip_graph.choices import symmetries_for
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.symmetries import KINDS
from alphatensor.flip_graph.turns import Turn
from alphatensor.kernels import memory
from alphatensor.targets import Sizes, Target
from alphatensor.training import doors
from alphatensor.training.pool_files import PoolFiles

FORMATS = f"formats such as '3x4x5' with at most {bitmasks.MAX_ENTRIES} entries in each matrix"


@dataclasses.dataclass(frozen=True)
class FlipRunConfig(Config):
    """A flip-graph search over formats."""

    formats: str = setting(
        "3x3x3",
        text(),
        "Formats that take turns, separated by commas, for example '4x4x4,4x4x5'; '2x2x2..4x5x6' "
        "are all formats n <= m <= p whose sizes lie between these.",
    )
    targets: str = setting(
        "",
        text(),
        "Other targets that take turns instead of the formats; for example 'ug3,gt4,poly5,my.npy'.",
    )
    library: str = setting(
        "runs/library",
        path(),
        "Folder of the library: where results go, and where the search goes on from.",
    )
    seconds: float = setting(3_600.0, positive(), "Seconds of the whole search.")
    additions: int = setting(
        0,
        integer(least=0),
        "Steps of an annealing that looks for fewer additions of each algorithm that is stored at "
        "or below the best known rank, over Z or Z2; a million take some seconds.",
    )
    search: FlipSearchConfig = section(FlipSearchConfig)

    def check(self) -> None:
        for name in self.formats.split(","):
            require("formats", name, bool(parse_formats(name)), FORMATS)
        for target in self.other_targets:
            fits = max(target.shape) <= bitmasks.MAX_ENTRIES
            require("targets", target.name, fits, f"at most {bitmasks.MAX_ENTRIES} entries a mode")

        single = [name for name in self.search.symmetries if name not in KINDS]
        for name in single if not self.targets else ():
            fits = any(symmetries_for(self.search, sizes, [name]) for sizes in self.sizes)
            where = f"over {self.search.ring} of one of the formats {self.formats}"
            require("search.symmetries", name, fits, f"a symmetry {where}")

    @property
    def other_targets(self) -> list[Target]:
        """The targets that are searched instead of the formats; raises `ConfigError`."""
        names = [name.strip() for name in self.targets.split(",")] if self.targets else []
        try:
            return [targets.parse(name) for name in names]
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise ConfigError("targets", self.targets, f"names of targets ({reason})") from None

    @property
    def sizes(self) -> list[Sizes]:
        """The sizes of the formats, each in increasing order and once."""
        parts = map(parse_formats, self.formats.split(","))
        return list(dict.fromkeys(itertools.chain(*parts)))


class Library:
    """A folder of algorithms as a search's memory; a file that is set aside is named once."""

    def __init__(self, folder: str, say: Callable[[str], None] = doors.say, steps: int = 0):
        """Uses a folder.

        Args:
          folder: where it lies.
          say: is called with one line for each file that is set aside.
          steps: of the annealing of what is stored at or below the best known rank.
        """
        self._folder, self._say, self._steps = pathlib.Path(folder), say, steps
        self._pools = PoolFiles(self._folder, say)
        self._named: set[str] = set()

    def best(self, target: Sizes | Target, ring: rings.Ring) -> Factorization | None:
        """Returns the best algorithm of a target, or of a format in the order given, or None."""
        try:
            return store.find(self._folder, target, ring)
        except FileError as error:
            name = exact_files.stem(target)
            line = doors.set_aside(self._folder / f"{name}_{ring}.npz", error)
            if line not in self._named:
                self._named.add(line)
                self._say(line)
            return None

    def add(self, f: Factorization) -> str | None:
        """Keeps an algorithm if it beats the folder's, and what follows for its other formats.

        One with fractions has to beat the integral one too.

        Returns:
          One line that says so, or None where it is not kept.

        Raises:
          FileError: where the folder cannot be written.
        """
        if not (f.ring.is_modular or f.is_integral):
            integral = self.best(f.sizes or f.target, rings.Integers())
            if integral is not None and integral.rank <= f.rank:
                return None
        added = store.add(self._folder, f)
        if not added.kept:
            return None
        if self._steps and self._is_record(f):
            cheaper = additions.fewer_additions(f, self._steps)
            store.add(self._folder, cheaper, replace_equal=True)
        followed = closing.close_after(self._folder, f)
        return f"{added.message} It improves {len(followed)} more." if followed else added.message

    def _is_record(self, f: Factorization) -> bool:
        if not f.sizes or not additions.takes(f):
            return False
        known = self.known_rank(f.sizes, f.ring)
        return known is not None and f.rank <= known

    def known_rank(self, sizes: Sizes, ring: rings.Ring) -> int | None:
        """Returns the best published rank of a format, None where none is listed."""
        domain = "Q" if ring.modulus == 3 else ring.name  # halves have residues mod 3
        return published_ranks.best(tuple(sorted(sizes)), domain)

    def pool(self, sizes: Sizes, name: str) -> list[Factorization]:
        """Returns the schemes that an earlier search kept under a name."""
        return self._pools.read(sizes, name)

    def keep_pool(self, sizes: Sizes, name: str, schemes: list[Factorization]) -> None:
        """Keeps schemes for the next search; raises `FileError` where they cannot be written."""
        self._pools.write(sizes, name, schemes)


def turns(
    config: FlipRunConfig | ConfigDict | Mapping, say: Callable[[str], None] = doors.say
) -> Iterator[Turn]:
    """Returns an iterator over what each turn of a search did, until its seconds are over.

    A search that is stopped loses nothing: the next one goes on from the library. The iterator
    raises `FileError` where the library can no longer be written.

    Args:
      config: configuration of the search: a `FlipRunConfig`, or (some of) its fields by name.
      say: is called with one line for each file of the library that is set aside.

    Raises:
      ConfigError: if the walkers need too much memory or the library cannot be written.
    """
    config = config if isinstance(config, FlipRunConfig) else FlipRunConfig.from_dict(config)
    _check_memory(config)
    check_writable(config.library)
    library = Library(config.library, say, config.additions)
    if found := config.other_targets:
        return target_search.search_targets(
            found, library, config.search, clock=time.monotonic, seconds=config.seconds
        )
    return scheduler.search(
        config.sizes, library, config.search, clock=time.monotonic, seconds=config.seconds
    )


def search_flips(
    config: FlipRunConfig | ConfigDict | Mapping,
    report: Callable[[Turn], None] | None = None,
) -> dict[Sizes | str, int]:
    """Runs a whole search.

    Args:
      config: configuration of the search: a `FlipRunConfig`, or (some of) its fields by name.
      report: function that is called with each turn.

    Returns:
      The best rank known over the search's ring, for each format that had a turn by its sizes, or
      for each other target by its name.
    """
    ranks = {}
    for turn in turns(config):
        ranks[turn.target] = turn.rank
        if report is not None:
            report(turn)
    return ranks


def _check_memory(config: FlipRunConfig) -> None:
    """Raises `ConfigError` where the walkers' terms alone, now and at their best, cannot fit."""
    search, free, largest = config.search, memory.available(), max(map(math.prod, config.sizes))
    if found := config.other_targets:
        largest = max(entrywise(target, rings.Integers()).rank for target in found)
    term = 4 * 3 * 8 * search.walkers  # old and new, current and best; factors of a word
    require_memory("search.walkers", search.walkers, term * largest, free)
    require_memory("search.margin", search.margin, term * (largest + search.margin), free)


def check_writable(folder: str) -> None:
    """Raises `ConfigError` unless files can be made in a folder; makes it if it is missing."""
    try:  # before minutes of walking, not after
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        require("library", folder, False, f"a folder that can be written ({error.strerror})")


def parse_formats(name: str) -> list[Sizes]:
    """Returns the formats that such a text as '3x4x5' or '2x2x2..3x4x5' names, sizes sorted.

    There are none for any other text, and where one of them is too large for walkers.
    """
    ends = [parse_format(part) for part in name.split("..")]
    if len(ends) > 2 or None in ends:
        return []
    first, last = sorted(ends[0]), sorted(ends[-1])
    ranges = [range(low, high + 1) for low, high in zip(first, last, strict=True)]
    return [sizes for sizes in itertools.product(*ranges) if sizes == tuple(sorted(sizes))]


def parse_format(name: str) -> Sizes | None:
    """Returns the sizes (n, m, p) of a format such as '3x4x5'.

    It is None for any other text, and for matrices with more entries than walkers can hold.
    """
    try:
        n, m, p = targets.parse_sizes(name.strip())
    except ValueError:
        return None
    return (n, m, p) if bitmasks.fits((n, m, p)) else None
