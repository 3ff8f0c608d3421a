"""The safe reader: nothing in an archive is executed, and no forged one claims memory."""

import io
import os
import pickle
import stat
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphatensor import factorization as fz
from alphatensor import limits
from alphatensor.factorization.io import npz


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("hostile-was-run",)


def object_array(x):
    array = np.empty(3, object)
    array[:] = [x, x, x]
    return array


@pytest.mark.parametrize(
    "payload", [Hostile(), print, pickle.Unpickler, {"a": 1}, np.random.default_rng, bytearray(2)]
)
def test_pickled_objects_are_refused_and_never_run(tmp_path, monkeypatch, payload):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", **{"2,2,2": object_array(payload)})
    with pytest.raises(fz.FileError, match="x.npz: entry '2,2,2'") as error:
        fz.load("x.npz")
    assert "\n" not in str(error.value)
    assert not os.path.exists("hostile-was-run")


def write_npy(path, name, shape, dtype, data):
    buffer = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", buffer.getvalue() + data)


def test_forged_headers_claim_no_memory(tmp_path):
    path = str(tmp_path / "x.npz")
    for shape, message in [((10,), "4 bytes of data"), ((10**6, 10**6), "the limit")]:
        write_npy(path, "2,2,2", shape, "<i8", b"1234")
        with pytest.raises(fz.FileError, match=message):
            npz.read(path)
    write_npy(path, "2,2,2", (3,), "|O", b"\x80\x02r\xff\xff\xff\x7f.")  # memo index 2^31
    with pytest.raises(fz.FileError, match="pickled array"):
        npz.read(path)


@settings(deadline=None, max_examples=60)
@given(noise=st.binary(max_size=200))
def test_the_unpickler_survives_noise(noise):
    array = io.BytesIO(noise)
    with pytest.raises(npz.FileError):
        npz._unpickle(array, (3,), "noise")


def member(path, dtype, shape, total):
    """Writes an archive with one member of repeated bytes, which packs a thousandfold."""
    header = io.BytesIO()
    fields = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("u.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(header.getvalue())
        for _ in range(total // 2**20):
            stream.write(b"1\0\0\0" * 2**18)


@pytest.mark.parametrize(
    "dtype, shape, mebibytes, message",
    [
        ("|i1", (2**29,), 512, "bytes uncompressed: at most"),
        ("<i8", (2**26,), 200, "more than 33,554,432 entries"),
        ("<U1", (2**24,), 64, "of them text or objects: at most"),
    ],
)
def test_small_archives_with_large_contents_are_refused(tmp_path, dtype, shape, mebibytes, message):
    path = str(tmp_path / "x.npz")
    member(path, dtype, shape, mebibytes * 2**20)
    assert os.path.getsize(path) < 2**20
    tracemalloc.start()
    with pytest.raises(fz.FileError, match=message):
        npz.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23


def test_the_number_of_members_and_of_steps_of_a_pickle_is_limited(tmp_path):
    path = str(tmp_path / "x.npz")
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(limits.MAX_MEMBERS + 1):
            archive.writestr(str(i), b"")
    with pytest.raises(fz.FileError, match="more than 1000 members"):
        npz.read(path)
    write_npy(path, "2,2,2", (3,), "|O", b"]0" * limits.MAX_PICKLE_STEPS)
    with pytest.raises(fz.FileError, match="steps of a pickle"):
        npz.read(path)


def link(name):
    """Returns the entry of an archive that says of itself that it is a symbolic link."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "renamed, message",
    [
        (lambda name, data: [("/" + name, data)], "entry '/alphatensor_version'"),
        (lambda name, data: [("../../" + name, data)], "entry '../../alphatensor_version'"),
        (lambda name, data: [(name, data), (f"../canary-{name}", b"x")], "not an .npy array"),
        (lambda name, data: [(link(name), b"/etc/hostname")], "not an .npy array"),
        (lambda name, data: [(name, data), (f"{name}/", b"")], "not an .npy array"),
        (lambda name, data: [(name, data.replace(b"(1, 4, 7)", b"(1, 4, 2**31)"))], "header|entry"),
    ],
    ids=["absolute", "parent", "canary", "link", "folder", "expression"],
)
def test_archives_are_never_unpacked(tmp_path, renamed, message):
    """Members are read where they lie: links and paths lead nowhere."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/x.npz"
    fz.save(path, fz.strassen())
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            for entry in renamed(name, data):
                archive.writestr(*entry)
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(path)
    assert str(error.value).startswith(str(path)) and str(error.value).isprintable()
    assert [x.name for x in tmp_path.rglob("*")] == ["in", "x.npz"]


def test_denominators_of_zero_are_refused(tmp_path):
    half = fz.sandwich(fz.strassen(), [[2, 0], [0, 1]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    path = tmp_path / "x.npz"
    fz.save(path, half)
    arrays = dict(np.load(path))
    assert arrays["w_denominator"].max() == 2
    np.savez(path, **{**arrays, "w_denominator": arrays["w_denominator"] % 2})
    with pytest.raises(fz.FileError, match="'w_denominator': expected positive integers"):
        fz.load(path)
