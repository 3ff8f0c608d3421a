"""Runs of the flip-graph search: settings, the library's folder, and the command."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from alphatensor import config as settings
from alphatensor import rings
from alphatensor.factorization import naive, reduce_mod, sandwich, save, strassen
from alphatensor.factorization.analysis import programs
from alphatensor.factorization.library import store
from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.training import flip_search
from experiments.configs import flip_small


def config(folder, **changes):
    search = FlipSearchConfig(
        walkers=64, tries=1_500, patience=600, margin=2, slice_seconds=0.1, pool=8
    )
    return flip_search.FlipRunConfig(
        **{"formats": "2x2x2", "library": str(folder), "seconds": 1e6, "search": search} | changes
    )


def test_a_search_fills_a_folder_and_goes_on_from_it(tmp_path):
    formats = "2x2x2,2x1x2,2x2x3"
    run = config(tmp_path / "new", formats=formats)
    assert run.sizes == [(2, 2, 2), (1, 2, 2), (2, 2, 3)]
    turns = list(itertools.islice(flip_search.turns(run), 3))
    assert [turn.target for turn in turns] == run.sizes
    stored = store.best(run.library, (2, 2, 2), "Z")
    assert stored.rank == 7 and stored.provenance["engine"] == "flip graph"
    assert store.best(run.library, (1, 2, 2), "Z2").rank == 4
    seen = []
    ranks = flip_search.search_flips(config(run.library, seconds=1e-3), report=seen.append)
    assert ranks == {turn.target: turn.rank for turn in seen}
    assert ranks in ({}, {(2, 2, 2): 7}) and all(turn.stored == [] for turn in seen)


def test_what_is_stored_closes_the_library(tmp_path):
    for ring in (rings.Integers(), rings.IntegersMod(2)):
        store.add(tmp_path, naive((2, 2, 4), ring))
    line = flip_search.Library(str(tmp_path)).add(strassen())
    assert "2x2x2_Z.npz: rank 7." in line and "It improves 2 more." in line
    assert store.ranks(tmp_path) == {(2, 2, 2): 7, (2, 2, 4): 14}
    assert store.ranks(tmp_path, "Z2") == {(2, 2, 4): 14}
    assert flip_search.Library(str(tmp_path)).add(strassen()) is None


def test_the_additions_of_what_equals_the_best_known_rank_are_annealed(tmp_path):
    library = flip_search.Library(str(tmp_path), steps=20_000)
    for f in (naive((2, 2, 2), rings.Integers()), strassen(), reduce_mod(strassen(), 2)):
        library.add(f)
        stored = store.best(tmp_path, "2x2x2", f.ring)
        assert programs.kept_additions(stored) == (15 if f.rank == 7 else None)


def test_a_whole_search_returns_its_ranks(tmp_path):
    store.add(tmp_path, strassen())
    assert flip_search.search_flips(config(tmp_path, seconds=0.2))[2, 2, 2] <= 8


def test_other_targets_are_stored_under_their_names(tmp_path):
    ranks = flip_search.search_flips(config(tmp_path, targets="st2", seconds=0.2))
    assert ranks == {"st2": 4}
    for ring in ("Z", "Z2"):
        assert (tmp_path / f"st2_{ring}.npz").exists()
        assert store.best(tmp_path, "st2", ring).rank == 4


def test_mistakes_are_named_before_any_walk(tmp_path):
    with pytest.raises(settings.ConfigError, match="library='/proc/library'"):
        flip_search.turns(config("/proc/library"))


def test_the_configuration_file_differs_from_the_defaults_in_its_formats_alone():
    run = flip_search.FlipRunConfig.from_dict(flip_small.get_config())
    assert len(run.sizes) == 20 and run.library == "factorizations"
    assert run.replace(formats="3x3x3", library="runs/library") == flip_search.FlipRunConfig()


def test_every_field_has_a_meaning():
    text = settings.help_text(flip_search.FlipRunConfig)
    for field in ("formats", "library", "seconds", "search.ring", "search.symmetries"):
        assert f"--config.{field} (default" in text


@pytest.mark.parametrize("how", ["inexact", "garbage"])
def test_a_wrong_file_is_set_aside_by_name(tmp_path, how):
    """The search goes on without it, stores what it finds, and loses no bytes of it."""
    f = strassen(rings.IntegersMod(2))
    wrong = tmp_path / "2x2x2_Z2.npz"
    save(wrong, f.replace(u=f.u[:, :5], v=f.v[:, :5], w=f.w[:, :5]))
    if how == "garbage":
        wrong.write_text("garbage")
    before, said = wrong.read_bytes(), []
    turns = flip_search.turns(config(tmp_path, formats="2x2x2,2x2x3"), said.append)
    list(itertools.islice(turns, 2))
    assert len(said) == 1 and str(wrong) in said[0] and "set aside" in said[0]
    assert store.best(tmp_path, (2, 2, 2), "Z2").verify().ok
    assert (tmp_path / "2x2x2_Z2.npz.set-aside").read_bytes() == before


@pytest.mark.parametrize("how", ["inexact", "garbage", "another"])
def test_a_wrong_pool_is_set_aside_by_name(tmp_path, how):
    said, sizes, good = [], (2, 2, 2), strassen(rings.IntegersMod(2))
    library = flip_search.Library(str(tmp_path), said.append)
    assert library.pool(sizes, "Z2 rotation (2,)") == []
    library.keep_pool(sizes, "Z2 rotation (2,)", [good, good])
    path = tmp_path / "pools/2x2x2_Z2-rotation-2.npz"
    assert [f.rank for f in library.pool(sizes, "Z2 rotation (2,)")] == [7, 7] and path.exists()
    wrong = {"inexact": [good, good.replace(u=good.v)], "another": [naive((2, 2, 3), good.ring)]}
    save(path, wrong.get(how, good))
    if how == "garbage":
        path.write_text("garbage")
    assert library.pool(sizes, "Z2 rotation (2,)") == []
    assert len(said) == 1 and str(path) in said[0] and "set aside" in said[0]
    assert not path.exists() and path.with_name(f"{path.name}.set-aside").exists()
    library.keep_pool(sizes, "Z2 rotation (2,)", [good])
    library.keep_pool(sizes, "Z2 rotation (2,)", [])
    assert not path.exists()


def test_lifts_with_fractions_are_stored_over_the_rationals(tmp_path):
    third = np.diag([Fraction(1, 3), Fraction(1)])
    f = sandwich(strassen(), third, np.eye(2, dtype=int), np.eye(2, dtype=int))
    line = flip_search.Library(str(tmp_path)).add(f)
    assert "2x2x2_Q.npz: rank 7" in line
    assert store.best(tmp_path, (2, 2, 2), "Q").rank == 7
    assert store.best(tmp_path, (2, 2, 2), "Z") is None


def test_a_range_names_all_formats_between_two():
    run = config("runs/any", formats="2x2x2..2x3x4,3x2x2, 4x4x4")
    between = [(2, 2, 2), (2, 2, 3), (2, 2, 4), (2, 3, 3), (2, 3, 4)]
    assert run.sizes == [*between, (4, 4, 4)]
    for wrong in ("2x2x2..", "2x2x3..2x2x2", "2x2x2..3x3x3..4x4x4", "2x2x2..16x16x17"):
        with pytest.raises(settings.ConfigError, match="formats such as"):
            config("runs/any", formats=wrong)


def test_walkers_that_cannot_fit_are_refused(tmp_path):
    many = FlipSearchConfig(walkers=2**31 - 1)
    with pytest.raises(settings.ConfigError, match="search.walkers=2147483647.*GiB"):
        flip_search.turns(config(tmp_path, search=many))


def test_fractions_are_kept_only_where_they_beat_the_integers(tmp_path):
    """Strassen's algorithm with one term scaled has fractions and the rank of his own."""
    f = strassen()
    halves = np.array([Fraction(1, 2)] + [Fraction(1)] * 6, object)
    scaled = f.replace(u=f.u * halves, w=f.w / halves)
    memory = flip_search.Library(tmp_path)
    assert "rank 7" in memory.add(scaled)
    assert "rank 7" in memory.add(f)
    (tmp_path / "2x2x2_Q.npz").unlink()
    assert memory.add(scaled) is None and not list(tmp_path.glob("*_Q.npz"))
