"""Demonstrations shown: their statistics equal those counted one by one."""

import io
import itertools

import numpy as np
import pytest
from tiny_run import shared_programs, tiny_config

from alphatensor.config import ConfigError
from alphatensor.training import demonstrate, play, settings


def test_statistics_equal_those_counted_one_by_one():
    a, b, c = [1, 0], [0, 1], [1, 1]
    games = np.array([[[a, a, a], [a, b, c], [c, c, c]], [[b, a, b], [c, b, a], [[0, 0]] * 3]])
    given = settings.from_config(tiny_config(target="2x1x2"))
    rows = demonstrate.measure(np.pad(games, [(0, 0)] * 3 + [(0, 2)]), np.array([3, 2]), given)
    assert [(x.left, x.count) for x in rows] == [(1, 2), (2, 2), (3, 1)]

    def tensor(moves):
        return np.einsum("ti,tj,tk->ijk", *np.moveaxis(np.array(moves), 1, 0)) % 2

    u, v, w = given.agent.shapes[0]
    for row in rows:
        lists = [list(g[:n][n - row.left :]) for g, n in zip(games, (3, 2), strict=True)]
        lists = [x for x, n in zip(lists, (3, 2), strict=True) if n >= row.left]
        nonzeros = np.mean([np.count_nonzero(tensor(x)) / (u * v * w) for x in lists])
        assert row.nonzeros == pytest.approx(nonzeros)
        pairs = [pair for x in lists for pair in itertools.combinations(x, 2)]
        shared = [any(np.array_equal(p, q) for p, q in zip(x, y, strict=True)) for x, y in pairs]
        assert row.shared == pytest.approx(np.mean(shared) if shared else 0.0)
        assert row.bound >= 1


def test_a_run_is_measured_beside_its_demonstrations(copy, monkeypatch):
    monkeypatch.setattr(play, "make_programs", shared_programs)
    shown = demonstrate.demonstrate(tiny_config(), count=20, seed=1, run=copy)
    assert shown.factors.shape == (20, 2, 3, 2) and set(shown.rank) == {1, 2}
    assert shown.statistics.keys() == {"demonstrations", "games"}
    assert shown.statistics["demonstrations"][0].count == 20
    assert len(demonstrate.table(shown.statistics).splitlines()) >= 4
    file = io.BytesIO()
    demonstrate.draw(shown, file)
    assert file.getvalue()[:4] == b"\x89PNG"
    with pytest.raises(ConfigError, match="count=0"):
        demonstrate.demonstrate(tiny_config(), count=0)
