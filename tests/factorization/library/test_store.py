"""A library's folder: what is kept, found, indexed and named when damaged."""

import concurrent.futures
import os
import pathlib

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization.library import exact_files, store

ROOT = pathlib.Path(__file__).parents[3]
FOLDER = ROOT / "factorizations"
Z = rings.Integers()
STRASSEN = fz.strassen()


def test_every_file_of_the_projects_library_is_exact_and_indexed():
    index = store.index(FOLDER)
    paths = sorted(FOLDER.glob("*.npz"))
    assert {p.stem for p in paths} == set(index) and len(paths) > 100
    for path in paths:
        (f,) = fz.load(path)
        check = f.verify()
        assert check.ok, check.message
        assert path.name == exact_files.file_name(f) and index[path.stem]["rank"] == f.rank
        assert f.provenance.get("method") or f.provenance.get("engine"), path
        assert index[path.stem]["provenance"] == f.provenance


def test_only_better_ones_are_kept(tmp_path):
    naive = fz.naive((2, 2, 2), Z)
    assert store.add(tmp_path, naive).kept
    assert store.add(tmp_path, STRASSEN).kept
    assert not store.add(tmp_path, naive).kept
    denser = fz.sandwich(STRASSEN, [[1, 1], [0, 1]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert not store.add(tmp_path, denser).kept
    assert store.best(tmp_path, (2, 2, 2), Z).rank == 7
    assert store.ranks(tmp_path) == {(2, 2, 2): 7}
    store.add(tmp_path / "dense", denser)
    assert store.add(tmp_path / "dense", STRASSEN, replace_equal=True).kept
    with pytest.raises(ValueError, match="not a factorisation"):
        store.add(tmp_path, STRASSEN.replace(u=np.ones((4, 7), int)))


def test_formats_are_kept_sorted_and_found_in_any_order(tmp_path):
    f = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), Z))
    store.add(tmp_path, fz.rotate(f))
    assert os.path.exists(tmp_path / "2x2x3_Z.npz")
    for order in [(2, 2, 3), (2, 3, 2), (3, 2, 2)]:
        found = store.best(tmp_path, order, "Z")
        assert found.sizes == order and found.rank == 11 and found.verify().ok
    assert store.best(tmp_path, (2, 2, 3), "Z2") is None


def test_damaged_files_are_named_and_replaced(tmp_path):
    store.add(tmp_path, STRASSEN)
    path = tmp_path / "2x2x2_Z.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(fz.FileError, match="2x2x2_Z.npz"):
        store.best(tmp_path, (2, 2, 2), Z)
    (problem,) = store.reindex(tmp_path)
    assert "2x2x2_Z.npz" in problem and store.index(tmp_path) == {}
    assert "damaged" in store.add(tmp_path, STRASSEN).message
    assert store.best(tmp_path, (2, 2, 2), Z).rank == 7
    (tmp_path / store.INDEX).write_text("{")
    with pytest.raises(fz.FileError, match="reindex"):
        store.ranks(tmp_path)
    assert store.reindex(tmp_path) == [] and store.ranks(tmp_path) == {(2, 2, 2): 7}


def test_writers_do_not_lose_each_others_entries(tmp_path):
    formats = [(2, 2, k) for k in range(2, 14)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda s: store.add(tmp_path, fz.naive(s, Z)), formats))
    assert sorted(store.ranks(tmp_path)) == formats
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".writing")]


def test_the_best_is_loaded_by_name(tmp_path):
    store.add(tmp_path, STRASSEN)
    assert store.load_best("2x2x2", folder=tmp_path).rank == 7
    assert store.load_best("5x4x5", "Z2").sizes == (5, 4, 5)  # from the project's library
    assert store.default_folder() == FOLDER
    with pytest.raises(ValueError, match=f"^2x2x3: the library {tmp_path} has none over Z2"):
        store.load_best("2x2x3", "Z2", tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(fz.FileError, match="missing: cannot be opened"):
        store.reindex(tmp_path / "missing")
