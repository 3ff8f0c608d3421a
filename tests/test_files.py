"""Files are written whole or not at all."""

import fcntl
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


def test_only_regular_files_of_a_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "zeros")
    (tmp_path / "big").write_bytes(b"12345")
    for name, message in [
        ("pipe", "not a regular file"),
        ("zeros", "not a regular file"),
        ("", "is a folder"),
        ("big", "larger than 4 bytes"),
        ("missing", "no such file"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(files.FileError, match=message):
            files.read(f"{tmp_path}/{name}", 4)
    assert files.read(tmp_path / "big", 5) == b"12345"


def test_errors_are_one_printable_line():
    assert str(files.FileError("a\nb\x1b[2J\u202ec é")) == "a\\nb\\x1b[2J\\u202ec é"


def test_leftovers_of_dead_writers_are_removed_and_those_of_others_are_not(tmp_path):
    for name in ("dead", "alive"):
        (tmp_path / f"{files.TEMPORARY}{name}").write_text("half")
    with open(tmp_path / f"{files.TEMPORARY}alive") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        files.remove_leftovers(tmp_path)
        assert os.listdir(tmp_path) == [f"{files.TEMPORARY}alive"]

    def remove(file):
        files.remove_leftovers(tmp_path)
        file.write(b"whole")

    files.write(tmp_path / "x.txt", remove)  # its own temporary file stays
    assert (tmp_path / "x.txt").read_text() == "whole" and os.listdir(tmp_path) == ["x.txt"]


def test_a_lock_is_waited_for_and_not_for_ever(tmp_path):
    with (
        files.locked(tmp_path, 1),
        pytest.raises(files.FileError, match="another process"),
        files.locked(tmp_path, 0.05),
    ):
        pass
    with files.locked(tmp_path, 0.05):
        pass
