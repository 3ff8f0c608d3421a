"""Games that the agent of a run finishes from given positions."""

import numpy as np
import pytest
from tiny_run import tiny_config

from alphatensor.factorization import naive
from alphatensor.training import play, runner


def test_games_go_on_from_given_moves(tmp_path):
    config = tiny_config(output=str(tmp_path / "run"), train__max_rounds=2)
    with runner.Run(config) as run:
        with pytest.raises(ValueError, match="^run: expected one of one target, after its first"):
            play.play_on(run)
        for _ in run:
            pass
    ring, (target,) = run.settings.agent.game.ring, run.settings.targets
    terms = play.terms_of(naive(target.sizes, ring))
    for given in range(3):
        ended = play.play_on(run, terms[:given], games=16)
        assert ended.games == 16 and np.all(ended.ranks >= 2)
        if ended.best is None:
            assert len(ended.ranks) == 0
        else:
            assert ended.best.verify().ok and ended.best.rank <= ended.ranks.min()
    assert ended.best.rank == 2 and list(ended.ranks) == [2] * 16  # nothing was left
    again = play.play_on(run, terms[:1], games=16, seed=0)
    np.testing.assert_array_equal(again.ranks, play.play_on(run, terms[:1], games=16).ranks)
    with pytest.raises(ValueError, match=r"^terms\[1\]: vectors of lengths \(3, 2, 1\), expected"):
        play.play_on(run, [terms[0], ([1, 0, 0], [1, 0], [1])])
