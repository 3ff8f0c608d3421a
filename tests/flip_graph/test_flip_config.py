"""The settings of a search: defaults, and mistakes that are named."""

import pytest

from alphatensor.config import ConfigError, describe
from alphatensor.flip_graph import KINDS, FlipSearchConfig


def test_defaults_are_settings_of_a_search():
    config = FlipSearchConfig()
    assert config.ring == "Z2" and config.symmetries == tuple(KINDS)
    assert config.turns == ("descent", "best", "symmetric", "integers")
    assert config.order == "turns"
    assert all(doc.endswith(".") for _, _, doc in describe(FlipSearchConfig))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("ring", "Z5", "one of 'Z', 'Z2', 'Z3'"),
        ("walkers", 0, "at least 1"),
        ("margin", 0, "at least 1"),
        ("slice_seconds", 0.0, "above 0"),
        ("turns", (), "some of 'descent'"),
        ("order", "ranks", "one of 'turns', 'gaps'"),
        ("symmetries", ("mirror",), "some of 'reversal', 'rotation'"),
        ("symmetries", ("rotation (2, x)",), "some of 'reversal', 'rotation'"),
    ],
)
def test_mistakes_are_named(field, value, words):
    with pytest.raises(ConfigError, match=words) as caught:
        FlipSearchConfig(**{field: value})
    assert caught.value.field == field
