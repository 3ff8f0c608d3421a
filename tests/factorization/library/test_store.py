"""A library's folder: what is kept, found, indexed and named when damaged."""

import concurrent.futures
import json
import multiprocessing
import os
import pathlib

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import library
from alphatensor.factorization.analysis import programs
from alphatensor.factorization.library import index_cache, recipe_file, store, tables

ROOT = pathlib.Path(__file__).parents[3]
FOLDER = ROOT / "factorizations"
Z = rings.Integers()
STRASSEN = fz.strassen()


def test_every_file_of_the_projects_library_is_exact_and_indexed():
    index = store.index(FOLDER)
    paths = sorted(FOLDER.glob("*.npz"))
    made = set(recipe_file.read(FOLDER))
    assert {p.stem for p in paths} | made == set(index) and len(paths) > 100
    assert not made & {p.stem for p in paths}
    for path in paths:
        (f,) = fz.load(path)
        check = f.verify()
        assert check.ok, check.message
        assert path.name == store.file_name(f) and index[path.stem]["rank"] == f.rank
        assert f.provenance.get("method") or f.provenance.get("engine"), path
        said = {key: value for key, value in f.provenance.items() if key != "programs"}
        assert index[path.stem]["provenance"] == said
        has_programs = programs.kept(f) is not None  # those that give its matrices
        assert has_programs == ("programs" in f.provenance), path
        assert has_programs == index[path.stem].get("keeps_programs", False)


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


def test_damaged_files_are_named_set_aside_and_replaced(tmp_path):
    store.add(tmp_path, STRASSEN)
    path = tmp_path / "2x2x2_Z.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(library.LibraryWarning, match="set aside: .*2x2x2_Z.npz"):
        assert store.best(tmp_path, (2, 2, 2), Z) is None
    (problem,) = store.reindex(tmp_path)
    assert "2x2x2_Z.npz" in problem
    with pytest.warns(library.LibraryWarning, match="2x2x2_Z.npz"):
        assert store.index(tmp_path) == store.ranks(tmp_path) == {}
    assert "damaged" in store.add(tmp_path, STRASSEN).message
    assert store.best(tmp_path, (2, 2, 2), Z).rank == 7
    (tmp_path / store.INDEX).write_text("{")
    with pytest.warns(library.LibraryWarning, match="`reindex` rebuilds it"):
        assert store.ranks(tmp_path) == {(2, 2, 2): 7}
    assert store.reindex(tmp_path) == [] and store.ranks(tmp_path) == {(2, 2, 2): 7}


def test_what_is_not_exact_is_set_aside_and_replaced(tmp_path):
    """A readable file of a smaller rank keeps nobody from the true algorithm."""
    one = fz.from_arrays((2, 2, 2), Z, *np.ones((3, 4, 1), int))
    fz.save(tmp_path / "2x2x2_Z.npz", one)
    for use in (
        lambda: store.best(tmp_path, (2, 2, 2)),
        lambda: store.ranks(tmp_path),
        lambda: store.verified_ranks(tmp_path),
        lambda: store.index(tmp_path),
    ):
        with pytest.warns(library.LibraryWarning, match="2x2x2_Z.npz.*not a factorisation"):
            assert not use()
    with pytest.raises(ValueError, match="has none over Z"), pytest.warns(library.LibraryWarning):
        store.load_best("2x2x2", folder=tmp_path)
    assert store.add(tmp_path, STRASSEN).kept and store.ranks(tmp_path) == {(2, 2, 2): 7}


def test_a_tensor_of_ones_own_replaces_no_known_target(tmp_path):
    """Whatever its name is: its file is named after its entries."""
    store.add(tmp_path, STRASSEN)
    one = np.ones((1, 1), int)
    path = str(tmp_path / "2x2x2.npy")
    np.save(path, np.ones((1, 1, 1), int))
    own = fz.Factorization(targets.parse(path), Z, one, one, one)
    assert store.add(tmp_path, own).kept
    assert store.best(tmp_path, (2, 2, 2)).rank == 7
    for name in (path, own.target):
        found = store.best(tmp_path, name)
        assert found.rank == 1 and found.target.name == path
    forged = own.replace(target=targets.Target("2x2x2", own.target.tensor))
    with pytest.raises(ValueError, match="its tensor is not that of its name"):
        store.add(tmp_path, forged)


def forge_index(folder, with_check_sum):
    data = json.loads((folder / store.INDEX).read_text())
    for key, value in data.items():
        value["rank"] = 1
        if with_check_sum:
            data[key] = index_cache._checked(folder / f"{key}.npz", value)
    (folder / store.INDEX).write_text(json.dumps(data))


@pytest.mark.parametrize("with_check_sum", [False, True])
def test_a_forged_index_is_not_believed(tmp_path, with_check_sum):
    store.add(tmp_path, STRASSEN)
    forge_index(tmp_path, with_check_sum)
    if not with_check_sum:
        assert store.ranks(tmp_path) == {(2, 2, 2): 7}
    assert store.verified_ranks(tmp_path) == {(2, 2, 2): 7}
    assert tables.rows(tmp_path, 2)[0][3] == "7"
    _, f = library.planned(tmp_path, Z, (2, 2, 4), library.RecombinationConfig(variants=0))
    assert f.rank == 14 and f.verify().ok
    assert not store.add(tmp_path, fz.naive((2, 2, 2), Z)).kept


def test_the_next_writer_mends_what_a_killed_one_left(tmp_path):
    store.add(tmp_path, STRASSEN)
    index = (tmp_path / store.INDEX).read_text()
    store.add(tmp_path, fz.naive((2, 2, 3), Z))
    (tmp_path / store.INDEX).write_text(index)  # killed between the file and the index
    (tmp_path / ".writing-abc").write_text("half")
    assert store.ranks(tmp_path) == {(2, 2, 2): 7, (2, 2, 3): 12}
    assert not store.add(tmp_path, STRASSEN).kept
    assert "2x2x3_Z" in json.loads((tmp_path / store.INDEX).read_text())
    assert not list(tmp_path.glob(".writing-*"))


def _add_naive(folder, sizes):
    for s in sizes:
        store.add(folder, fz.naive(s, Z))


def test_processes_do_not_lose_each_others_entries(tmp_path):
    shares = [[(1, k, 20 + i) for k in range(1, 6)] for i in range(2)]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_naive, args=(tmp_path, share)) for share in shares]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    written = json.loads((tmp_path / store.INDEX).read_text())
    assert len(written) == 10 and set(written) == set(store.index(tmp_path))


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
    large = store.load_best("13x14x16")  # a recipe
    assert large.sizes == (13, 14, 16) and large.verify().ok
    assert large.rank <= store.ranks(FOLDER)[large.sizes] < 13 * 14 * 16
    assert store.load_best("16x2x13", "Z2").rank <= store.ranks(FOLDER, "Z2")[2, 13, 16]
    with pytest.raises(ValueError, match=f"^2x2x3: the library {tmp_path} has none over Z2"):
        store.load_best("2x2x3", "Z2", tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(fz.FileError, match="missing: cannot be opened"):
        store.reindex(tmp_path / "missing")
