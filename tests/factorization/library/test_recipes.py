"""Recipes: they expand exactly, their ranks follow from the parts, and what is wrong is named."""

import json
import re

import flip_walk
import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import library
from alphatensor.factorization.library import expansion, recipe_file, recipes, store
from alphatensor.factorization.library.recipes import Recipe

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()
BLOCKS = Recipe("blocks", base=STRASSEN, split=((1, 2), (2, 1), (2, 2)))
RECIPES = {
    "2x2x5_Z": Recipe("sum", ((2, 2, 4), (2, 2, 1)), "p"),
    "4x4x4_Z": Recipe("product", ((2, 2, 2), (2, 2, 2))),
    "2x3x4_Z": Recipe("drop", ((2, 4, 4),), "m"),
    "2x4x4_Z": Recipe("sum", ((2, 2, 4), (2, 2, 4)), "m"),
    "3x3x4_Z": BLOCKS,
    "2x2x5_Z2": Recipe("mod", ((2, 2, 5),)),
}
MOST = {"2x2x5_Z": 18, "4x4x4_Z": 49, "2x3x4_Z": 28, "2x4x4_Z": 28, "3x3x4_Z": 35, "2x2x5_Z2": 18}


@pytest.fixture
def folder(tmp_path):
    store.add(tmp_path, STRASSEN)
    store.add(tmp_path, fz.kronecker(STRASSEN, fz.naive((1, 1, 2), Z)))
    assert len(library.add_recipes(tmp_path, RECIPES)) == len(RECIPES)
    return tmp_path


def edit(folder, change):
    """Changes the file of recipes and returns its text before."""
    path = folder / recipe_file.RECIPES
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_recipes_expand_to_what_they_say(folder):
    for name in RECIPES:
        sizes, ring = recipe_file.parse_name(name)
        for order in (sizes, sizes[::-1]):
            f = store.best(folder, order, ring)
            assert f.sizes == order and f.ring == ring and f.verify().ok
            assert f.rank == store.ranks(folder, ring.name)[sizes]
        assert f.provenance["method"] in ("closure", "recombination")
    assert library.load_best("4x2x3", folder=folder).rank <= 28


def test_ranks_and_the_index_follow_from_the_parts(folder):
    index = json.loads((folder / store.INDEX).read_text())
    made = {name: store.best(folder, *recipe_file.parse_name(name)) for name in RECIPES}
    for name, f in made.items():
        assert index[name]["rank"] == f.rank and index[name]["provenance"] == f.provenance
        assert f.rank <= MOST[name]
    assert store.index(folder) == index and store.reindex(folder) == []
    assert json.loads((folder / store.INDEX).read_text()) == index
    assert index["2x4x4_Z"]["provenance"]["parts"] == ["2x2x4:14", "2x2x4:14"]
    verified = store.verified_ranks(folder, "Z")
    assert verified == store.ranks(folder, "Z") and verified[3, 3, 4] == made["3x3x4_Z"].rank
    assert (2, 2, 5) not in store.verified_ranks(folder, "Z", 4)


def test_a_better_part_makes_what_is_made_of_it_better(folder):
    (folder / "2x2x2_Z.npz").unlink()
    store.add(folder, fz.naive((2, 2, 2), Z))
    assert store.ranks(folder)[4, 4, 4] == 64 == store.best(folder, (4, 4, 4)).rank
    store.add(folder, STRASSEN)
    assert store.ranks(folder)[4, 4, 4] == 49 == store.verified_ranks(folder)[4, 4, 4]


def test_a_forged_index_is_not_believed(folder):
    path = folder / store.INDEX
    data = json.loads(path.read_text())
    data["4x4x4_Z"]["rank"] = 1
    path.write_text(json.dumps(data))
    assert store.ranks(folder)[4, 4, 4] == store.verified_ranks(folder)[4, 4, 4] == 49


def test_the_file_is_read_as_it_was_written(folder):
    found = recipe_file.read(folder)
    assert list(found) == sorted(RECIPES, key=recipe_file.natural_order)
    for name, recipe in found.items():
        assert recipe._replace(base=None) == RECIPES[name]._replace(base=None)
    base = found["3x3x4_Z"].base
    assert all(np.array_equal(x, y) for x, y in zip(base.factors, STRASSEN.factors, strict=True))


