"""Play with a finished run: counts add up, algorithms are exact and different, mistakes named."""

import json
import shutil

import pytest
from tiny_run import ON_SUMS, shared_programs, tiny_config

from alphatensor.config import ConfigError
from alphatensor.training import play, runner


@pytest.fixture(autouse=True)
def _shared(monkeypatch):
    monkeypatch.setattr(play, "make_programs", shared_programs)


def test_games_are_counted_and_algorithms_are_different(copy):
    played = play.play(copy, games=20, seed=3)
    assert played.games == 24, "whole batches of eight"
    assert sum(played.ranks["1x2x1"].values()) == played.solved > 0
    assert all(f.verify().ok and f.rank in played.ranks["1x2x1"] for f in played.algorithms)
    assert [f.rank for f in played.algorithms] == sorted(f.rank for f in played.algorithms)
    assert play.play(copy, games=20, seed=3).ranks == played.ranks
    canonical = play.play(copy, games=8, bases="canonical", simulations=4)
    assert canonical.games == 8


def test_an_agent_of_sums_walks_on_other_formats(tmp_path):
    config = tiny_config(output=str(tmp_path / "run"), train__max_rounds=1, **ON_SUMS)
    runner.train(config)
    played = play.play(tmp_path / "run", games=9, target="1x2x2,1x1x2")
    assert played.games == 16, "two rounds of two games of four walks"
    assert {name: sum(x.values()) for name, x in played.ranks.items()} == {"1x2x2": 2, "1x1x2": 2}
    assert all(f.verify().ok for f in played.algorithms)
    assert {f.target.name for f in played.algorithms} == {"1x2x2", "1x1x2"}


def test_what_does_not_fit_is_named(copy, tmp_path):
    with pytest.raises(ConfigError, match="target='2x2x2': expected a target of the sizes"):
        play.play(copy, target="2x2x2")
    with pytest.raises(ConfigError, match="games=0"):
        play.play(copy, games=0)
    with pytest.raises(ConfigError, match="bases='odd'"):
        play.play(copy, bases="odd")
    with pytest.raises(ValueError, match="expected the folder of a run"):
        play.play(tmp_path / "nowhere")
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(ValueError, match=r"no checkpoint can be used \(it has none yet\)"):
        play.play(copy)
    (copy / "config.json").write_text(json.dumps([]))
    with pytest.raises(ValueError, match="expected the folder of a run"):
        play.play(copy)
