"""The file of choices: what is stored is read, nothing is lost, and bad content does no harm."""

import concurrent.futures
import copy
import json
import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alphatensor
from alphatensor import factorization as fz
from alphatensor.kernels import choice_cache, tuning

CHOICE = choice_cache.Choice(
    name="2x2x2:7 unrolled", ratio=1.5, levels=(fz.strassen(),), schedule="unrolled"
)


def test_what_is_stored_is_read(tmp_path):
    path = tmp_path / "new" / "kernels.json"
    assert choice_cache.read(path, "a") is None, "there is no file"
    choice_cache.store(path, "a", CHOICE)
    choice_cache.store(path, "b", CHOICE._replace(ratio=2.0))
    found = choice_cache.read(path, "a")
    assert found._replace(levels=()) == CHOICE._replace(levels=())
    for x, y in zip(found.levels[0].factors, CHOICE.levels[0].factors, strict=True):
        np.testing.assert_array_equal(x, y)
    assert choice_cache.read(path, "b").ratio == 2.0 and choice_cache.read(path, "c") is None
    assert [x.name for x in path.parent.iterdir()] == ["kernels.json"], "nothing else is left"


def test_earlier_versions_can_read_and_be_read(tmp_path):
    path = tmp_path / "kernels.json"
    choice_cache.store(path, "a", CHOICE)
    entry = json.loads(path.read_text())["a"]
    assert entry.keys() == {"name", "ratio", "levels", "schedule", "tile"} and entry["tile"] is None
    path.write_text(json.dumps({"with": entry, "without": {k: entry[k] for k in CHOICE._fields}}))
    assert choice_cache.read(path, "with").name == choice_cache.read(path, "without").name
    other = {"tiled": entry | {"tile": 512}, "more": entry | {"x": 1}}
    path.write_text(json.dumps(other))
    assert [choice_cache.read(path, key) for key in other] == [None] * 2


def test_keys_name_the_device_and_the_case():
    one = choice_cache.key((8, 9, 10), jnp.float32)
    assert jax.__version__ in one and one.endswith("8 | 9 | 10 | float32 | None")
    assert one != choice_cache.key((8, 9, 10), jnp.bfloat16)
    assert choice_cache.key((8, 9, 10), jnp.float32, accuracy="scaled") == f"{one} | scaled"


def edited(**changes):
    """Returns a function that changes fields of an entry or of its only level."""

    def change(entry):
        entry = copy.deepcopy(entry)
        for name, value in changes.items():
            (entry if name in entry else entry["levels"][0])[name] = value
        return entry

    return change


ONE = [["1"]]
BAD_ENTRIES = {
    "no table": lambda entry: 5,
    "wrong factors": edited(u=[["2"] * 7] * 4),
    "other shapes": edited(u=ONE, v=ONE, w=ONE),
    "ragged": edited(u=[["1"], ["1", "1"]]),
    "empty": edited(u=[]),
    "zero denominators": edited(u=[["1/0"] * 7] * 4),
    "numbers without end": edited(u=[["1e10000000"] * 7] * 4),
    "numbers, not text": edited(u=[[1] * 7] * 4),
    "sizes": edited(sizes=[2, 2]),
    "large sizes": edited(sizes=[10**9] * 3),
    "no levels": edited(levels=None),
    "empty levels": edited(levels=[]),
    "many levels": lambda entry: entry | {"levels": entry["levels"] * 30},
    "a schedule": edited(schedule="fastest"),
    "a schedule that is a list": edited(schedule=[]),
    "a ratio": edited(ratio="fast"),
    "a name": edited(name=None),
    "a missing field": lambda entry: {k: x for k, x in entry.items() if k != "levels"},
}
BAD_FILES = {
    "half": b'{"a": ',
    "a list": b"[1]",
    "no text": b"\xff",
    "deep": b"[" * 100_000,
    "a deep entry": b'{"a": ' + b"[" * 100_000,
    "many digits": b'{"a": ' + b"1" * 10_000 + b"}",
    "nothing": b"",
}


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    """The file of choices with one entry, for float32 matrices of 4x4."""
    path = tmp_path / "kernels.json"
    monkeypatch.setenv("ALPHATENSOR_CACHE", str(path))
    choice_cache.store(path, choice_cache.key((4, 4, 4), "float32"), CHOICE)
    tuning.kernel_for.cache_clear()
    yield path
    tuning.kernel_for.cache_clear()


def check_that_matmul_works_and_warns_once(path):
    a = jnp.arange(16.0).reshape(4, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            tuning.kernel_for.cache_clear()
            np.testing.assert_array_equal(alphatensor.matmul(a, a), a @ a)
    (warning,) = caught
    assert str(warning.message).startswith(f"{path}: ignored")
    assert len(str(warning.message).splitlines()) == 1


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_bad_entries_are_jnp_and_named_once(tuned, name):
    content = json.loads(tuned.read_text())
    bad = {key: BAD_ENTRIES[name](entry) for key, entry in content.items()}
    tuned.write_text(json.dumps(bad))
    check_that_matmul_works_and_warns_once(tuned)


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_jnp_and_set_aside_by_the_next_choice(tuned, name):
    tuned.write_bytes(BAD_FILES[name])
    check_that_matmul_works_and_warns_once(tuned)
    with pytest.warns(UserWarning, match="set aside as kernels.json.damaged"):
        choice_cache.store(tuned, "a", CHOICE)
    assert choice_cache.read(tuned, "a").name == CHOICE.name
    assert tuned.with_name("kernels.json.damaged").read_bytes() == BAD_FILES[name]


def test_pipes_are_not_waited_for(tuned):
    tuned.unlink()
    os.mkfifo(tuned)
    check_that_matmul_works_and_warns_once(tuned)


def test_no_entry_is_lost_where_several_store(tmp_path):
    path = tmp_path / "kernels.json"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: choice_cache.store(path, f"{k}", CHOICE), range(40)))
    assert len(json.loads(path.read_text())) == 40


def test_a_file_that_cannot_be_written_loses_nothing_in_this_process(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "kernels.json"
    with pytest.warns(UserWarning, match="for this process only"):
        choice_cache.store(path, "a", CHOICE)
    assert choice_cache.read(path, "a") is CHOICE


def test_the_path_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHATENSOR_CACHE", str(tmp_path / "x.json"))
    assert choice_cache.default_path() == tmp_path / "x.json"
    monkeypatch.delenv("ALPHATENSOR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert choice_cache.default_path() == tmp_path / "alphatensor" / "kernels.json"
