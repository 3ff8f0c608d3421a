"""Files: round trips in every format, and what unusable or damaged ones get."""

import json
import os
import pathlib
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from algorithms import gaussian

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization.io import formats

FOLDER = pathlib.Path(__file__).parents[3] / "factorizations"
Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()
RECTANGULAR = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), Z)).replace(provenance={"seed": 3})
RATIONAL = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], np.eye(2, dtype=int), np.eye(2, dtype=int))
HUGE = STRASSEN.replace(u=STRASSEN.u.astype(object) * 10**30, v=STRASSEN.v * Fraction(1, 10**30))
SKEW = fz.Factorization(
    targets.skew_matvec(2), Z, [[1, 1]], [[1, 0], [0, 1]], [[0, 1], [-1, 0]], {"by": "definition"}
)


def equal(f, g):
    same = f.target.name == g.target.name and f.ring == g.ring
    return same and all(map(np.array_equal, f.factors, g.factors))


@pytest.mark.parametrize("format_", formats.FORMATS, ids=lambda format_: format_.ending)
@pytest.mark.parametrize(
    "f",
    [
        STRASSEN,
        fz.rotate(RECTANGULAR),
        RATIONAL,
        fz.reduce_mod(RATIONAL, 2),
        gaussian(RECTANGULAR),
        fz.naive((1, 2, 11), Z),
    ],
    ids=["strassen", "rectangular", "rational", "mod2", "gaussian", "wide"],
)
def test_round_trips(tmp_path, format_, f):
    path = tmp_path / f"f{format_.ending}"
    if (not f.is_real and not format_.is_complex) or (
        f.domain == "Q" and format_.ending == ".alphatensor.npz"
    ):
        with pytest.raises(fz.FileError, match="integer|Gaussian coefficients"):
            fz.save(path, f)
        assert not os.listdir(tmp_path)
        return
    fz.save(path, f)
    (g,) = fz.load(path, f.ring)
    assert equal(f, g) and g.verify().ok
    names = [path.name.replace("_L.", f"_{x}.") for x in "LPR"]
    assert sorted(os.listdir(tmp_path)) == sorted(set(names))
    elsewhere = tmp_path / path.name.replace(".", ".other")  # what it holds decides, not its name
    if "_L" not in path.name:
        path.rename(elsewhere)
        assert equal(f, fz.load(elsewhere, f.ring)[0])


def test_the_readme_lists_exactly_the_formats():
    table = (FOLDER / "README.md").read_text().split("| ending |")[1].split("\n\n")[0]
    rows = [line.split("|")[1].split("`")[1] for line in table.splitlines()[2:]]
    assert rows and sorted(rows) == sorted(x.ending for x in formats.FORMATS)


@pytest.mark.parametrize("ending", [x.ending for x in formats.FORMATS if x.holds != "one"])
def test_several_algorithms_share_a_file(tmp_path, ending):
    fs = [STRASSEN, STRASSEN if ending == ".npz" else RECTANGULAR]
    fz.save(tmp_path / f"f{ending}", fs)
    assert all(map(equal, fs, fz.load(tmp_path / f"f{ending}")))


@pytest.mark.parametrize("ending", [x.ending for x in formats.FORMATS if x.holds == "one"])
def test_what_holds_one_algorithm_refuses_two(tmp_path, ending):
    with pytest.raises(fz.FileError, match="2 factorisations: this format holds one"):
        fz.save(tmp_path / f"f{ending}", [STRASSEN, STRASSEN])


@pytest.mark.parametrize("f", [HUGE, SKEW, RECTANGULAR])
def test_the_projects_own_format_keeps_everything(tmp_path, f):
    fz.save(tmp_path / "f.npz", [f, f])
    for g in fz.load(tmp_path / "f.npz"):
        assert equal(f, g) and g.provenance == f.provenance and g.verify().ok
        np.testing.assert_array_equal(g.target.tensor, f.target.tensor)


def test_the_published_layouts_are_read(tmp_path):
    """Object arrays of three matrices, one square array, floats, and stacks of thousands."""
    entries = {"2,2,3": np.empty(3, object), "2,2,2": np.array(STRASSEN.factors)}
    entries["2,2,3"][:] = [x.astype(np.float32) for x in RECTANGULAR.factors]
    np.savez(tmp_path / "a.npz", **entries)
    first, second = fz.load(tmp_path / "a.npz")
    assert equal(first, RECTANGULAR) and equal(second, STRASSEN)
    stack = np.stack([np.array(STRASSEN.factors)] * 5)  # (N, 3, S, R)
    for layout in (stack, stack.transpose(0, 3, 1, 2)):
        np.savez(tmp_path / "b.npz", factorizations=layout.astype(np.int8))
        assert [equal(f, STRASSEN) for f in fz.load(tmp_path / "b.npz")] == [True] * 5


