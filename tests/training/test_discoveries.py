"""Games as verified factorisations."""

import jax
import numpy as np
import pytest
from tiny_run import OVER_Z, tiny_config

from alphatensor.training import discoveries, settings
from alphatensor.training.programs import make_programs
from alphatensor.training.state import first_findings


def test_a_wrong_game_is_not_a_factorisation():
    run_settings = settings.from_config(tiny_config())
    actions = np.zeros((1, 3, 3, 2), np.int8)
    actions[0, 0] = [[1, 0], [1, 0], [1, 0]]
    actions[0, 1] = [[0, 1], [0, 1], [1, 0]]
    identity = np.stack([np.eye(2, dtype=np.int32)] * 3)[None]
    start = np.zeros((1, 2, 2, 2), np.int16)
    played = discoveries.PlayedGames(
        start, actions, np.array([2]), np.array([True]), np.array([0]), identity, np.array([-2.0])
    )
    right = discoveries.factorization_of(played, 0, run_settings)
    assert right is not None and right.rank == 2
    wrong = actions.copy()
    wrong[0, 1, 0, 0] = 1
    assert discoveries.factorization_of(played._replace(actions=wrong), 0, run_settings) is None


@pytest.mark.parametrize("ring", ["Z", "Z2"])
def test_games_without_an_end_are_completed_to_their_true_length(ring):
    config = tiny_config(**(OVER_Z if ring == "Z" else {}), target="2x2x2", entries_per_token=4)
    run_settings = settings.from_config(config)
    programs = make_programs(run_settings)
    games = jax.device_get(programs.act(programs.init())[0])
    played = discoveries.of_games(games)
    unsolved = np.flatnonzero(~played.solved)
    assert len(unsolved)
    for index in unsolved:
        f = discoveries.completed(played, int(index), run_settings)
        assert f is not None and f.verify().ok and f.rank <= -played.total[index]
    findings = first_findings(run_settings)
    found, findings = discoveries.new_records(played, findings, run_settings, {"seed": 0})
    assert found[-1].verify().ok and findings.ranks[0] == min(f.rank for f in found)
    assert found[-1].provenance["moves"] == config.game.max_moves
