"""Progress: a bar on a terminal, a line now and then elsewhere."""

import sys

from alphatensor.training import progress


def test_a_log_gets_lines_now_and_then(capsys):
    times = iter([0.0, 0.0, 1.0, 59.0, 61.0, 61.0])
    with progress.Bar("updates", 10, clock=lambda: next(times)) as bar:
        for done in (0, 1, 2, 30):
            bar.show(done, f"at {done}")
        bar.write("found")
    out, error = capsys.readouterr()
    assert error == "0 of 10 updates: at 0\n10 of 10 updates: at 30\n" and out == "found\n"


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress.Bar("s") as bar:
        bar.show(3, "here")
        bar.write("found")
    out, error = capsys.readouterr()
    assert "\r" in error and "here" in error and "found" in out + error


def test_what_is_not_shown_is_silent(capsys):
    with progress.Bar("s", is_shown=False) as bar:
        bar.show(3, "here")
    assert capsys.readouterr() == ("", "")
