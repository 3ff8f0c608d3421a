"""The file of choices: what is stored is read, by this version and by earlier ones."""

import json

import jax
import jax.numpy as jnp
import pytest

from alphatensor.kernels import choice_cache

CHOICE = choice_cache.Choice(
    name="2x2x2:7 unrolled",
    ratio=1.5,
    levels=({"sizes": [2, 2, 2], "u": [["1"]]},),
    schedule="unrolled",
)


def test_what_is_stored_is_read(tmp_path):
    path = tmp_path / "new" / "kernels.json"
    assert choice_cache.read(path, "a") is None, "there is no file"
    choice_cache.store(path, "a", CHOICE)
    choice_cache.store(path, "b", CHOICE._replace(ratio=2.0))
    assert choice_cache.read(path, "a") == CHOICE._replace(levels=list(CHOICE.levels))
    assert choice_cache.read(path, "b").ratio == 2.0 and choice_cache.read(path, "c") is None
    assert [x.name for x in path.parent.iterdir()] == ["kernels.json"], "no temporary file is left"


def test_earlier_versions_can_read_and_be_read(tmp_path):
    path = tmp_path / "kernels.json"
    choice_cache.store(path, "a", CHOICE)
    entry = json.loads(path.read_text())["a"]
    assert entry.keys() == {"name", "ratio", "levels", "schedule", "tile"} and entry["tile"] is None
    path.write_text(json.dumps({"with": entry, "without": {k: entry[k] for k in CHOICE._fields}}))
    assert choice_cache.read(path, "with") == choice_cache.read(path, "without") is not None
    wrong = {"tiled": entry | {"tile": 512}, "odd": 5, "more": entry | {"x": 1}}
    path.write_text(json.dumps(wrong))
    assert [choice_cache.read(path, key) for key in wrong] == [None] * 3


def test_keys_name_the_device_and_the_case():
    one = choice_cache.key((8, 9, 10), jnp.float32)
    assert jax.__version__ in one and one.endswith("8 | 9 | 10 | float32 | None")
    assert one != choice_cache.key((8, 9, 10), jnp.bfloat16)


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_damaged_files_are_named_and_ignored(tmp_path, text):
    path = tmp_path / "kernels.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.warns(UserWarning, match="kernels.json"):
        assert choice_cache.read(path, "a") is None


def test_the_path_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHATENSOR_CACHE", str(tmp_path / "x.json"))
    assert choice_cache.default_path() == tmp_path / "x.json"
    monkeypatch.delenv("ALPHATENSOR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert choice_cache.default_path() == tmp_path / "alphatensor" / "kernels.json"
