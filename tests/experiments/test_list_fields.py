"""The page of all fields is the one that the command writes today."""

import pathlib

from experiments import list_fields

ROOT = pathlib.Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    assert (ROOT / "experiments/configs/FIELDS.md").read_text() == list_fields.text()
