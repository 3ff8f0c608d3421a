"""The records of a library: entries at or below the best known rank, with how they were found."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from alphatensor import targets
from alphatensor.factorization import pairs, polygons
from alphatensor.factorization.library import index_cache, published_ranks, store
from alphatensor.factorization.library.recipes import key_of
from alphatensor.targets import Sizes

DOMAINS = ("Z", "Q", "Z2")
UNKNOWN = "not recorded"
RULES = {pairs.METHOD: "fill", polygons.METHOD: "aggregate"}  # and the commands that add them
MADE = ("closure", "recombination", "direct sum", "Kronecker product", *RULES)
COLUMNS = (
    "format",
    "ring",
    "rank",
    "known",
    "source of the known rank",
    "how it was found",
    "additions naive",
    "additions shared",
)
_INTRODUCTION = """\
# Records

Entries of the library at or below the best known rank over their ring, for sizes up to 16; Q stands
for entries with fractions. Known ranks and their sources are those of
`alphatensor/factorization/library/known_ranks.csv`. "not recorded" is what the provenance of an
entry does not say; shared additions are counted for files up to rank {shared}. Entries up to that
rank and below the best known one that were found, not made of others, have a page each. The command
that writes them and this file:

    python -m experiments.factorizations records --output=factorizations/records.md

To check an entry without this project, export it and run the verifier, which needs Python alone:

    python -m experiments.factorizations convert factorizations/4x5x5_Z.npz 4x5x5.json
    python factorizations/verify.py 4x5x5.json
"""


class Record(NamedTuple):
    """One entry at or below the best known rank.

    Attributes:
      sizes: sorted sizes of the format.
      domain: `'Z'`, `'Q'` or `'Z2'`.
      rank: rank of the entry.
      known: best known rank over the domain.
      follows: whether it is made of other entries of the library, or by a rule.
      entry: its entry of the library's index.
    """

    sizes: Sizes
    domain: str
    rank: int
    known: int
    follows: bool
    entry: Mapping[str, Any]


def records(
    folder: str | os.PathLike,
    ranks_of: Callable[..., Mapping[Sizes, int]] = store.verified_ranks,
) -> list[Record]:
    """Returns the library's entries at or below the best known rank, by format.

    Args:
      folder: the library.
      ranks_of: what gives the ranks of a folder over a domain; by default they are verified.
    """
    index, found = index_cache.index(folder), []
    for domain in DOMAINS:
        for sizes, rank in ranks_of(folder, domain).items():
            known = published_ranks.best(sizes, domain)
            if known is not None and rank <= known:
                entry = index[key_of(sizes, domain)]
                follows = entry["provenance"].get("method") in MADE
                found.append(Record(sizes, domain, rank, known, follows, entry))
    return sorted(found, key=lambda r: (r.sizes, DOMAINS.index(r.domain)))


def text(found: list[Record]) -> str:
    """Returns the records as Markdown: below and equal, found and following from others."""
    parts = [_INTRODUCTION.format(shared=index_cache.MAX_SHARED_RANK)]
    for is_below, place in ((True, "Below the best known rank"), (False, "Equal to it")):
        for follows, origin in ((False, ""), (True, ", made of other entries or by a rule")):
            rows = [_row(r) for r in found if (r.rank < r.known, r.follows) == (is_below, follows)]
            lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else "None."
            parts.append(f"## {place}{origin}: {len(rows)}\n\n{table}\n")
    return "\n".join(parts)


def origin(provenance: Mapping[str, Any]) -> str:
    """Returns in words how an entry was found, as far as its provenance says so."""
    p, method = provenance, provenance.get("method")
    if p.get("engine") == "flip graph":
        words = _flip_search(p)
    elif p.get("engine") == "annealing":
        words = f"`anneal`, seed {p['seed']}, {p['steps']:,} steps"
    elif method == "flip graph walk":
        words = f"`{p.get('program', UNKNOWN)}`, seed {p.get('seed', UNKNOWN)}, seconds {UNKNOWN}"
    elif method == "recombination":
        blocks = ", ".join(" + ".join(map(str, x)) for x in p["allocation"])
        words = f"`fill`: {p['base']} on blocks {blocks}"
    elif method == "closure":
        words = f"`close`: {p['operation']} of {' and '.join(p['parts'])}"
    elif method in RULES:
        words = f"`{RULES[method]}`: {method}"
    elif method in MADE:
        words = f"`fill`: {method} of {' and '.join(p['parts'])}"
    else:
        words = p.get("source", UNKNOWN)
    for key, sign in (("lifted_from", "lifted from"), ("reduced_from", "reduced from")):
        words += f", {sign} {p[key]}" if key in p else ""
    return words


def _flip_search(p: Mapping[str, Any]) -> str:
    """Returns how a flip-graph search found an entry."""
    command = f"`{p['command']}`" if "command" in p else "`flip_search`"
    said = [
        f"{name} {p[key]}" if key in p else f"{name} {UNKNOWN}"
        for key, name in (("seed", "seed"), ("turn", "turn"), ("walkers", "walkers"))
    ]
    seconds = f"{p['seconds']} s" if "seconds" in p else f"seconds {UNKNOWN}"
    where = [f" on {p[key]} {key}" for key in ("cores", "devices") if key in p]
    return f"{command}, {', '.join(said)}, {seconds}{''.join(where)}"


def has_page(record: Record) -> bool:
    """Tells whether a record has a page: below the best known rank, found as it is, and short."""
    is_found = not record.follows and "reduced_from" not in record.entry["provenance"]
    is_short = "nonzeros" in record.entry and record.rank <= index_cache.MAX_SHARED_RANK
    return record.rank < record.known and is_found and is_short


def page_of(record: Record) -> str:
    """Returns the path of a record's page, from the table's folder."""
    return f"records/{key_of(record.sizes, record.domain)}.md"


def _row(r: Record) -> list[str]:
    additions = [r.entry.get(key, "") for key in ("additions_naive", "additions_shared")]
    source = published_ranks.source(r.sizes, r.domain)
    name = targets.format_name(r.sizes)
    name = f"[{name}]({page_of(r)})" if has_page(r) else name
    figures = [name, r.domain, r.rank, r.known, source]
    return [str(x) for x in (*figures, origin(r.entry["provenance"]), *additions)]
