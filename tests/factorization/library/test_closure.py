"""Closure of a library under recombination: filled, resumed, improved."""

import flip_walk
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import aggregation, library, pairs, polygons
from alphatensor.factorization.library import closing, closure, recipe_file, store

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()


def test_a_library_is_filled_resumed_and_improved(tmp_path, monkeypatch):
    monkeypatch.setattr(closure, "add_pairs", lambda *args: [])  # leave something to improve
    ranks = closure.fill(tmp_path, Z, 4, workers=1, report=lambda line: None)
    assert ranks == library.ranks(tmp_path, "Z") and len(ranks) == 10
    assert ranks[2, 2, 2] == 7 and ranks[3, 3, 3] <= 25 and ranks[4, 4, 4] == 49
    for sizes in ranks:
        f = library.best(tmp_path, sizes, Z)
        assert f.rank == ranks[sizes] and f.verify().ok
    lines = []
    assert closure.fill(tmp_path, Z, 4, workers=1, report=lines.append) == ranks and lines == []
    better = fz.lift(flip_walk.found((2, 3, 3), 15))
    library.add(tmp_path, better)
    improved = closure.fill(tmp_path, Z, 4, workers=2, report=lines.append)
    assert improved[2, 3, 3] == better.rank == 15
    assert improved[3, 3, 4] < ranks[3, 3, 4] and lines
    assert all(improved[s] <= ranks[s] for s in ranks)
    modular = closure.fill(tmp_path, Z2, 3, workers=1, report=lines.append)
    assert modular[2, 3, 3] == 15 and library.best(tmp_path, (3, 2, 3), Z2).verify().ok


def test_missing_parts_are_recombined_on_the_way(tmp_path):
    library.add(tmp_path, STRASSEN)
    f = closure.recombine(tmp_path, Z, (4, 3, 6))
    assert f.sizes == (4, 3, 6) and f.verify().ok and f.rank < 72
    assert library.ranks(tmp_path, "Z") == {(2, 2, 2): 7}


def test_plans_come_before_their_factorizations(tmp_path):
    closure.add_textbook(tmp_path, Z)
    plan = library.best_plan(tmp_path, Z, (3, 4, 5))
    f = library.assemble(tmp_path, plan)
    assert f.verify().ok and f.sizes == (3, 4, 5) and f.rank <= plan.rank
    published = library.best_plan(tmp_path, Z, (3, 4, 5), ranks={(2, 2, 2): 1})
    assert published.rank < plan.rank
    assert library.best_plan(tmp_path, Z, (3, 4, 5), base_algorithms=[]) is None


def test_settings_are_checked():
    config = library.RecombinationConfig()
    assert (config.spread, config.variants, config.base_files) == (2, 4, ())
    for field, value in (("spread", 0), ("variants", -1), ("base_files", "f.npz")):
        with pytest.raises(ValueError, match=f"{field}="):
            config.replace(**{field: value})


def test_base_algorithms_come_from_extra_files_too(tmp_path):
    fz.save(tmp_path / "strassen.npz", STRASSEN)
    config = library.RecombinationConfig(variants=0, base_files=(str(tmp_path / "strassen.npz"),))
    plan = library.best_plan(tmp_path / "empty", Z, (2, 2, 2), config)
    assert plan.rank == 7 and plan.base.rank == 7


def test_pairs_of_indices_are_added_where_they_are_better(tmp_path, monkeypatch):
    monkeypatch.setattr(closing, "LARGEST_FILE", 4)
    store.add(tmp_path, fz.naive((2, 3, 4), Z))
    lines = closure.add_pairs(tmp_path, Z, 5)
    ranks = store.ranks(tmp_path)
    assert ranks == {(2, n, p): pairs.rank(n, p) for n in range(2, 6) for p in range(n, 6)}
    assert len(lines) == 10 and closure.add_pairs(tmp_path, Z, 5) == []
    assert set(recipe_file.read(tmp_path)) == {f"2x{n}x5_Z" for n in range(2, 6)}
    f = store.best(tmp_path, (5, 3, 2))
    assert f.rank == 26 and f.verify().ok and f.provenance == {"method": pairs.METHOD}


def test_trilinear_aggregation_is_added_where_it_is_better(tmp_path, monkeypatch):
    monkeypatch.setattr(closing, "LARGEST_FILE", 4)
    monkeypatch.setattr(closure, "LARGEST_CUBE", 6)
    library.add(tmp_path, fz.lift(flip_walk.found((3, 3, 3), 23)))
    lines = []
    closure.add_aggregated(tmp_path, 5, lines.append)
    ranks = store.ranks(tmp_path)
    assert ranks == {s: aggregation.formula(s) for s in ranks} and len(lines) == len(ranks) - 1
    assert (3, 4, 5) in ranks and (3, 5, 5) not in ranks  # a cube of 7
    assert set(recipe_file.read(tmp_path)) == {
        f"{s}_Z" for s in ("3x3x5", "3x4x5", "4x4x5", "4x5x5", "5x5x5")
    }
    for ring in (Z, Z2):
        closing.close(tmp_path, ring, 5, lambda line: None)
        f = store.best(tmp_path, (5, 4, 5), ring)
        assert f.rank == 76 and f.verify().ok and f.largest_coefficient == 1
    assert store.best(tmp_path, (4, 4, 4)).provenance == {"method": polygons.METHOD}
    closure.add_aggregated(tmp_path, 5, lines.append)
    assert len(lines) == len(ranks) - 1
