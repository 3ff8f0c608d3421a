"""A folder of factorizations: the best of each format, recombination, tables of ranks.

Example::

    from alphatensor.factorization import library

    f = library.load_best("4x5x5")
    library.add("runs/library", f)
"""

from alphatensor.factorization.library.closing import close
from alphatensor.factorization.library.closure import (
    add_aggregated,
    assemble,
    best_plan,
    fill,
    planned,
    recombine,
)
from alphatensor.factorization.library.config import RecombinationConfig
from alphatensor.factorization.library.exact_files import LibraryWarning
from alphatensor.factorization.library.expansion import is_recipe, load, made
from alphatensor.factorization.library.merging import merge
from alphatensor.factorization.library.store import (
    Added,
    add,
    add_recipes,
    best,
    default_folder,
    index,
    load_best,
    ranks,
    reindex,
    verified_ranks,
)

__all__ = [
    "Added",
    "LibraryWarning",
    "RecombinationConfig",
    "add",
    "add_aggregated",
    "add_recipes",
    "assemble",
    "best",
    "best_plan",
    "close",
    "default_folder",
    "fill",
    "index",
    "is_recipe",
    "load",
    "load_best",
    "made",
    "merge",
    "planned",
    "ranks",
    "recombine",
    "reindex",
    "verified_ranks",
]
