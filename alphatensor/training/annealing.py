"""Runs a search by annealing over formats n×2×p, with a library's folder.

Example::

    from alphatensor.training import annealing

    config = annealing.AnnealRunConfig(formats="2x5x7", library="runs/library")
    for attempt in annealing.attempts(config):
        print(attempt.name, attempt.seed, attempt.annealed.rank, attempt.stored)
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

import alphatensor
from alphatensor import targets
from alphatensor.annealing import Annealed, AnnealingConfig, anneal
from alphatensor.annealing.search import MAX_SIDES
from alphatensor.config import Config, integer, path, require, section, setting, text
from alphatensor.factorization import Factorization, permute_sizes
from alphatensor.factorization.triangles import METHOD
from alphatensor.targets import Sizes
from alphatensor.training import doors
from alphatensor.training.flip_search import Library, check_writable, parse_formats

INNER = 2  # the size that annealing is for
FORMATS = (
    f"formats with a side of {INNER} and none of 1, such as '2x5x7' or '2x2x2..2x8x8', where the "
    f"other two add up to at most {MAX_SIDES}"
)


@dataclasses.dataclass(frozen=True)
class AnnealRunConfig(Config):
    """A search by annealing over formats with a side of 2."""

    formats: str = setting(
        "2x5x7",
        text(),
        "Formats that take turns, separated by commas; '2x2x2..2x8x8' are all formats n <= m <= p "
        "whose sizes lie between these.",
    )
    library: str = setting("runs/library", path(), "Folder of the library: where results go.")
    attempts: int = setting(1, integer(least=1), "Annealings of each format.")
    annealing: AnnealingConfig = section(AnnealingConfig)

    def check(self) -> None:
        for name in self.formats.split(","):
            sizes = parse_formats(name)
            fits = all(_fits(x) for x in sizes) and bool(sizes)
            require("formats", name, fits, FORMATS)
        coldest, hottest = self.annealing.coldest, self.annealing.hottest
        is_cooling = coldest <= hottest
        require("annealing.coldest", coldest, is_cooling, f"at most annealing.hottest={hottest}")

    @property
    def sizes(self) -> list[Sizes]:
        """The sizes of the formats, each in increasing order and once."""
        return list(dict.fromkeys(itertools.chain(*map(parse_formats, self.formats.split(",")))))


class Attempt(NamedTuple):
    """How far one annealing of a format has come.

    Attributes:
      sizes: of the format, in increasing order.
      seed: of the annealing.
      annealed: what it has reached.
      stored: lines that say what entered the library, at its end.
    """

    sizes: Sizes
    seed: int
    annealed: Annealed
    stored: list[str]

    @property
    def name(self) -> str:
        """The name of the format."""
        return targets.format_name(self.sizes)


def attempts(
    config: AnnealRunConfig | ConfigDict | Mapping, say: Callable[[str], None] = doors.say
) -> Iterator[Attempt]:
    """Anneals all formats in turn, attempt after attempt, and yields often in between.

    The result depends on nothing but the configuration. What has been found is in the library at
    all times. The iterator raises `FileError` where the library can no longer be written.

    Args:
      config: configuration of the search: an `AnnealRunConfig`, or (some of) its fields by name.
      say: is called with one line for each file of the library that is set aside.

    Raises:
      ConfigError: if the library cannot be written.
    """
    config = config if isinstance(config, AnnealRunConfig) else AnnealRunConfig.from_dict(config)
    check_writable(config.library)
    return _attempts(config, Library(config.library, say))


def _attempts(config: AnnealRunConfig, library: Library) -> Iterator[Attempt]:
    for number, sizes in itertools.product(range(config.attempts), config.sizes):
        seed = config.annealing.seed + number
        for annealed in anneal(sizes[1:], config.annealing, seed):
            stored = None
            if annealed.found is not None:
                stored = library.add(_named(annealed.found, sizes, config.annealing, seed))
            yield Attempt(sizes, seed, annealed, [stored] if stored else [])


def _named(f: Factorization, sizes: Sizes, config: AnnealingConfig, seed: int) -> Factorization:
    """Returns the algorithm for sizes in increasing order, with how it was found."""
    provenance = {
        "engine": "annealing",
        "what": METHOD,
        "version": alphatensor.__version__,
        "seed": seed,
        "steps": config.steps + config.returns * config.return_steps,
    }
    return permute_sizes(f, sizes).replace(provenance=provenance)


def _fits(sizes: Sizes) -> bool:
    return sizes[0] == INNER and sum(sizes[1:]) <= MAX_SIDES
