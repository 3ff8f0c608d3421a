"""A flip-graph search that writes a library, for some turns.

python tests/training/killed_search.py FOLDER TURNS
"""

import itertools
import sys

from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training import flip_search

FORMATS = "1x2x2,2x2x2"


def search(folder: str, turns: int) -> None:
    walks = FlipSearchConfig(
        walkers=64, tries=1_500, patience=600, margin=2, slice_seconds=0.1, pool=8
    )
    config = flip_search.FlipRunConfig(formats=FORMATS, library=folder, seconds=1e6, search=walks)
    for _ in itertools.islice(flip_search.turns(config), turns):
        print("step")


if __name__ == "__main__":
    import conftest  # noqa: F401, the flags of XLA and the cache of the suite

    search(sys.argv[1], int(sys.argv[2]))