def test_the_public_formats_are_what_they_should_be(tmp_path):
    """Textual facts: rows for each product in JSON; P by rows of C, counted from 1, in SMS."""
    f = fz.naive((1, 2, 3), Z)
    fz.save(tmp_path / "f.json", f)
    data = json.loads((tmp_path / "f.json").read_text())
    assert data["n"] == [1, 2, 3] and data["m"] == 6 and data["z2"] is False
    assert len(data["v"]) == 6 and len(data["v"][0]) == 6
    fz.save(tmp_path / "f_L.sms", fz.naive((2, 1, 3), Z))
    lines = (tmp_path / "f_P.sms").read_text().splitlines()
    assert lines[0] == "6 6 R" and lines[-1] == "0 0 0"
    assert lines[1:-1] == [f"{i} {i} 1" for i in range(1, 7)]  # products in the order of C's rows
    comment = "# left\n" + (tmp_path / "f_L.sms").read_text().replace(" 1\n", " 2/2\n")
    (tmp_path / "f_L.sms").write_text(comment)
    assert fz.load(tmp_path / "f_R.sms")[0].verify().ok


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"2,2,2": np.ones((3, 4, 0), int)}, "rank 0"),
        ({"2,2,3": np.ones((3, 4, 7), int)}, "shape"),
        ({"2,2": np.ones((3, 4, 7), int)}, "three sizes"),
        ({"1000000,2,2": np.ones((3, 4, 7), int)}, "out of range"),
        ({"2,2,2": np.full((3, 4, 7), np.nan)}, "finite"),
        ({"2,2,2": np.full((3, 4, 7), 0.1234567)}, "simple fraction"),
        ({"2,2,2": np.full((3, 4, 7), "1")}, "dtype"),
        ({"factorizations": np.ones((5, 7, 3, 5), int)}, "not a square"),
        ({}, "empty"),
    ],
)
def test_unusable_archives_are_named(tmp_path, entries, message):
    path = tmp_path / "x.npz"
    np.savez(path, **entries)
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("x.txt", "", "not recognised; expected what is in files"),
        ("x.json", "{", "not JSON"),
        ("x.json", "[]", "expected an object"),
        ("x.json", '{"n": [2, 2, 2], "u": [[1]], "v": 3, "w": 1}', "'v': expected a list"),
        ("x.json", '{"n": [2, 2], "u": [], "v": [], "w": []}', "three sizes"),
        ("x.json", '{"n": [1,1,1], "m": 2, "u": [[1]], "v": [[1]], "w": [["1"]]}', "'m' is 2"),
        ("x.json", '{"n": [1,1,1], "u": [[1]], "v": [[NaN]], "w": [[1]]}', "row 0, column 0"),
        ("x_L.sms", "1 1 R\n1 1 1\n", "closing line"),
        ("x_L.sms", "1 1 R\n2 1 1\n0 0 0\n", "outside"),
        ("x_L.sms", "9999999 9999999 R\n0 0 0\n", "out of range"),
        ("x_L.sms", "1 1 R\n1 1 1/0\n0 0 0\n", "simple fraction"),
        ("x.json", '{"n": [1,1,1], "u": [["1/0"]], "v": [[1]], "w": [[1]]}', "column 0 is '1/0'"),
        ("x.mpl", "L:=[[1/0]]: R:=[[1]]: P:=[[1]]:", "division by 0"),
    ],
)
def test_unusable_text_files_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f.npz"
    fz.save(path, STRASSEN)
    monkeypatch.setattr(np, "savez_compressed", lambda file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fz.save(path, RECTANGULAR)
    assert equal(fz.load(path)[0], STRASSEN) and os.listdir(tmp_path) == ["f.npz"]
    with pytest.raises(fz.FileError, match="cannot write"):
        fz.save(tmp_path / "missing" / "f.json", STRASSEN)


def test_a_file_cannot_redefine_a_named_target(tmp_path):
    """The tensor of `skew2` comes from its name; other tensors travel with the file."""
    fz.save(tmp_path / "f.npz", SKEW)
    with np.load(tmp_path / "f.npz") as file:
        arrays = dict(file)
    assert "tensor" not in arrays
    np.savez(tmp_path / "f.npz", tensor=SKEW.target.tensor, **arrays)
    assert fz.load(tmp_path / "f.npz")[0].verify().ok
    np.savez(tmp_path / "f.npz", tensor=np.zeros((1, 2, 2), np.int8), **arrays)
    with pytest.raises(fz.FileError, match="not the tensor of skew2"):
        fz.load(tmp_path / "f.npz")
    own = fz.Factorization(targets.Target("mine", SKEW.target.tensor), Z, *SKEW.factors)
    fz.save(tmp_path / "g.npz", own)
    message = fz.verify(tmp_path / "g.npz")[0].message
    assert message.startswith("tensor-") and message.endswith("(mine) in rank 2 over Z: exact.")
    forged = own.replace(target=targets.Target("4x4x4", SKEW.target.tensor, (4, 4, 4)))
    assert not forged.verify().ok
    with pytest.raises(fz.FileError, match="named as a known one"):
        fz.save(tmp_path / "h.npz", forged)


@pytest.mark.parametrize(
    "name, tensor, message",
    [
        ("4x4x4", 1, "expected .16, rank."),
        ("1x1x1", 2, "not the tensor of 1x1x1"),
        ("skew9999", 1, "more than 67108864 entries"),
        ("mine", 2**32 + 1, "between -1000 and 1000"),
        ("mine", None, "no entry 'tensor'"),
        ("x" * 300, 1, "at most 200 characters"),
    ],
)
def test_no_file_is_exact_for_a_tensor_that_its_target_does_not_have(
    tmp_path, name, tensor, message
):
    one = np.ones((1, 1, 1), int)
    arrays = {} if tensor is None else {"tensor": one * tensor}
    fixed = {"alphatensor_version": 1, "ring": "Z", "provenance": np.array(["{}"])}
    np.savez(tmp_path / "f.npz", target=name, u=one, v=one, w=one, **fixed, **arrays)
    with pytest.raises(fz.FileError, match=message):
        fz.load(tmp_path / "f.npz")


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("x.json", "[" * 10**6, "not JSON"),
        ("x.json", '{"n": [1,1,1], "u": [[%s]], "v": [[1]], "w": [[1]]}' % ("9" * 1500), "digits"),
        ("x.json", '{"n": [16,16,32], "u": [[1]], "v": [[1]], "w": [[1]]}', r"\(256, rank\)"),
        ("x.json", '{"n": [32,32,32], "u": [[1]], "v": [[1]], "w": [[1]]}', "out of range"),
        ("x.json", " " * (2**23 + 1), "larger than"),
        ("x.txt", "3 3 3 23\n" + "10\n" * 200_000, "200004 numbers"),
        ("x.exp", "(a11)*b11*c11\n" * 90_000, "1,260,000 characters of sums and products"),
        ("x.m", "{{{{" + "1, " * 200_000 + "1}}}}", "expected three matrices"),
        ("x.m", "{" * 200_000, "not JSON"),
        ("x_L.slp", "t:=i0;\n" * 1_000_000, "no such file"),
        ("x_L.sms", "50 1000000 R\n0 0 0\n", "out of range"),
        ("x.txt", "2 2 2 7\n" + "1 " * 1_000_000, "1000004 numbers|more than 20000"),
        ("x.m", "{{{{" + "1, " * 1_000_000 + "1}}, {{1}}, {{1}}}}", "1×1000001"),
    ],
)
def test_small_texts_that_ask_for_much_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    tracemalloc.start()
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**27 and str(error.value).isprintable()


