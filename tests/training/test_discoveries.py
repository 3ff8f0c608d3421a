"""Games as verified factorisations."""

import jax
import numpy as np
import pytest
from tiny_run import OVER_Z, tiny_config

from alphatensor import rings
from alphatensor.factorization import naive
from alphatensor.training import discoveries, moves, settings
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
    ranks = [f.rank for f in _records(played, run_settings)]
    assert all(rank <= 8 for rank in ranks), "more terms than the target has entries"


def _records(played, run_settings):
    findings = first_findings(run_settings)
    found, findings = discoveries.new_records(played, findings, run_settings, {"seed": 0})
    assert all(f.verify().ok for f in found)
    assert findings.ranks[0] == (min(f.rank for f in found) if found else None)
    return found


def test_a_game_that_began_well_is_a_record(monkeypatch):
    """Three terms of the naive algorithm, and the rest slice by slice."""
    config = tiny_config(**OVER_Z, target="2x2x2", entries_per_token=4)
    run_settings = settings.from_config(config)
    tensor = run_settings.targets[0].tensor
    terms = moves.to_moves(naive((2, 2, 2), rings.Integers()), 4)[None, :3]
    identity = np.stack([np.eye(4, dtype=np.int32)] * 3)[None]
    played = discoveries.PlayedGames(
        tensor[None].astype(np.int16), terms, np.array([3]), np.array([False]), np.array([0]),
        identity, np.array([-8.0]),
    )  # fmt: skip
    (found,) = _records(played, run_settings)
    assert found.rank == 8 and found.provenance == {"seed": 0, "moves": 3}
    assert not _records(played._replace(total=np.array([-9.0])), run_settings)
    monkeypatch.setattr(discoveries, "LARGEST_ENTRY", 0)
    assert not _records(played, run_settings)
