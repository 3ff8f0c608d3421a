"""The diagnosis of a run: floors by brute force, what a finished run says, and its remarks."""

import io
import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_run import ON_SUMS, shared_programs, tiny_config

from alphatensor.config import ConfigError
from alphatensor.training import diagnosis, play, runner


@pytest.fixture(autouse=True)
def _shared(monkeypatch):
    monkeypatch.setattr(play, "make_programs", shared_programs)


@pytest.mark.parametrize("actions", ["aaab", "abcd", "aabb", "aaaa", "ab--", "----"])
@pytest.mark.parametrize("is_any", [False, True])
def test_floor_is_the_loss_of_the_best_policy(actions, is_any):
    """The best of many policies over the actions comes close to it, and none below."""
    useful = [a for a in actions if a != "-"]
    names = sorted(set(useful))
    losses = []
    for weights in itertools.product(range(1, 40), repeat=len(names)):
        p = dict(zip(names, np.array(weights) / sum(weights), strict=True)) if names else {}
        each = [p[a] for a in useful]
        mean = sum(-math.log(x) for x in each) / len(actions)
        any_ = -math.log(sum(each) / len(actions)) if useful else 0.0
        losses.append(any_ if is_any else mean)
        if len(losses) > 30_000:
            break
    tokens = jnp.array([[ord(a)] for a in actions])
    is_useful = jnp.array([a != "-" for a in actions])
    floor = float(diagnosis._floor(tokens, is_useful, jnp.array(True), is_any))
    assert floor <= min(losses) + 1e-5
    if len(names) <= 2 and not (is_any and len(names) == 2):
        assert floor == pytest.approx(min(losses), abs=1e-3)


def test_a_run_is_looked_at(copy):
    found = diagnosis.diagnose(copy, count=16)
    assert {"demonstrations", "games"} <= set(found.positions)
    for x in found.positions.values():
        assert len(x.loss) == 16 and np.all(x.loss >= x.floor - 1e-4)
        assert np.all((x.known >= 0) & (x.known <= 1))
    assert 0 < found.distinct <= found.solved
    text = diagnosis.text(found)
    assert "solutions remembered" in text and "demonstrations" in text
    file = io.BytesIO()
    diagnosis.draw(found, file)
    assert file.getvalue().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="count=0"):
        diagnosis.diagnose(copy, count=0)


def test_a_run_on_sums_is_looked_at(tmp_path):
    runner.train(tiny_config(output=str(tmp_path / "run"), train__max_rounds=1, **ON_SUMS))
    found = diagnosis.diagnose(tmp_path / "run", count=8)
    assert set(found.positions) == {"demonstrations", "terms"}
    assert found.distinct >= 1


def test_remarks_name_what_is_wrong():
    good = diagnosis.Position(*(np.array([1.0, 1.0]) for _ in range(4)), np.array([True] * 2), None)
    good = good._replace(known=np.array([0.5, 0.2]))
    bad = good._replace(known=np.zeros(2), values=np.array([3.0, 4.0]))

    def remarks(position, solved, distinct):
        found = diagnosis.Diagnosis({"games": position}, solved, distinct, 32)
        return " ".join(diagnosis.remarks(found))

    assert remarks(good, 10, 9) == ""
    assert "train.warmup_updates" in remarks(bad, 10, 9) and "+2.5 off" in remarks(bad, 10, 9)
    assert "no game is solved" in remarks(good, 0, 0)
    assert "nearly all solutions are the same" in remarks(good, 100, 3)
