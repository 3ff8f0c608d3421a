"""Files are written whole or not at all."""

import os
import stat

import pytest

from alphatensor import files


def test_files_are_written_with_the_users_permissions(tmp_path):
    path = tmp_path / "x.txt"
    old = os.umask(0o027)
    try:
        files.write_text(path, "é\n")
    finally:
        os.umask(old)
    assert path.read_bytes() == "é\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    files.write_bytes(path, b"\x00")
    assert path.read_bytes() == b"\x00" and os.listdir(tmp_path) == ["x.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    files.write_text(path, "old")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(path, fail)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x.txt"]


def test_a_relative_path_needs_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_text("x.txt", "here")
    assert (tmp_path / "x.txt").read_text() == "here"


def test_a_missing_folder_raises(tmp_path):
    with pytest.raises(OSError):
        files.write_text(tmp_path / "missing" / "x.txt", "")
    assert os.listdir(tmp_path) == []


def test_a_locked_folder_is_not_waited_for_without_end(tmp_path):
    again = files.locked(tmp_path, seconds=0.05)
    with files.locked(tmp_path), pytest.raises(TimeoutError, match="locked by another"), again:
        pass
    with files.locked(tmp_path, 0.05):
        pass
    assert list(tmp_path.iterdir()) == []
