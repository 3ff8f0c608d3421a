"""How hard recombinations are searched: the one place of these settings and their defaults."""

import dataclasses

from alphatensor.config import Check, Config, integer, setting

_PATHS = Check(
    lambda x: isinstance(x, tuple) and all(isinstance(path, str) for path in x), "a tuple of paths"
)


@dataclasses.dataclass(frozen=True)
class RecombinationConfig(Config):
    """How hard recombinations are searched, and from which base algorithms."""

    spread: int = setting(
        2, integer(1, 64), "How far blocks may be from equal sizes in large searches."
    )
    variants: int = setting(
        4,
        integer(0, 1000),
        "Sparse bases of the matrix spaces in which each base algorithm is tried besides its own.",
    )
    largest_base: int = setting(
        6, integer(2, 64), "The largest size of a format whose algorithms are base algorithms."
    )
    base_files: tuple[str, ...] = setting((), _PATHS, "Files with more base algorithms.")


DEFAULT = RecombinationConfig()
