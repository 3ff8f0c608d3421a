"""The reward for fast algorithms: who is measured, what is paid, which games are kept."""

import jax
import numpy as np
import pytest
from tiny_run import OVER_Z, shared_programs, tiny_config

from alphatensor import rings
from alphatensor.agent import replay
from alphatensor.factorization import canonical, naive, sandwich, strassen
from alphatensor.training import loop, runtime_reward, settings, state


def two_by_two(**changes):
    return settings.from_config(
        tiny_config(target="2x2x2", train__runtime_weight=0.5, **OVER_Z | changes)
    )


def algorithms():
    """Three different ones of rank 7 and one of rank 8."""
    m = np.array([[1, 1], [0, 1]])
    f, eye = strassen(), np.eye(2, dtype=int)
    moved = (f, sandwich(f, m, eye, eye), sandwich(f, eye, m, eye))
    return [canonical(x) for x in (*moved, naive((2, 2, 2), rings.Integers()))]


def test_minus_the_weighted_time_is_paid():
    times = {7: iter([1.5, 0.5]), 8: iter([1.0])}
    asked = []

    def measure(f, size):
        asked.append((f.rank, size))
        return 1 / next(times[f.rank])

    run = two_by_two(train__runtime_measured=2, train__runtime_size=64)
    findings = state.first_findings(run)

    def reward(solved):
        nonlocal findings
        bonus, measured, findings = runtime_reward.pay(solved, findings, run.config.train, measure)
        return bonus, measured

    first, second, third, long = algorithms()
    bonus, measured = reward({0: long, 2: first, 3: second, 5: third, 6: first})
    assert asked == [(7, 64), (7, 64)], "the shortest, each once"
    assert [f.provenance["speedup"] for f in measured] == pytest.approx([1 / 1.5, 2.0])
    # Not measured: the slowest of its rank, or of any.
    assert bonus[[0, 2, 3, 5, 6]] == pytest.approx([-0.75, -0.75, -0.25, -0.75, -0.75])
    assert bonus.dtype == np.float32 and bonus[1] == bonus[4] == bonus[7] == 0
    order = np.random.default_rng(0).permutation(7)
    same = first.replace(u=first.u[:, order], v=first.v[:, order], w=first.w[:, order])
    again, measured = reward({1: same})
    assert again[1] == bonus[2] and not measured, "the order of terms is no new algorithm"
    assert reward({})[0].sum() == 0


def test_games_that_are_paid_more_are_kept():
    programs = shared_programs(settings.from_config(tiny_config()))
    shapes, _ = jax.eval_shape(programs.act, programs.shapes)
    games = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
    length = np.array([2, 2, 2, 3, 2, 2, 2, 2], np.int32)
    solved = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    moves = np.arange(games.returns.shape[1])
    games = games._replace(
        length=length, solved=solved, returns=np.minimum(moves - length[:, None], 0).astype("f4")
    )
    paid = replay.with_bonus(games, np.array([-0.9, -0.2, -0.5, -0.1, -9, 0, 0, 0], "f4"))
    np.testing.assert_allclose(paid.returns[1], [-2.2, -1.2, 0])
    np.testing.assert_allclose(paid.returns[4], games.returns[4], err_msg="not solved")
    one = jax.tree.map(lambda x: x[0], games)
    best = replay.add_best(replay.empty_best(one, 3), paid, slack=1)
    np.testing.assert_allclose(best.games.returns[:, 0], [-2.2, -2.5, -2.9])
    slower = replay.with_bonus(games, paid.bonus - 1)
    again = replay.add_best(best, slower, slack=1)
    np.testing.assert_allclose(again.games.returns[:, 0], best.games.returns[:, 0])


def test_a_run_measures_what_it_finds():
    config = tiny_config(train__runtime_weight=1.0, train__runtime_size=32, train__max_rounds=3)
    turns = loop.train(settings.from_config(config))
    states, reports = zip(*((jax.device_get(x.state), report) for x, report in turns), strict=True)
    timed = [f for r in reports for f in r.found if "speedup" in f.provenance]
    assert timed and all(f.verify().ok and f.provenance["speedup"] > 0 for f in timed)
    best_games = states[-1].best_games
    games = jax.tree.map(lambda x: x[best_games.score > -np.inf], best_games.games)
    assert (games.returns[:, 0] < -games.length).all(), "time is paid for"


@pytest.mark.parametrize(
    "change",
    [
        dict(target="skew3"),
        dict(train__lift=False),
    ],
)
def test_what_cannot_be_timed_is_refused(change):
    with pytest.raises(ValueError, match=r"train\.runtime_weight"):
        settings.from_config(tiny_config(train__runtime_weight=1.0, **change))
