"""The cheap closure: ranks by other code, what is stored, and what follows a new factorization."""

import itertools
import pathlib
import warnings

import flip_walk
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import library
from alphatensor.factorization.library import closing, recipe_file, store

FOLDER = pathlib.Path(__file__).parents[3] / "factorizations"
Z, Z2 = rings.Integers(), rings.IntegersMod(2)


def closed(ranks, top):
    """Returns the closure of ranks by sorted format, as a table over sizes in any order.

    It is written for arrays: each step takes whole planes of the table for all three axes.
    """
    n, m, p = np.indices((top + 1,) * 3)
    table = n * m * p
    for sizes, rank in ranks.items():
        if max(sizes) <= top:
            for order in itertools.permutations(sizes):
                table[order] = min(table[order], rank)
    while True:
        before = table.copy()
        for axis in range(3):
            planes = np.moveaxis(table, axis, 0)
            for size in range(top, 0, -1):
                for part in range(1, size):
                    np.minimum(planes[size], planes[part] + planes[size - part], planes[size])
                if size < top:
                    np.minimum(planes[size], planes[size + 1], planes[size])
        for a, b, c in itertools.product(range(1, top + 1), repeat=3):
            reach = top // a, top // b, top // c
            if (a, b, c) != (1, 1, 1) and max(reach) > 1:
                inner = table[tuple(slice(1, r + 1) for r in reach)]
                outer = table[a::a, b::b, c::c][tuple(map(slice, reach))]
                np.minimum(outer, inner * table[a, b, c], out=outer)
        if np.array_equal(table, before):
            return table


@pytest.mark.parametrize("domain", ["Z", "Z2"])
def test_the_projects_library_is_closed(domain):
    ranks = store.ranks(FOLDER, domain)
    assert set(ranks) == set(itertools.combinations_with_replacement(range(2, 17), 3))
    for top in (12, 16):
        table = closed(ranks, top)
        short = {s: (r, table[s]) for s, r in ranks.items() if max(s) <= top and table[s] < r}
        assert short == {}
    if domain == "Z2":
        over_z = store.ranks(FOLDER, "Z")
        assert all(rank <= over_z[sizes] for sizes, rank in ranks.items())


def test_improvements_are_those_of_the_other_code():
    held = {(2, 2, 2): 7, (3, 3, 3): 23, (2, 4, 5): 33}
    found = closing.improvements(held, {(2, 3, 3): 15}, 7)
    table, ranks = closed({**held, (2, 3, 3): 15}, 7), dict(held)

    def rank_of(sizes):
        sizes = tuple(sorted(sizes))
        if min(sizes) == 1:
            return sizes[1] * sizes[2]
        if sizes in found and sizes not in ranks:
            recipe = found[sizes]
            mod = recipe.operation == "mod"
            ranks[sizes] = 15 if mod else recipe.rank([rank_of(s) for s in recipe.parts])
        return ranks[sizes]

    formats = list(itertools.combinations_with_replacement(range(2, 8), 3))
    assert {s: rank_of(s) for s in formats} == {s: table[s] for s in formats}


def test_a_library_is_closed_once_and_stays_so(tmp_path):
    store.add(tmp_path, fz.strassen())
    lines = []
    ranks = library.close(tmp_path, Z, 4, lines.append)
    assert len(ranks) == 10 and len(lines) == 9 and ranks[4, 4, 4] == 49 and ranks[2, 2, 3] == 11
    assert all(store.best(tmp_path, s, Z).rank == rank for s, rank in ranks.items())
    assert library.close(tmp_path, Z, 4, lines.append) == ranks and len(lines) == 9
    assert library.close(tmp_path, Z2, 3)[2, 2, 3] == 11
    assert store.best(tmp_path, (2, 2, 3), Z2).provenance["reduced_from"] == "Z"
    assert set(store.ranks(tmp_path, "Z2")) == {(2, 2, 2), (2, 2, 3), (2, 3, 3), (3, 3, 3)}


def test_large_formats_become_recipes(tmp_path, monkeypatch):
    monkeypatch.setattr(closing, "LARGEST_FILE", 3)
    for f in (fz.strassen(), fz.naive((2, 2, 4), Z)):
        store.add(tmp_path, f)
    lines = []
    ranks = library.close(tmp_path, Z, 4, lines.append)
    assert ranks[2, 2, 4] == 14 and (tmp_path / "2x2x4_Z.npz").exists()  # there was a file
    assert ranks[4, 4, 4] == 49 and "4x4x4_Z: rank 49, as a recipe." in " ".join(lines)
    assert set(recipe_file.read(tmp_path)) == {
        f"{targets.format_name(s)}_Z" for s in ranks if s[2] == 4 and s != (2, 2, 4)
    }
    assert all(f.verify().ok for f in (store.best(tmp_path, s) for s in ranks))
    better = fz.lift(flip_walk.found((2, 3, 3), 15))
    store.add(tmp_path, better)
    closing.close_after(tmp_path, better)
    assert store.ranks(tmp_path)[3, 3, 4] <= 30 and store.best(tmp_path, (3, 4, 3)).rank <= 30


def test_what_follows_a_new_factorization_is_stored(tmp_path):
    store.add(tmp_path, fz.naive((2, 2, 2), Z))
    for sizes, ring in itertools.product([(2, 2, 4), (3, 3, 3), (2, 4, 4)], (Z, Z2)):
        store.add(tmp_path, fz.naive(sizes, ring))
    assert library.close(tmp_path, Z)[2, 2, 4] == 16
    store.add(tmp_path, fz.strassen())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines = closing.close_after(tmp_path, fz.strassen())
    assert len(lines) == 6  # over Z and mod 2, what the library holds and nothing else
    for domain in ("Z", "Z2"):
        ranks = store.ranks(tmp_path, domain)
        assert ranks[2, 4, 4] == 28 and ranks[2, 2, 4] == 14 and ranks[3, 3, 3] == 26
        assert len(ranks) == (4 if domain == "Z" else 3)
    half = fz.sandwich(fz.strassen(), [[2, 0], [0, 1]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert half.domain == "Q" and closing.close_after(tmp_path, half) == []
