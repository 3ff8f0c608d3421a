"""The benchmark of what is learnt in some seconds: rows mean what their header says."""

from tiny_run import tiny_config

from alphatensor.training import settings
from benchmarking import learning_speed


def test_a_row_for_each_mark():
    given = settings.from_config(tiny_config())
    rows = list(learning_speed.measure(given, [0.01, 1]))
    assert [row["seconds"] for row in rows] == [0, 1]
    first, last = rows
    assert 0 < first["updates"] < last["updates"]
    assert first["updates"] % given.config.train.updates_per_call == 0
    assert last["loss_any"] < first["loss_any"] and last["loss_any"] < last["loss_mean"]
    assert 0 < last["right_drawn"] <= 1 and 0 <= last["solved"] <= 1
