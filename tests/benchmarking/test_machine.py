"""What a figure depends on, and the median of repeated calls."""

from benchmarking import machine


def test_facts_name_the_machine():
    facts = machine.facts()
    assert facts["device"] and facts["jax"] and int(facts["cores"]) > 0


def test_seconds_are_those_of_calls_on_the_last_result():
    seconds, last = machine.median_seconds(lambda x: x + 1, 0, repeats=4)
    assert last == 4 and 0 <= seconds < 1
