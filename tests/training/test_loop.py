"""Whole tiny runs in one process: what the loop finds, repeats and survives."""

import chex
import jax
import numpy as np
import pytest
from tiny_run import tiny_config

from alphatensor.training import loop, settings
from alphatensor.training.programs import make_programs


def test_the_same_seed_gives_the_same_run():
    run_settings, ends = settings.from_config(tiny_config(train__max_rounds=2)), []
    for _ in range(2):
        for snapshot, report in loop.train(run_settings):
            last = jax.device_get(snapshot.state), report
        ends.append(last)
    (first, report), (second, again) = ends
    assert report.updates == again.updates and report.best == again.best
    chex.assert_trees_all_equal(first, second)


def test_each_program_is_compiled_once():
    """A leaf that changes its type or sharding between calls would compile everything again."""
    config = tiny_config(train__updates_per_call=1, train__warmup_updates=1)
    config.train.updates_per_round = 1
    programs = make_programs(settings.from_config(config))
    state = programs.init()
    for _ in range(2):
        state, _ = programs.learn(state, jax.numpy.array([0.5, 0.25, 0.25]))
        games, _ = programs.act(state)
        state = programs.store(state, games, np.zeros(len(games.length), np.float32))
    for program in (programs.learn, programs.act, programs.store):
        assert program._cache_size() == 1


def test_solutions_mod_2_are_lifted(finished):
    _, reports = finished
    found = [f for report in reports for f in report.found]
    assert reports[-1].best == (2,)
    assert [str(f.ring) for f in found[-2:]] == ["Z2", "Z"]
    assert all(f.verify().ok and f.rank == 2 for f in found[-2:])


def test_positions_are_searched_again_each_round():
    run_settings = settings.from_config(tiny_config(train__max_rounds=2, train__reanalysed=4))
    plain = settings.from_config(tiny_config(train__max_rounds=2))
    policies = []
    for given in (run_settings, plain):
        for snapshot, _ in loop.train(given):
            last = jax.device_get(snapshot.state.games.games)
        policies.append(last)
    changed = np.any(policies[0].policy != policies[1].policy, axis=(1, 2))
    games = run_settings.config.train.games
    assert changed[:games].any(), "none of the first round"
    assert np.array_equal(policies[0].start[:games], policies[1].start[:games])


def test_a_mixture_of_formats_in_one_batch():
    config = tiny_config(target="1x2x1,2x1x1,1x1x1", train__goal=(2, 2, 1), train__games=16)
    with config.ignore_type():
        config.train.game_buffer = 32
        config.train.max_rounds = 20
    mixed = settings.from_config(config)
    reports = [report for _, report in loop.train(mixed)]
    assert reports[-1].best == (2, 2, 1)
    names = {(f.target.name, f.rank) for report in reports for f in report.found}
    assert names >= {("1x2x1", 2), ("2x1x1", 2), ("1x1x1", 1)}


def test_a_run_goes_on_more_slowly_after_one_bad_loss():
    run_settings = settings.from_config(tiny_config(train__max_rounds=2))
    programs, calls = make_programs(run_settings), []

    def learn(state, mixture):
        state, losses = programs.learn(state, mixture)
        calls.append(float(state.learner.lr_scale))
        return state, losses._replace(finite=losses.finite & (len(calls) != 1))

    reports = [r for _, r in loop.train(run_settings, programs._replace(learn=learn))]
    assert reports[-1].rounds == 2
    assert calls[0] == 1.0 and np.allclose(calls[1:], loop.LOWERED_SCALE) and len(calls) > 1
    assert reports[-1].scalars["loss/rate"] == pytest.approx(loop.LOWERED_SCALE)
