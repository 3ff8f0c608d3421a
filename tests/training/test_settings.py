"""What a configuration may hold, and what mistakes in it get."""

import jax
import pytest
from tiny_run import OVER_Z, tiny_config

from alphatensor.config import Config, ConfigError
from alphatensor.training import config as config_lib
from alphatensor.training import settings
from experiments.configs import (
    attentive,
    hybrid,
    integers,
    matmul_2x2x2,
    neighbourhood,
    paper,
    quickstart,
    skew,
)


def sections(kind: type[Config]):
    for field in config_lib.dataclasses.fields(kind):
        if inner := field.metadata.get("section"):
            yield field.name, inner
            yield from sections(inner)


def test_a_section_is_called_what_its_type_is_called():
    found = dict(sections(config_lib.RunConfig))
    assert len(found) == 10
    for name, kind in found.items():
        assert kind.__name__ == f"{name.capitalize()}Config"


@pytest.mark.parametrize(
    "module", [attentive, hybrid, integers, matmul_2x2x2, neighbourhood, paper, quickstart, skew]
)
def test_every_configuration_of_the_project_is_right(module):
    config = settings.from_config(module.get_config()).config
    again = config_lib.RunConfig.from_dict(config.to_dict())
    assert again == config and hash(again) == hash(config)


def test_configurations_are_made_by_name_from_python():
    config = config_lib.RunConfig(target="2x2x2", search=config_lib.AgentConfig().search)
    assert settings.from_config(config).agent.game.side == 4
    with pytest.raises(TypeError):
        config_lib.RunConfig(0)


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
        (dict(num_tokens=1), ["num_tokens", "no such field"]),
        (dict(search__depth=1), ["search.depth", "no such field"]),
        (dict(train__flip_seconds=float("nan")), ["train.flip_seconds", "number"]),
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
    config = tiny_config(**OVER_Z | changes)
    with pytest.raises(ConfigError) as caught:
        settings.from_config(config)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words)


def test_devices_must_share_the_batch(monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    monkeypatch.setattr(jax, "devices", lambda: ["cpu"] * 3)
    with pytest.raises(ValueError, match="train.games=8: expected a multiple of the 3 devices"):
        settings.from_config(tiny_config())
