"""Games as verified factorisations."""

import numpy as np
from tiny_run import tiny_config

from alphatensor.training import discoveries, settings


def test_a_wrong_game_is_not_a_factorisation():
    run_settings = settings.from_config(tiny_config())
    actions = np.zeros((1, 3, 3, 2), np.int8)
    actions[0, 0] = [[1, 0], [1, 0], [1, 0]]
    actions[0, 1] = [[0, 1], [0, 1], [1, 0]]
    identity = np.stack([np.eye(2, dtype=np.int32)] * 3)[None]
    played = discoveries.PlayedGames(
        actions, np.array([2]), np.array([True]), np.array([0]), identity, np.array([-2.0])
    )
    right = discoveries.factorization_of(played, 0, run_settings)
    assert right is not None and right.rank == 2
    wrong = actions.copy()
    wrong[0, 1, 0, 0] = 1
    assert discoveries.factorization_of(played._replace(actions=wrong), 0, run_settings) is None
