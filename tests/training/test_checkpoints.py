"""Checkpoints: what is written comes back, damage is noticed, runs go on bit for bit."""

import pathlib
import random
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor.training import checkpoints

ROOT = pathlib.Path(__file__).parents[2]


def tree(seed: int = 0):
    key = jax.random.key(seed)
    small = jax.random.randint(key, (3, 3), -9, 9, jnp.int8)
    return {"weights": jax.random.normal(key, (50, 7)), "games": (small, jnp.array([True, False]))}


def shapes(state):
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
    )


def equal(a, b) -> bool:
    same = jax.tree.map(lambda x, y: x.dtype == y.dtype and np.array_equal(x, y), a, b)
    return all(jax.tree.leaves(same))


def stored(folder, steps=(1, 2, 3), keep=2, for_ever=()):
    keeper = checkpoints.Checkpoints(folder, keep)
    for step in steps:
        keeper.save(step, tree(step), {"step": step}, step in for_ever)
    keeper.wait()
    return keeper


def files(folder, step):
    return sorted(x for x in (folder / f"{step:012d}").rglob("*") if x.is_file())


def test_what_is_written_comes_back(tmp_path):
    stored(tmp_path)
    state, progress = checkpoints.Checkpoints(tmp_path, 2).restore(shapes(tree()), print)
    assert equal(state, tree(3)) and progress == {"step": 3}


def test_the_newest_and_the_best_are_kept(tmp_path):
    keeper = stored(tmp_path, steps=range(1, 7), keep=2, for_ever=(2,))
    assert keeper.steps() == [2, 5, 6]
    assert sorted(x.name for x in tmp_path.iterdir() if x.is_dir()) == [
        f"{step:012d}" for step in (2, 5, 6)
    ]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_damage_is_named_and_the_one_before_is_used(tmp_path, damage):
    keeper = stored(tmp_path)
    victim = max(files(tmp_path, 3), key=lambda x: x.stat().st_size)
    data = bytearray(victim.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    elif damage == "truncate":
        victim.write_bytes(data[:-1])
    elif damage == "remove":
        victim.unlink()
    else:
        (tmp_path / "000000000003.json").write_text('{"step": 3, "fi')
    said = []
    state, progress = keeper.restore(shapes(tree()), said.append)
    assert equal(state, tree(2)) and progress == {"step": 2}
    assert len(said) == 1 and "000000000003" in said[0] and "\n" not in said[0]
    assert keeper.progress() == ({"step": 2} if damage == "manifest" else {"step": 3})


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("damage", ["array", "manifest"])
def test_a_damaged_one_takes_no_place_from_good_ones(tmp_path, damage, keep):
    keeper = stored(tmp_path, steps=(10, 20, 30), keep=3)
    if damage == "array":
        max(files(tmp_path, 30), key=lambda x: x.stat().st_size).write_bytes(b"")
    else:
        (tmp_path / "000000000030.json").write_text('{"st')
    keeper = checkpoints.Checkpoints(tmp_path, keep)
    for step in (25, 35, 45, 55):
        keeper.save(step, tree(step), {"step": step})
        keeper.wait()
        state, progress = keeper.restore(shapes(tree()), [].append)
        assert progress == {"step": step} and equal(state, tree(step))


def test_one_that_was_cut_short_is_not_used(tmp_path):
    keeper = stored(tmp_path)
    (tmp_path / "000000000003.json").unlink()
    assert keeper.steps() == [2] and keeper.restore(shapes(tree()), print)[1] == {"step": 2}


def test_a_step_can_be_written_again(tmp_path):
    keeper = stored(tmp_path)
    keeper.save(3, tree(30), {"step": 30})
    keeper.wait()
    assert equal(keeper.restore(shapes(tree()), print)[0], tree(30))


def test_a_file_system_that_refuses_is_reported(tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    keeper = checkpoints.Checkpoints(tmp_path / "occupied", 2)
    with pytest.raises(checkpoints.CheckpointError, match="occupied.*could not be written"):
        keeper.save(1, tree(), {})
        keeper.wait()


WRITER = """
import pathlib, sys, jax, jax.numpy as jnp
from alphatensor.training import checkpoints
keeper = checkpoints.Checkpoints(sys.argv[1], 2)
like = {"step": jnp.zeros((), jnp.int32), "big": jnp.zeros((300_000,), jnp.float32)}
shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), like)
restored = keeper.restore(shapes, print)
state = like if restored is None else restored[0]
if restored is not None:
    assert int(state["step"]) == restored[1]["step"]
    assert bool(jnp.all(state["big"] == state["step"]))
print("ready", int(state["step"]), flush=True)
while True:
    state = jax.tree.map(lambda x: x + 1, state)
    keeper.save(int(state["step"]), state, {"step": int(state["step"])})
    print("saving", flush=True)
"""


def test_no_kill_leaves_a_wrong_checkpoint(tmp_path):
    """A process that does nothing but write is killed 17 times at random moments of its writing."""
    moments, reached = random.Random(0), []
    for _ in range(17):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            word, step = process.stdout.readline().split()
            assert word == "ready"
            reached.append(int(step))
            for _ in range(moments.randrange(1, 5)):
                process.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.1))
            process.kill()
    assert reached == sorted(reached) and reached[-1] >= 8
