"""The safe reader: nothing in an archive is executed, and no forged one claims memory."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphatensor import factorization as fz
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
    write_npy(path, "2,2,2", (10**6, 10**6), "<i8", b"1234")
    with pytest.raises(fz.FileError, match="4 bytes of data"):
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
