"""Checkpoints: what is written comes back, and damage is noticed."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor.training import checkpoints


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


def restore(keeper, said=None):
    return keeper.restore(shapes(tree()), dict, ([] if said is None else said).append)


def stored(folder, steps=(1, 2, 3), keep=2, for_ever=()):
    keeper = checkpoints.Checkpoints(folder, keep)
    for step in steps:
        keeper.save(step, tree(step), {"step": step}, step in for_ever)
    keeper.wait()
    return keeper


@pytest.fixture(scope="module")
def _three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    stored(folder)
    return folder


@pytest.fixture
def three(_three, tmp_path):
    """A folder with checkpoints 2 and 3 of three that were written."""
    return shutil.copytree(_three, tmp_path / "three")


def files(folder, step):
    return sorted(x for x in (folder / f"{step:012d}").rglob("*") if x.is_file())


def test_what_is_written_comes_back(three):
    state, progress = restore(checkpoints.Checkpoints(three, 2))
    assert equal(state, tree(3)) and progress == {"step": 3}


def test_the_newest_and_the_best_are_kept(tmp_path):
    keeper = stored(tmp_path, steps=range(1, 7), keep=2, for_ever=(2,))
    assert keeper.steps() == [2, 5, 6]
    assert sorted(x.name for x in tmp_path.iterdir() if x.is_dir()) == [
        f"{step:012d}" for step in (2, 5, 6)
    ]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_damage_is_named_and_the_one_before_is_used(three, damage):
    keeper = checkpoints.Checkpoints(three, 2)
    victim = max(files(three, 3), key=lambda x: x.stat().st_size)
    data = bytearray(victim.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    elif damage == "truncate":
        victim.write_bytes(data[:-1])
    elif damage == "remove":
        victim.unlink()
    else:
        (three / "000000000003.json").write_text('{"step": 3, "fi')
    said = []
    state, progress = restore(keeper, said)
    assert equal(state, tree(2)) and progress == {"step": 2}
    assert len(said) == 1 and "000000000003" in said[0] and "\n" not in said[0]
    newest = keeper.progress(dict, said.append)
    assert newest == ({"step": 2} if damage == "manifest" else {"step": 3})
    assert len(said) == (2 if damage == "manifest" else 1)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "5", "null", "{}", '{"step": 3}', "\0", "[" * 100_000]
    + [
        dict(progress=None), dict(progress=[]), dict(progress="x"), dict(files={}),
        dict(files=None), dict(keep_for_ever=None), dict(step=7), dict(step="3"),
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_is_none_is_named(three, content):
    """Whatever stands in the newest manifest, the checkpoint before it is good."""
    keeper, path = checkpoints.Checkpoints(three, 2), three / "000000000003.json"
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content)
    path.write_text(content)
    (three / "notes.json").write_text("[]")
    said = []
    assert restore(keeper, said)[1] == {"step": 2} == keeper.progress(dict, said.append)
    assert len(said) == 2 and all(str(path) in line and "\n" not in line for line in said)
    assert list(checkpoints.manifests(three, said.append)) == [2] and len(said) == 3
    keeper.save(4, tree(4), {"step": 4})
    keeper.wait()
    assert restore(keeper, said)[1] == {"step": 4} and path.read_text() == content


def test_a_progress_that_cannot_be_read_is_named(three):
    keeper, said = checkpoints.Checkpoints(three, 2), []

    def read(progress):
        if progress["step"] == 3:
            raise KeyError("findings")
        return progress["step"]

    assert keeper.restore(shapes(tree()), read, said.append)[1] == 2
    assert len(said) == 1 and "findings" in said[0]


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
        state, progress = restore(keeper)
        assert progress == {"step": step} and equal(state, tree(step))


def test_one_that_was_cut_short_is_not_used(three):
    keeper = checkpoints.Checkpoints(three, 2)
    (three / "000000000003.json").unlink()
    assert keeper.steps() == [2] and restore(keeper)[1] == {"step": 2}


def test_a_step_can_be_written_again(three):
    keeper = checkpoints.Checkpoints(three, 2)
    keeper.save(3, tree(30), {"step": 30})
    keeper.wait()
    assert equal(restore(keeper)[0], tree(30))


def test_a_file_system_that_refuses_is_reported(tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    keeper = checkpoints.Checkpoints(tmp_path / "occupied", 2)
    with pytest.raises(checkpoints.CheckpointError, match="occupied.*could not be written"):
        keeper.save(1, tree(), {})
        keeper.wait()
