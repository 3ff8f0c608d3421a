"""Processes that are killed at random moments end as if they had never been killed."""

import kill_harness
import killed_runs
import pytest
import tiny_run

from alphatensor import factorization as fz
from alphatensor.factorization.library import store
from alphatensor.training import loop, runner, runtime_reward

ROUNDS = 3 * (1 + kill_harness.KILLS)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Folders of runs that were never killed, and of the same runs after kills."""
    folder = tmp_path_factory.mktemp("kills")
    with pytest.MonkeyPatch.context() as patch:  # `train_all` sets these
        for module, name in (
            (loop, "make_programs"),
            (runner, "make_programs"),
            (runtime_reward, "measure_speedup"),
        ):
            patch.setattr(module, name, getattr(module, name))
        killed_runs.train_all(folder / "whole", ROUNDS)
    script = kill_harness.script("killed_runs.py")
    said = kill_harness.killed_and_gone_on([script, folder / "killed", str(ROUNDS)], seed=0)
    assert any("Going on from update" in line for line in said), "".join(said)
    return folder / "whole", folder / "killed"


@pytest.mark.parametrize("kind", killed_runs.KINDS)
def test_runs_end_bit_for_bit_as_without_kills(both, kind):
    whole, killed = (folder / kind for folder in both)
    tiny_run.assert_same_ends(whole, killed)
    findings = tiny_run.last_state(killed)["findings"]
    assert bool(findings["walk_starts"]) == (kind != "plain")
    assert bool(findings["run_times"]) == (kind == "hybrid")
    names = [sorted(path.name for path in folder.glob("*.npz")) for folder in (whole, killed)]
    assert names[0] == names[1] and (names[0] or kind == "sums")


def test_a_library_stays_whole(tmp_path):
    script = kill_harness.script("killed_search.py")
    kill_harness.killed_and_gone_on([script, tmp_path, "4"], seed=1)
    found = {path.stem: fz.load(path) for path in tmp_path.glob("*.npz")}
    assert {"1x2x2_Z2", "2x2x2_Z2"} <= found.keys()
    assert all(len(fs) == 1 and fs[0].verify().ok for fs in found.values())
    pools = [fz.load(path) for path in (tmp_path / "pools").glob("*.npz")]
    assert pools and all(f.verify().ok for fs in pools for f in fs)
    assert {key: entry["rank"] for key, entry in store.index(tmp_path).items()} == {
        key: fs[0].rank for key, fs in found.items()
    }


def test_no_kill_leaves_a_wrong_checkpoint(tmp_path):
    """The process itself checks what it restores."""
    script = kill_harness.script("killed_checkpoints.py")
    last = 5 * kill_harness.KILLS
    said = kill_harness.killed_and_gone_on([script, tmp_path, str(last)], seed=2)
    reached = [int(line.split()[1]) for line in said if line.startswith("from")]
    assert len(reached) == kill_harness.KILLS + 1 and reached == sorted(reached)
    assert f"step {last}\n" in said and reached[-1] > 0
