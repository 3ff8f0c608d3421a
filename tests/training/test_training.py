"""A whole tiny run, its outputs, its limits, and what mistakes get."""

import csv
import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from tiny_run import tiny_config

from alphatensor import factorization
from alphatensor.training import discoveries as records
from alphatensor.training import loop as training
from alphatensor.training import run_folder, settings

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    config = tiny_config()
    config.output = str(tmp_path_factory.mktemp("runs") / "tiny")
    run_settings = settings.from_config(config)
    with run_folder.RunFolder(config.output) as folder:
        folder.open(config.to_dict())
        for state, report in training.train(run_settings):
            folder.record(report)
            digest = jax.device_get(jax.tree.leaves(state.learner.params))
        text = folder.summarise()
    return run_settings, folder, report, text, digest


def test_a_tiny_run_finds_the_rank(finished):
    _, folder, report, text, _ = finished
    assert report.best == (2,)
    (stored,) = factorization.load(folder.path / "1x2x1_rank2_Z.npz")
    assert stored.verify().ok and stored.rank == 2
    assert stored.provenance["engine"] == "agent" and stored.provenance["seed"] == 0
    assert json.loads(stored.provenance["config"])["target"] == "1x2x1"
    assert "rank 2" in text and "m2 = " in text
    assert (folder.path / "summary.txt").read_text().strip() == text.strip()


