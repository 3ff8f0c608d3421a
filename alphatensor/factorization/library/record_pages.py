"""A page for each entry below the best known rank that was found and is not made of others."""

import os
import pathlib

from alphatensor import targets
from alphatensor.factorization import analysis, io
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.library import published_ranks, store
from alphatensor.factorization.library.recipes import key_of
from alphatensor.factorization.library.records import Record, has_page, origin, page_of, text

_PAGE = """\
# {name} in rank {rank} over {domain}

The best known rank is {known} ({source}). This page is written by

    python -m experiments.factorizations records --output=factorizations/records.md

| | |
| --- | --- |
{rows}

## To verify it

With the project, and with Python alone:

    python -m experiments.factorizations verify factorizations/{key}.npz
    python -m experiments.factorizations convert factorizations/{key}.npz {name}.json
    python factorizations/verify.py {name}.json

## Invariants

Equivalent algorithms share them (`alphatensor.factorization.analysis`); `compare` decides whether
two are equivalent. All terms in one text:

    {invariant}

Terms by the ranks of their matrices U, V, W:

{ranks}

## The algorithm

```
{algorithm}```
"""


def write(path: str | os.PathLike, found: list[Record], folder: str | os.PathLike) -> None:
    """Writes the table of records to `path`, and the pages that it links to beside it.

    Args:
      path: the file of the table, such as `factorizations/records.md`.
      found: the records of a library.
      folder: that library.
    """
    for record in filter(has_page, found):
        page = pathlib.Path(path).parent / page_of(record)
        page.parent.mkdir(parents=True, exist_ok=True)
        io.write_text(page, page_text(record, folder))
    io.write_text(path, text(found))


def page_text(record: Record, folder: str | os.PathLike) -> str:
    """Returns the page of a record, whose algorithm is verified first."""
    name = targets.format_name(record.sizes)
    f = store.load_best(name, record.domain, folder)
    return _PAGE.format(
        name=name,
        rank=f.rank,
        domain=record.domain,
        known=record.known,
        source=published_ranks.source(record.sizes, record.domain),
        key=key_of(record.sizes, record.domain),
        rows="\n".join(f"| {key} | {value} |" for key, value in _figures(record, f).items()),
        invariant=analysis.invariant(f),
        ranks=_rank_table(f),
        algorithm=io.to_text(f),
    )


def _figures(record: Record, f: Factorization) -> dict[str, object]:
    """Returns what the page says in a line each."""
    growth = analysis.growth(f)
    factors = {} if growth is None else {"growth factor e_max": f"{growth.e_max:g}"}
    return {
        "format": targets.format_name(record.sizes),
        "ring": f"{record.domain}, coefficients up to {f.largest_coefficient} in absolute value",
        "how it was found": origin(f.provenance),
        "entries of the library used": ", ".join(f.provenance.get("parts", ())) or "none recorded",
        "additions, naive": record.entry["additions_naive"],
        "additions, shared": record.entry.get("additions_shared", "not counted"),
        "non-zero coefficients of U, V, W": ", ".join(map(str, f.nonzeros)),
        **factors,
    }


def _rank_table(f: Factorization) -> str:
    counts = analysis.rank_distribution(f).items()
    rows = [f"| {', '.join(map(str, ranks))} | {count} |" for ranks, count in counts]
    return "\n".join(["| ranks | terms |", "| --- | --- |", *rows])