def test_only_better_recipes_are_kept(folder):
    worse = {"4x4x4_Z": Recipe("sum", ((2, 4, 4), (2, 4, 4)), "n")}
    assert library.add_recipes(folder, worse) == []
    assert library.add_recipes(folder, {"2x2x2_Z": Recipe("drop", ((2, 2, 4),), "p")}) == []
    lost = {"6x6x6_Z": Recipe("product", ((2, 2, 2), (3, 3, 3)))}
    assert library.add_recipes(folder, lost) == [] and len(recipe_file.read(folder)) == 6
    (line,) = library.add_recipes(folder, {"2x2x6_Z": Recipe("sum", ((2, 2, 4), (2, 2, 2)), "p")})
    assert line == f"{folder / '2x2x6_Z'}: rank 21, as a recipe."


def test_a_file_takes_the_place_of_a_worse_recipe(folder):
    naive = fz.naive((2, 2, 5), Z)
    assert "kept a recipe of rank 18" in store.add(folder, naive).message
    f = fz.extend(fz.lift(flip_walk.found((2, 3, 3), 15)), "p")  # 2x3x4 in 21
    assert store.add(folder, f).kept and "2x3x4_Z" not in recipe_file.read(folder)
    assert store.ranks(folder)[2, 3, 4] == 21 == store.best(folder, (2, 3, 4)).rank


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_missing_part_is_named_and_the_rest_goes_on(folder, how):
    path = folder / "2x2x4_Z.npz"
    path.write_bytes(path.read_bytes()[:50])
    if how == "missing":
        path.unlink()
    with pytest.warns(library.LibraryWarning) as warned:
        ranks = store.ranks(folder)
    assert set(ranks) == {(2, 2, 2), (4, 4, 4), (3, 3, 4)} - (
        {(3, 3, 4)} if (2, 2, 4) in BLOCKS.needs else set()
    )
    lines = {str(w.message) for w in warned}
    for name in ("2x2x5_Z", "2x4x4_Z", "2x3x4_Z"):
        reason = "part 2x2x4_Z: missing" if how == "missing" else ".*2x2x4_Z.npz: "
        assert any(re.search(f"recipes.json: {name}: {reason}", x) for x in lines)
    with pytest.warns(library.LibraryWarning, match="2x2x4_Z"):
        assert store.best(folder, (2, 2, 5), Z) is None
    assert store.best(folder, (4, 4, 4)).rank == 49
    with pytest.raises(ValueError, match="2x3x4: the library .* has none over Z"), pytest.warns():
        library.load_best("2x3x4", folder=folder)


def polygons(*contractions):
    return {"operation": "polygons", "cube": [4, 0, 0], "contractions": list(contractions)}