def test_a_run_leaves_curves_and_pictures(finished):
    _, folder, report, _, _ = finished
    with (folder.path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert int(rows[-1]["updates"]) == report.updates
    assert all(np.isfinite(float(row["loss/policy"])) for row in rows)
    assert list(folder.path.glob("events.out.tfevents*"))
    for name in ("summary.png", "1x2x1_rank2_Z.png"):
        assert (folder.path / name).read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_run(finished):
    run_settings, _, report, _, digest = finished
    for state, again in training.train(run_settings):
        same, last = jax.device_get(jax.tree.leaves(state.learner.params)), again
    assert last.updates == report.updates and last.best == report.best
    assert all(np.array_equal(a, b) for a, b in zip(digest, same, strict=True))


def test_each_program_is_compiled_once():
    """A leaf that changes its type or sharding between calls would compile everything again."""
    config = tiny_config(train__updates_per_call=1, train__warmup_updates=1)
    config.train.updates_per_round = 1
    programs = training.make_programs(settings.from_config(config))
    state = programs.init()
    for _ in range(2):
        state, _ = programs.learn(state, jax.numpy.array([0.5, 0.25, 0.25]))
        games, _ = programs.act(state)
        state = programs.store(state, games, np.zeros(len(games.length), np.float32))
    for program in (programs.learn, programs.act, programs.store):
        assert program._cache_size() == 1


def test_solutions_mod_2_are_lifted():
    config = tiny_config(ring="Z2", entries=(0, 1), train__lift=True)
    config.demonstrations.probabilities = (0.5, 0.5)
    for _, report in training.train(settings.from_config(config)):
        found = report.found
    assert report.best == (2,)
    assert [str(f.ring) for f in found[-2:]] == ["Z2", "Z"]
    assert all(f.verify().ok and f.rank == 2 for f in found)


def test_a_mixture_of_formats_in_one_batch():
    config = tiny_config(target="1x2x1,2x1x1,1x1x1", train__goal=(2, 2, 1), train__games=16)
    with config.ignore_type():
        config.train.game_buffer = 32
        config.train.max_rounds = 20
    mixed = settings.from_config(config)
    reports = [report for _, report in training.train(mixed)]
    assert reports[-1].best == (2, 2, 1)
    names = {(f.target.name, f.rank) for report in reports for f in report.found}
    assert names >= {("1x2x1", 2), ("2x1x1", 2), ("1x1x1", 1)}


def test_a_wrong_game_is_not_a_factorisation():
    run_settings = settings.from_config(tiny_config())
    actions = np.zeros((1, 3, 3, 2), np.int8)
    actions[0, 0] = [[1, 0], [1, 0], [1, 0]]
    actions[0, 1] = [[0, 1], [0, 1], [1, 0]]
    identity = np.stack([np.eye(2, dtype=np.int32)] * 3)[None]
    played = records.Played(
        actions, np.array([2]), np.array([True]), np.array([0]), identity, np.array([-2.0])
    )
    right = records.factorization_of(played, 0, run_settings)
    assert right is not None and right.rank == 2
    wrong = actions.copy()
    wrong[0, 1, 0, 0] = 1
    assert records.factorization_of(played._replace(actions=wrong), 0, run_settings) is None


def test_a_nan_stops_the_run_with_its_state(tmp_path):
    config = tiny_config(learner__learning_rate=1e30)
    run_settings = settings.from_config(config)
    with (
        run_folder.RunFolder(str(tmp_path)) as folder,
        pytest.raises(training.NonFiniteLossError, match="learning_rate") as caught,
    ):
        for _ in training.train(run_settings):
            pass
    path = folder.save_failed_state(caught.value.state)
    with np.load(path) as stored:
        assert any("params" in name for name in stored)


def test_a_run_goes_on_more_slowly_after_one_bad_loss():
    run_settings = settings.from_config(tiny_config(train__max_rounds=2, train__goal=()))
    programs, calls = training.make_programs(run_settings), []

    def learn(state, mixture):
        state, losses = programs.learn(state, mixture)
        calls.append(float(state.learner.rate))
        return state, losses._replace(finite=losses.finite & (len(calls) != 1))

    reports = [r for _, r in training.train(run_settings, programs._replace(learn=learn))]
    assert reports[-1].rounds == 2
    assert calls[0] == 1.0 and np.allclose(calls[1:], training.LOWERED_RATE) and len(calls) > 1
    assert reports[-1].scalars["loss/rate"] == pytest.approx(training.LOWERED_RATE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(target="2x2"), ["target", "three positive sizes"]),
        (dict(target="2x0x2"), ["target", "2x0x2"]),
        (dict(target="strassen"), ["target", "strassen"]),
        (dict(target="missing.npy"), ["target", "no such file"]),
        (dict(ring="Z4"), ["ring", "prime"]),
        (dict(entries=()), ["entries", "()"]),
        (dict(entries=(-1, 0, 0.5)), ["entries", "0.5"]),
        (dict(entries=(0, 1)), ["entries", "negation"]),
        (dict(num_tokens=1), ["num_tokens", "cover"]),
        (dict(game__max_moves=0), ["game.max_moves", "0", "at least 1"]),
        (dict(train__mixture=(0.5, 0.4, 0.2)), ["train.mixture", "sum to 1"]),
        (dict(train__games=0), ["train.games"]),
        (dict(train__goal=(2, 3)), ["train.goal", "1 targets"]),
        (dict(train__lift=True), ["train.lift", "Z2"]),
        (dict(search__q_transform="max"), ["search.q_transform", "min_max"]),
        (dict(demonstrations__max_rank=0), ["demonstrations.max_rank"]),
        (dict(network__risk=1.0), ["network.risk"]),
        (dict(bases__density=2), ["bases.density", "probability"]),
    ],
)
def test_mistakes_name_the_field(changes, words):
    config = tiny_config()
    with config.ignore_type():
        for field, value in changes.items():
            section, _, name = field.rpartition("__")
            (config[section] if section else config)[name] = value
    with pytest.raises(ValueError, match=r"^--config\.") as caught:
        settings.from_config(config)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words)


def test_devices_must_share_the_batch(monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    monkeypatch.setattr(jax, "devices", lambda: ["cpu"] * 3)
    with pytest.raises(ValueError, match="train.games=8: expected a multiple of the 3 devices"):
        settings.from_config(tiny_config())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--config=nowhere.py"], "nowhere.py"),
        ([], "--config"),
        (["--config={root}/experiments/configs/quickstart.py", "--config.target=2x2"], "2x2"),
        (["--config={root}/experiments/configs/quickstart.py", "--config.nothing=1"], "nothing"),
        (
            ["--config={root}/experiments/configs/quickstart.py", "--config.output=/proc/runs"],
            "config.output",
        ),
    ],
)
def test_the_command_ends_with_one_line_and_status_2(flags, words):
    command = [sys.executable, "-m", "experiments.train", *(f.format(root=ROOT) for f in flags)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
