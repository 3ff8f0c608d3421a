"""Runs on sums of terms: only exact algorithms count, and wrong settings are named."""

import jax
import numpy as np
import pytest
from tiny_run import ON_SUMS, tiny_config

from alphatensor import factorization as fz
from alphatensor.config import ConfigError
from alphatensor.factorization import strassen
from alphatensor.training import loop, neighbourhood, settings, state
from alphatensor.training.programs import make_programs


def settings_for(target, **changes):
    return settings.from_config(tiny_config(target=target, **ON_SUMS, **changes))


def state_at(walks):
    return state.TrainState(learner=None, games=None, best_games=None, walks=walks, rounds=None)


def test_walks_start_at_the_naive_algorithms_of_all_targets():
    given = settings_for("1x2x1,2x2x2")
    walks = neighbourhood.first_walks(given)
    assert walks.terms.shape == (4, 8, 3, 4) and walks.target.tolist() == [0, 1, 0, 1]
    for place, number in enumerate(walks.target):
        f = neighbourhood.to_factorization(walks.terms[place], given.targets[number], given)
        assert f.verify().ok and f.rank == [2, 8][number]
    assert state.first_findings(given).ranks == (2, 8)


def test_walks_start_at_the_entries_of_other_targets():
    given = settings_for("skew3")
    walks = neighbourhood.first_walks(given)
    f = neighbourhood.to_factorization(walks.terms[0], given.targets[0], given)
    assert f.verify().ok and f.rank == 6
    assert state.first_findings(given).ranks == (6,)


def test_walks_start_from_a_library_where_one_is_named(tmp_path):
    fz.save(tmp_path / "2x2x2_Z2.npz", fz.reduce_mod(strassen(), 2))
    library = dict(neighbourhood__library=str(tmp_path), neighbourhood__margin=1)
    given = settings_for("2x2x2", **library)
    walks = neighbourhood.first_walks(given)
    assert walks.terms.shape == (4, 8, 3, 4), "room for detours"
    f = neighbourhood.to_factorization(walks.terms[3], given.targets[0], given)
    assert f.verify().ok and f.rank == 7
    assert state.first_findings(given).ranks == (7,)
    with pytest.raises(ConfigError, match="expected a library with 2x2x3 over Z2"):
        neighbourhood.first_walks(settings_for("2x2x3", **library))
    f = strassen()
    fz.save(tmp_path / "2x2x2_Z2.npz", f.replace(u=f.u[:, :6], v=f.v[:, :6], w=f.w[:, :6]))
    with pytest.raises(ConfigError, match=r"2x2x2_Z2\.npz"):
        neighbourhood.first_walks(given)


def test_records_are_exact_and_lifted():
    given = settings_for("1x2x1,2x2x2")
    findings = state.first_findings(given)
    walks = jax.tree.map(np.copy, neighbourhood.first_walks(given))
    found, after = neighbourhood.new_records(state_at(walks), findings, given, {})
    assert found == [] and after == findings, "the naive algorithms are no discovery"
    f = strassen()
    terms = np.stack([np.abs(x).T % 2 for x in (f.u, f.v, f.w)], axis=1)
    walks.terms[1], walks.terms[3] = 0, 0
    walks.terms[1, :6] = terms[:6]  # of a lower rank, but no algorithm
    walks.terms[3, :7] = terms
    found, after = neighbourhood.new_records(state_at(walks), findings, given, {"seed": 1})
    assert [(x.rank, str(x.ring)) for x in found] == [(7, "Z2"), (7, "Z")]
    assert all(x.verify().ok and x.provenance["seed"] == 1 for x in found)
    assert after.ranks == (2, 7)


def test_a_round_reports_every_target_and_size():
    given = settings_for("1x2x1,1x2x2", train__max_rounds=2)
    programs = make_programs(given)
    reports = [report for _, report in loop.train(given, programs)]
    assert [report.rounds for report in reports] == [1, 2]
    scalars = reports[-1].scalars
    for name in ("ranks/1x2x1_best", "ranks/1x2x2_mean", "terms_1/solved", "terms_2/shorter"):
        assert np.isfinite(scalars[name])
    assert scalars["ranks/1x2x2_best"] <= 4
    assert {"loss/policy_demonstrations", "loss/policy_terms"} <= scalars.keys()
    assert "loss/policy_best_games" not in scalars


def test_flips_go_on_from_the_best_algorithms():
    """Twenty calls of flip-graph walks find rank 7 from the naive algorithm."""
    given = settings_for("1x2x1,2x2x2", train__flip_steps=20)
    start = state_at(jax.tree.map(jax.numpy.asarray, neighbourhood.first_walks(given)))
    start = start._replace(rounds=np.int32(0))
    after, found, findings = neighbourhood.with_flips(
        start, state.first_findings(given), given, {"engine": "agent", "seed": 3}
    )
    assert {(f.rank, str(f.ring)) for f in found} == {(7, "Z2"), (7, "Z")}
    assert all(f.provenance["engine"] == "flip graph" and f.verify().ok for f in found)
    assert findings.ranks == (2, 7)
    ranks = [
        neighbourhood.to_factorization(np.array(terms), given.targets[number], given)
        for terms, number in zip(*map(np.array, after.walks), strict=True)
    ]
    assert all(f.verify().ok for f in ranks)
    assert sorted(f.rank for f in ranks) == [2, 2, 7, 8], "one of two was replaced"


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(neighbourhood__max_terms=4), r"neighbourhood\.max_terms"),
        (dict(game__max_moves=2), r"game\.max_moves"),
        (dict(demonstrations__max_rank=9), r"demonstrations\.max_rank"),
        (dict(train__runtime_weight=0.5), r"neighbourhood\.walks"),
        (dict(target="1x2x1,2x2x2,2x2x3,2x3x3,3x3x3"), r"neighbourhood\.walks"),
    ],
)
def test_wrong_settings_are_named(changes, words):
    with pytest.raises(ConfigError, match=words):
        settings.from_config(tiny_config(**(ON_SUMS | changes)))