WRONG = [
    ("4x4x4_Z", {"operation": "cube"}, "field 'operation': expected one of sum"),
    ("4x4x4_Z", 3, "field 'operation'"),
    ("4x4x4_Z", {"operation": "mod", "parts": ["4x4x4"]}, "mod is for modular rings"),
    ("4x4x4_Z", {"operation": "product", "parts": ["2x2x2"]}, "field 'parts': expected 2 formats"),
    ("4x4x4_Z", {"operation": "product", "parts": "2x2x2"}, "field 'parts'"),
    ("4x4x4_Z", {"operation": "product", "parts": ["2x2x2", 7]}, "expected three positive sizes"),
    ("4x4x4_Z", {"operation": "product", "parts": ["2x2x2", "2x2x3"]}, "the parts make 4x4x6"),
    ("2x2x5_Z", {"operation": "sum", "parts": ["2x2x4", "2x2x1"]}, "field 'axis'"),
    ("2x2x5_Z", {"operation": "sum", "parts": ["2x3x4", "2x2x1"], "axis": "p"}, "equal sizes"),
    ("2x3x4_Z", {"operation": "pairs", "parts": ["2x3x4"]}, "expected a format nx2xp"),
    ("3x3x3_Z", {"operation": "polygons", "cube": [3, 0]}, "field 'cube': expected its size"),
    ("3x3x3_Z", {"operation": "polygons", "cube": [3, 0, 2]}, "field 'cube': expected its size"),
    ("3x3x3_Z", {"operation": "polygons", "cube": [900, 0, 0]}, "a size from 2 to"),
    ("3x3x3_Z", {"operation": "polygons", "cube": [3, 0, 0]}, "field 'contractions'"),
    ("3x3x3_Z", polygons(["n", 4, 0]), "the parts make 3x4x4"),
    ("3x4x4_Z", polygons(["k", 4, 0]), "field 'contractions': expected lists"),
    ("3x4x4_Z", polygons(["n", 4, -1]), "field 'contractions': expected lists"),
    ("3x4x4_Z", polygons(["n", "4", 0]), "field 'contractions': expected lists"),
    ("2x2x2_Z", polygons(*[["n", 1, 0]] * 3), "sizes of 2 or more to be left"),
    ("3x3x4_Z", {"operation": "blocks", "base": "none", "split": []}, "base 'none': missing"),
    ("4x4x3_Z", {"operation": "drop", "parts": ["4x4x4"], "axis": "p"}, "increasing order"),
    ("4x4x4_Z4", {"operation": "mod", "parts": ["4x4x4"]}, "modulus 4"),
    ("90x90x90_Z", {"operation": "drop", "parts": ["91x90x90"], "axis": "n"}, "entries"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_wrong_recipes_are_named(folder, name, value, words):
    edit(folder, lambda data: data["recipes"].update({name: value}))
    with pytest.warns(library.LibraryWarning, match=f"'{name}': .*{words}") as warned:
        found = store.ranks(folder)
    assert (4, 4, 4) in found or (name == "4x4x4_Z" and (2, 2, 5) in found)
    assert all("\n" not in str(w.message) for w in warned)


def test_splits_must_fit_their_base(folder):
    for split in ([[1, 2], [2, 1]], [[1, 2], [2, 1], [4]], [[1, 2], [2, 1], [2, -2]], 3):
        edit(folder, lambda data, x=split: data["recipes"]["3x3x4_Z"].update(split=x))
        with pytest.warns(library.LibraryWarning, match="field 'split'"):
            assert (3, 3, 4) not in store.ranks(folder)


def test_recipes_that_need_themselves_are_named(folder):
    def change(data):
        data["recipes"]["2x4x5_Z"] = {"operation": "drop", "parts": ["2x5x5"], "axis": "m"}
        data["recipes"]["2x5x5_Z"] = {
            "operation": "sum",
            "parts": ["2x4x5", "2x1x5"],
            "axis": "m",
        }

    edit(folder, change)
    with pytest.warns(library.LibraryWarning, match="is made from itself"):
        assert (2, 4, 5) not in store.ranks(folder)
    with pytest.raises(fz.FileError, match="recipes.json: 2x4x5_Z: part .* is made from itself"):
        expansion.expand(folder, "2x4x5_Z")


def test_a_forged_base_is_not_used(folder):
    def change(data):
        for base in data["bases"].values():
            base["u"][0][0] += 1

    edit(folder, change)
    with pytest.warns(library.LibraryWarning, match="not a factorisation|missing or damaged"):
        assert (3, 3, 4) not in store.ranks(folder)


def test_what_is_not_exact_is_not_given(folder, monkeypatch):
    """Whatever makes it: the result is verified."""
    monkeypatch.setattr(recipes.composition, "project", lambda f, axis: fz.naive((2, 3, 4), Z))
    assert store.best(folder, (2, 3, 4)).rank == 24
    one = fz.from_arrays((2, 3, 4), Z, *(np.ones((s, 1), int) for s in (6, 12, 8)))
    monkeypatch.setattr(recipes.composition, "project", lambda f, axis: one)
    with pytest.raises(fz.FileError, match="recipes.json: 2x3x4_Z: .*not a factorisation"):
        store.find(folder, (2, 3, 4))
