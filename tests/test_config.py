"""Configurations: fields check themselves, wherever they are made."""

import dataclasses

import pytest
from ml_collections import ConfigDict

from alphatensor.config import (
    Config,
    ConfigError,
    boolean,
    describe,
    differences,
    help_text,
    integer,
    integers,
    number,
    one_of,
    probability,
    require,
    section,
    setting,
    shares,
    some_of,
    text,
)


@dataclasses.dataclass(frozen=True)
class InnerConfig(Config):
    """A section."""

    rate: float = setting(0.5, probability(), "Share of something.")
    names: tuple[str, ...] = setting(("a",), some_of(("a", "b")), "Some names.")


@dataclasses.dataclass(frozen=True)
class OuterConfig(Config):
    """A configuration with a section."""

    count: int = setting(3, integer(least=1), "Number of things.")
    label: str = setting("x", text(), "What it is called.", is_free=True)
    inner: InnerConfig = section(InnerConfig)

    def check(self) -> None:
        require("count", self.count, self.count != 13, "a number other than 13")


def test_defaults_changes_and_hashes():
    config = OuterConfig(count=4)
    assert config.inner.rate == 0.5 and config.replace(count=5).count == 5
    assert hash(config) == hash(OuterConfig(count=4)) and config != OuterConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.count = 5
    with pytest.raises(TypeError):
        OuterConfig(4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (dict(count=0), "count=0: expected an integer of at least 1 and below 2^31."),
        (dict(count=True), "count=True: expected an integer of at least 1"),
        (dict(count=13), "count=13: expected a number other than 13."),
        (dict(inner=dict(rate=2)), "inner.rate=2: expected a probability from 0 to 1."),
        (dict(inner=dict(rate=float("nan"))), "inner.rate=nan: expected a probability"),
        (dict(inner=dict(names=("c",))), "inner.names=('c',): expected some of 'a', 'b'."),
        (dict(inner=3), "inner=3: expected a section with fields."),
        (dict(other=1), "other=1: expected no such field; there are count, label, inner."),
        (dict(inner=dict(x=1)), "inner.x=1: expected no such field"),
    ],
)
def test_mistakes_name_field_value_and_remedy(values, message):
    with pytest.raises(ConfigError) as caught:
        OuterConfig.from_dict(values)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_config_dicts_go_both_ways():
    given = OuterConfig.to_config_dict(count=7)
    assert isinstance(given, ConfigDict) and given.inner.names == ("a",)
    given.inner.rate = 0.25
    config = OuterConfig.from_dict(given)
    assert config.count == 7 and config.inner.rate == 0.25
    assert OuterConfig.from_dict({"inner": {"names": ["b"]}}).inner.names == ("b",)
    assert OuterConfig.from_dict({"inner": {"names": "b"}}).inner.names == ("b",)


def test_differences_pass_over_free_fields():
    old, new = OuterConfig(label="y"), OuterConfig(count=4, inner=InnerConfig(rate=0.1))
    found = list(differences(OuterConfig, old.to_dict(), new.to_dict()))
    assert found == [("count", 3, 4), ("inner.rate", 0.5, 0.1)]
    stored = old.to_dict() | {"gone": 1}
    assert ("gone", 1, None) in differences(OuterConfig, stored, old.to_dict())


def test_every_field_is_described():
    paths = [path for path, _, _ in describe(OuterConfig)]
    assert paths == ["count", "label", "inner.rate", "inner.names"]
    assert "--config.inner.rate (default 0.5)" in help_text(OuterConfig)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (integer(least=1, most=3), [1, 3], [0, 4, 1.0, True, "1"]),
        (number(least=0), [0, 0.5], [-1, float("inf"), float("nan"), "0", True]),
        (boolean(), [True, False], [0, 1, "True"]),
        (one_of("a", "b"), ["a"], ["c", 1]),
        (integers(least=0), [(), (0, 2)], [(-1,), (0.5,), [1], 1]),
        (shares(2), [(0.5, 0.5)], [(0.5,), (1.5, -0.5), (0.5, 0.6), 1]),
    ],
)
def test_checks(check, right, wrong):
    assert all(check.accepts(x) for x in right)
    assert not any(check.accepts(x) for x in wrong)
