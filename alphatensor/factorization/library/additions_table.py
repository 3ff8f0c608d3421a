"""The table of the additions of a library's matrix products, beside the fewest known.

The known ones are those of `known_additions.csv`, with their sources. Additions and subtractions of
A's, of B's and of C's sums are counted: *naive* with each sum formed by itself, *shared* as the
programs have them that an entry keeps, or as `analysis.straight_line` finds them.
"""

import collections
import csv
import functools
import os
import pathlib
from typing import NamedTuple

from alphatensor import targets
from alphatensor.factorization.library import exact_files, index_cache

HEAD = """# Additions

Additions and subtractions of the library's algorithms, naive (each sum formed by itself) and with
shared sums, beside the fewest known of the lowest rank for which some are. This file is written by

    python -m experiments.factorizations additions --output=factorizations/additions.md

An algorithm with programs for its sums keeps them in its file; `experiments.refine` looks for such.
A format stands here if its additions are known from elsewhere, or its entry keeps its programs.

At the rank of the known ones: {fewer} with fewer, {equal} with as many, {more} with more additions.
At a lower rank: {below} with fewer, {above} with more.

"""
COLUMNS = ("format", "ring", "rank", "naive", "shared", "known", "in rank", "source")


class Known(NamedTuple):
    """The fewest additions known, with shared sums, for a format at a rank."""

    rank: int
    shared: int
    source: str


@functools.cache
def known() -> dict[str, Known]:
    """Returns the known ones of the lowest rank by the name of a format and a ring: `3x3x3_Z`."""
    with open(pathlib.Path(__file__).with_name("known_additions.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, Known] = {}
    for row in rows:
        one = Known(int(row["rank"]), int(row["shared"]), row["source"])
        name = f"{row['format']}_{row['ring']}"
        found[name] = min(one, found.get(name, one))
    return found


def text(folder: str | os.PathLike) -> str:
    """Returns the table as Markdown, with its head."""
    entries = index_cache.index(exact_files.folder_of(folder))
    lines, places = [], collections.Counter()
    for name in sorted(entries, key=_order):
        entry, best = entries[name], known().get(name)
        if "additions_shared" not in entry or not (best or entry.get("keeps_programs")):
            continue
        shared = entry["additions_shared"]
        places[_place(entry["rank"], shared, best)] += 1
        figures = (entry["rank"], entry["additions_naive"], shared)
        others = (best.shared, best.rank, best.source) if best else ("", "", "")
        lines.append((*name.rsplit("_", 1), *map(str, (*figures, *others))))
    head = HEAD.format(**{k: places[k] for k in ("fewer", "equal", "more", "below", "above")})
    rows = [COLUMNS, ["---"] * len(COLUMNS), *lines]
    return head + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _place(rank: int, shared: int, best: Known | None) -> str:
    """Returns how an entry compares with what is known; "" where that has another, lower rank."""
    if best is None or rank > best.rank:
        return ""
    if rank < best.rank:
        return "below" if shared < best.shared else "above"
    return "fewer" if shared < best.shared else "equal" if shared == best.shared else "more"


def _order(name: str) -> tuple:
    sizes, ring = name.rsplit("_", 1)
    try:
        return targets.parse_sizes(sizes), ring
    except ValueError:  # a structured product; none is known
        return (0,), name