@pytest.mark.parametrize(
    "count, message",
    [(60_000, "1,260,000 characters of sums and products"), (11_000, "33000 statements: at most")],
)
def test_programs_of_too_many_steps_are_refused(tmp_path, count, message):
    for letter in "LRP":
        (tmp_path / f"x_{letter}.slp").write_text("t:=i0;\n" * count)
    with pytest.raises(fz.FileError, match=message):
        fz.load(tmp_path / "x_L.slp")


def test_work_without_end_is_refused(tmp_path):
    """Common denominators multiply where every entry has another one."""
    primes = [p for p in range(3, 2000) if all(p % d for d in range(2, p))][:256]
    rows = [[f"1/{p}" for p in primes]]
    data = {"n": [16, 16, 16], "u": rows, "v": rows, "w": rows}
    (tmp_path / "x.json").write_text(json.dumps(data))
    with pytest.raises(fz.FileError, match="common denominator of more than 2048 bits"):
        fz.load(tmp_path / "x.json")
    zeros = np.zeros((3, 400, 19_999), np.int8)
    np.savez_compressed(tmp_path / "x.npz", **{"20,20,20": zeros})
    with pytest.raises(fz.FileError, match="verifying takes"):
        fz.load(tmp_path / "x.npz")


def test_files_are_verified_and_converted_in_one_call(tmp_path):
    wrong = STRASSEN.replace(u=STRASSEN.u + 1)
    fz.save(tmp_path / "f.npz", [STRASSEN, wrong])
    assert [check.ok for check in fz.verify(tmp_path / "f.npz")] == [True, False]
    assert equal(fz.convert(tmp_path / "f.npz", tmp_path / "f.json"), STRASSEN)
    assert equal(fz.load(tmp_path / "f.json")[0], STRASSEN)
    assert equal(fz.convert(tmp_path / "f.npz", tmp_path / "g.npz", entry=1), wrong)
    with pytest.raises(fz.FileError, match="entry 2: .*f.npz holds 2 factorisations"):
        fz.convert(tmp_path / "f.npz", tmp_path / "g.npz", entry=2)


@pytest.mark.parametrize("name", ["2x2x2_Z.npz", "3x4x5_Z.npz", "4x4x4_Z2.npz"])
def test_the_native_format_is_reproduced_byte_for_byte(tmp_path, name):
    fz.save(tmp_path / name, fz.load(FOLDER / name))
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
