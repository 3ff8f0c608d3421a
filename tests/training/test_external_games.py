"""Algorithms of others as games for the agent, and runs in which both sides search."""

import jax
import numpy as np
import pytest
from tiny_run import OVER_Z, tiny_config

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization.library import store
from alphatensor.training import discoveries, external_games, loop, settings, state


def two_by_two(**changes):
    config = tiny_config(target="2x2x2", **changes)
    config.demonstrations.update(dict(probabilities=(0.5, 0.5), max_rank=8))
    config.update(dict(entries_per_token=4))
    config.game.max_moves = 8
    config.train.update(dict(goal=(7,), max_rounds=2))
    return config


@pytest.mark.parametrize("ring", [rings.IntegersMod(2), rings.Integers()])
def test_games_are_the_algorithm_in_other_bases(ring):
    config = two_by_two()
    if not ring.is_modular:
        config.update(dict(ring="Z", entries=(-1, 0, 1)))
        config.demonstrations.probabilities = (0.25, 0.5, 0.25)
        config.train.lift = False
    run_settings = settings.from_config(config)
    games = external_games.games_of([fz.strassen(ring)], run_settings, jax.random.key(0), 12)
    played = discoveries.of_games(games)
    for index in range(12):
        product = np.einsum(
            "ti,tj,tk->ijk", *(games.actions[index, :, m].astype(int) for m in range(3))
        )
        np.testing.assert_array_equal(ring.reduce(product), games.start[index])
        found = discoveries.factorization_of(played, index, run_settings)
        assert found is not None and found.rank == 7, "back in the canonical basis it is right"
    assert len({x.tobytes() for x in games.start}) > 3, "in several bases"
    np.testing.assert_array_equal(games.returns[0], [-7, -6, -5, -4, -3, -2, -1, 0])
    np.testing.assert_array_equal(games.candidates[:, :, 0], games.actions)


def test_walks_beside_the_agent_say_who_found_what():
    run_settings = settings.from_config(two_by_two(train__flip_steps=20))
    reports = list(loop.train(run_settings))
    _, report = reports[-1]
    assert report.best == (7,)
    found = [f for _, r in reports for f in r.found if f.rank == 7]
    assert {f.provenance["engine"] for f in found} == {"flip graph"}
    assert {str(f.ring) for f in found} == {"Z", "Z2"} and all(f.verify().ok for f in found)


def test_walks_for_some_seconds():
    config = two_by_two(train__flip_seconds=0.1, train__goal=(8,), train__max_rounds=1)
    ((snapshot, report),) = loop.train(settings.from_config(config))
    assert report.best[0] <= 8 and snapshot.findings.walk_starts["2x2x2"].rank <= 8


def test_a_library_fills_the_best_games(tmp_path):
    store.add(tmp_path, fz.strassen(rings.IntegersMod(2)))
    config = two_by_two(train__best_games_from=str(tmp_path))
    config.train.best_buffer = 4
    ((snapshot, report),) = loop.train(settings.from_config(config))
    best_games = jax.device_get(snapshot.state.best_games)
    assert report.best == (7,) and report.found[-1].provenance["engine"] == "library"
    assert best_games.size == 4 and (best_games.games.length[:4] == 7).all()


def five_terms(ring):
    """Strassen's algorithm without two of its terms."""
    f = fz.strassen(ring)
    return f.replace(u=f.u[:, :5], v=f.v[:, :5], w=f.w[:, :5], provenance={"engine": "nobody"})


@pytest.mark.parametrize("how", ["inexact", "garbage", "another format"])
@pytest.mark.parametrize("ring", [rings.Integers(), rings.IntegersMod(2)])
def test_what_does_not_verify_is_set_aside_by_name(tmp_path, ring, how):
    path = tmp_path / f"2x2x2_{ring}.npz"
    f = five_terms(ring) if how == "inexact" else fz.naive((1, 1, 2), ring)
    fz.save(path, f)
    if how == "garbage":
        path.write_text("garbage")
    config = two_by_two(train__best_games_from=str(tmp_path), train__goal=())
    if not ring.is_modular:
        config.update(dict(ring="Z", entries=(-1, 0, 1)))
        config.demonstrations.probabilities = (0.25, 0.5, 0.25)
        config.train.lift = False
    found, notes = external_games.from_library(settings.from_config(config))
    assert found == [] and len(notes) == 1 and "\n" not in notes[0]
    assert notes[0].startswith(f"{path}: set aside (")


@pytest.mark.parametrize("lift", [True, False])
def test_what_does_not_verify_is_no_record(lift):
    """The last door before an algorithm is called verified."""
    run_settings = settings.from_config(two_by_two(train__lift=lift))
    findings = state.first_findings(run_settings)
    wrong = five_terms(rings.IntegersMod(2))
    found, after = discoveries.record(wrong, findings, run_settings)
    assert found == [] and after.ranks == (None,)
    claimed = targets.Target("2x2x2", 0 * wrong.target.tensor, (2, 2, 2))
    zero = wrong.replace(target=claimed, u=0 * wrong.u)
    assert not zero.verify().ok, "a known name means the known tensor"
    assert discoveries.record(zero, findings, run_settings)[0] == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("best_games_from", "nowhere", "a folder"),
        ("flip_seconds", -1.0, "at least 0"),
        ("flip_seconds", 1.0, "Z2"),
        ("flip_steps", 1, "Z2"),
    ],
)
def test_mistakes_name_the_field(field, value, words):
    config = tiny_config(**OVER_Z)
    config.train[field] = value
    with pytest.raises(ValueError, match=f"train.{field}.*{words}"):
        settings.from_config(config)
