"""Files as others write them: small ones by hand, in each public format and its variants."""

import json

import numpy as np
import pytest
from algorithms import STRASSEN, gaussian

from alphatensor import factorization as fz
from alphatensor import rings
from alphatensor.factorization import analysis
from alphatensor.factorization.analysis import programs

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
MIXED = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), Z))

# The product of a 1x2 and a 2x1 matrix, in each format.
TEXTS = {
    "one.txt": "1 2 1 2\n1 0  0 1\n1 0 0 1\n1\n1\n",
    "commented.txt": "# two products\n1 2 1 2\n1 0 0 1 1 0 0 1 1 1",
    "counted.txt": "2\n1 2 1 2\n1 0 0 1\n1 0 0 1\n1 1\n1 2 1 2\n1 0 0 1\n1 0 0 1\n1 1\n",
    "fractions.txt": "1 2 1 2\n2 1 0 1 0 1 1 1\n1 2 0 1 0 1 1 1\n1 1 1 1\n",
    "slashes.txt": "1 2 1 2\n2 0 0 1\n1/2 0 0 1\n1 1\n",
    "f.exp": "(a11)*(b11)*(c11)\n(2*(a12))*(-b21)*(c11)/-2\n",
    "long.exp": "(a1_1)*(b[1,1])*(c_1_1)\n(A12)*(B2_1)*(C11)  # the second\n",
    "f.m": "{{{{1, 0}}, {{1}, {0}}, {{1}}}, {{{0, 2}}, {{0}, {1/2}}, \n  {{1}}}}\n",
    "named.m": "scheme = {{{{1, 0}}, {{1}, {0}}, {{1}}}, {{{0, I}}, {{0}, {-I}}, {{1}}}};",
    "f.mpl": "A:=Matrix(1, 2, [[A_1_1,A_1_2]]):\nTensor:=TriadSet([Triad([Matrix(1, 2, [[1,0]]), "
    "Matrix(2, 1, [[1],[0]]), Matrix(1, 1, [[1]])]), Triad([Matrix(1, 2, [[0,1/3]]), "
    "Matrix(2, 1, [[0],[3]]), Matrix(1, 1, [[1]])])]):",
    "lrp.mpl": "L:=[[1,0],[0,1]]: R:=[[1,0],[0,1]]: P:=[[1,1]]:",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read(tmp_path, name):
    (tmp_path / name).write_text(TEXTS[name])
    for f in fz.load(tmp_path / name):
        assert f.sizes == (1, 2, 1) and f.rank == 2 and f.verify().ok, f.verify().message
    assert len(fz.load(tmp_path / name)) == 1 + (name == "counted.txt")


def test_straight_line_programs_are_evaluated(tmp_path):
    """Winograd's form of Strassen's algorithm: 7 products, 4 + 4 + 7 additions."""
    texts = {
        "L": "o0:=i0;o;\no1:=i1;\no2:=i3;\nt:=i2+i3;\no4:=t;\ns:=t-i0;\no5:=s;\n"
        "o6:=i0-i2;\no3:=i1-s;\n",
        "R": "o0:=i0;\no1:=i2;\nt0:=i1-i0;\no4:=t0;\nt1:=i3-t0;\no5:=t1;\no6:=i3-i1;\n"
        "o3:=i3;\no2:=t1-i2;\n",
        "P": "o0:=i0+i1;\nz1:=i0+i5;\nz2:=z1+i6;\nz3:=z1+i4;\no1:=z3+i3;\no2:=z2-i2;\no3:=z2+i4;\n",
    }
    for letter, text in texts.items():
        (tmp_path / f"w_{letter}.slp").write_text(text)
    (f,) = fz.load(tmp_path / "w_R.slp")
    assert f.sizes == (2, 2, 2) and f.rank == 7 and f.verify().ok
    assert [len(p.steps) for p in programs.kept(f)] == [4, 4, 7]
    assert analysis.measure(f).additions_shared == 15


def test_the_reduced_form_keeps_its_program(tmp_path):
    """A shared sum of three terms with a coefficient, and rows that use it."""
    f = fz.naive((1, 3, 1), Z)
    shared = [[{"index": 0, "value": 1}, {"index": 1, "value": -2}, {"index": 2, "value": "1/2"}]]
    data = {
        "n": [1, 3, 1],
        "m": 3,
        "z2": False,
        "u_fresh": shared,
        "u": [[{"index": 3, "value": 2}], [{"index": 1, "value": 1}], [{"index": 2, "value": 1}]],
        "v_fresh": [],
        "v": [
            [{"index": 0, "value": "1/2"}],
            [{"index": 1, "value": 1}, {"index": 0, "value": 2}],
            [{"index": 2, "value": 1}, {"index": 0, "value": "-1/2"}],
        ],
        "w": [[{"index": k, "value": 1} for k in range(3)]],
    }
    path = tmp_path / "f.json"
    path.write_text(json.dumps(data))
    (g,) = fz.load(path)
    assert g.u[:, 0].tolist() == [2, -4, 1] and g.verify().ok
    assert [len(p.steps) for p in programs.kept(g)] == [2, 2, 2]
    fz.save(tmp_path / "g.npz", g)  # and through other files
    (h,) = fz.load(tmp_path / "g.npz")
    assert programs.kept(h) == programs.kept(g)
    fz.save(tmp_path / "h.reduced.json", h)
    assert json.loads((tmp_path / "h.reduced.json").read_text())["complexity"]["reduced"] == 6
    assert programs.kept(f) is None  # no program of another algorithm is believed
    assert programs.kept(f.replace(provenance=g.provenance)) is None


def test_fewer_additions_than_are_found_are_kept(tmp_path):
    """What a file says counts where it is less than what the search finds."""
    matrix = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    program = programs.build(4, [[(0, 1), (1, 1)], [(4, 1), (2, 1)]], [[(5, 1), (3, 1)], [(5, 1)]])
    np.testing.assert_array_equal(programs.matrix(program), matrix)
    assert len(program.steps) == 3


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("order", ["trace", "rows"])
@pytest.mark.parametrize("f", [MIXED, gaussian(MIXED), fz.reduce_mod(MIXED, 2)])
def test_plain_arrays_are_read_whatever_their_layout(tmp_path, f, order, transposed):
    n, _, p = f.sizes
    w = f.w if order == "trace" else f.w.reshape(p, n, -1).swapaxes(0, 1).reshape(n * p, -1)
    arrays = [f.u, f.v, w]
    if not f.is_real:
        arrays = [np.vectorize(lambda z: complex(float(z.real), float(z.imag)))(x) for x in arrays]
    arrays = [x.T if transposed else x for x in arrays]
    np.savez(tmp_path / "a.npz", **dict(zip("uvw", arrays, strict=True)))
    objects = np.empty(3, object)
    objects[:] = arrays
    np.save(tmp_path / "b.npy", objects)
    np.savez(tmp_path / "c.npz", *arrays)
    np.savez(tmp_path / "d.npz", **dict(zip("UVW", arrays, strict=True)))
    for name in ("a.npz", "b.npy", "c.npz", "d.npz"):
        (g,) = fz.load(tmp_path / name, f.ring)
        assert g.verify().ok and all(map(np.array_equal, f.factors, g.factors))


def test_stacks_are_read(tmp_path):
    stack = np.stack([STRASSEN.factors] * 3)
    np.save(tmp_path / "a.npy", stack)
    np.save(tmp_path / "b.npy", stack[0].astype(np.float32))
    np.savez(tmp_path / "c.npz", **{x: np.stack([getattr(STRASSEN, x)] * 3) for x in "uvw"})
    assert [len(fz.load(tmp_path / x)) for x in ("a.npy", "b.npy", "c.npz")] == [3, 1, 3]
    assert all(check.ok for x in ("a.npy", "b.npy", "c.npz") for check in fz.verify(tmp_path / x))


def test_a_ring_that_is_not_said_is_found(tmp_path):
    """0 and 1 alone: Strassen's algorithm without its signs is exact mod 2, and not over Z."""
    fz.save(tmp_path / "f.exp", fz.reduce_mod(STRASSEN, 2))
    message = fz.verify(tmp_path / "f.exp")[0].message
    assert message == "2x2x2 in rank 7: not over Z; exact mod 2: pass --ring=Z2."
    assert fz.verify(tmp_path / "f.exp", Z2)[0].ok
    fz.save(tmp_path / "g.npz", STRASSEN.replace(u=abs(STRASSEN.u)))  # which says Z
    assert "mod 2" not in fz.verify(tmp_path / "g.npz")[0].message
    fz.save(tmp_path / "h.txt", fz.reduce_mod(STRASSEN, 3))
    assert "exact mod 3: pass --ring=Z3." in fz.verify(tmp_path / "h.txt")[0].message
    fz.save(tmp_path / "i.txt", STRASSEN.replace(u=STRASSEN.u * 6 + 1))
    assert "not a factorisation: entry" in fz.verify(tmp_path / "i.txt")[0].message


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("x.txt", "2 2 2 7\n1 2 3\n", "7 numbers: expected n m p rank and then as many"),
        ("x.txt", "1 1 1 1\n1 1 1/0\n", "division by 0"),
        ("x.txt", "1 1 1 1\n1 1 1 0 1 1\n", "1 / 0: expected a fraction"),
        ("x.txt", "99999 1 1 1\n1 1 1\n", "out of range"),
        ("x.txt", "1 1 1 1\n1 1 x\n", "expected a number"),
        ("x.txt", "3 3 3 23\n" + "5 " * 1_000_000, "1000004 numbers"),
        ("x.txt", "1 1 1 1\n1 1 " + "9" * 101, "more than 100 digits"),
        ("x.exp", "(a11)*(b11)*(c11)*(c11)\n", "a sum of each of a, b and c"),
        ("x.exp", "(a11)*(b11)\n", "product of three sums"),
        ("x.exp", "(a11)*(b11)*(c11)/0\n", "division by 0"),
        ("x.exp", "(a11*a12)*(b11)*(c11)\n", "a product of names inside of a sum"),
        ("x.exp", "(a11 + b11)*(b11)*(c11)\n", "a sum of each of a, b and c"),
        ("x.exp", "(a11)*(b11)*(c99_99)\n", "indices from 1 to 64"),
        ("x.exp", "(a11)*(b11)*__import__('os')\n", "expected a sum or a product"),
        ("x.exp", "a11*" + "(" * 100 + "b11" + ")" * 100 + "*c11", "not expected there"),
        ("x.m", "{{{{1}}, {{1}}, {{1}}}, {{{1}}, {{1}}}}", "three matrices for each"),
        ("x.m", "{{{{1, 2}}, {{1}}, {{1}}}}", "expected n×m, m×p and p×n"),
        ("x.m", "{{{{1/0}}, {{1}}, {{1}}}}", "division by 0"),
        ("x.m", "{{1, 2}}", "lists 2 deep"),
        ("x.m", "{{{{1}}, {{1}}, {{1, 2}, {3}}}}", "different sizes"),
        ("x.m", "{{{{Exit[]}}, {{1}}, {{1}}}}", "not JSON|expected a number"),
        ("x.mpl", "A:=Matrix(1, 1, [[1]]):", "1 matrices: expected three for each triad"),
        ("x.mpl", "L:=[[1]]: R:=[[1]]:", "2 matrices of numbers: expected L, R and P"),
        ("x_L.slp", "o0:=i0;\n", "x_R.slp: no such file"),
        ("x_R.slp", "o0:=t1;\n", "x_L.slp: no such file"),
        ("x.json", '{"n": [1,1,1], "m": 1, "u_fresh": 3}', "'u_fresh': expected a list of sums"),
        ("x.json", '{"n": [1,1,1], "m": 2, "u_fresh": [], "u": []}', "'u': 0 rows: expected 2"),
        (
            "x.json",
            '{"n": [1,1,1], "m": 1, "u_fresh": [], "u": [[{"index": 5, "value": 1}]]}',
            "symbol 5",
        ),
    ],
)
def test_unusable_texts_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(tmp_path / name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "text, message",
    [
        ("o0:=i0*i0;\n", "a product of names"),
        ("o0:=t1;\n", "without inputs"),
        ("o0:=i0+t1;\n", "t1.* has no value there"),
        ("o1:=i0;\n", "without a gap"),
        ("o0:=i0+1;\n", "a sum of real multiples"),
        ("t0:=i0;\n" + "t0:=t0*1000000;\n" * 20 + "o0:=t0;\n", "digits"),
        ("o0:=i999999;\n", "out of range"),
    ],
)
def test_unusable_programs_are_named(tmp_path, text, message):
    for letter in "LRP":
        (tmp_path / f"x_{letter}.slp").write_text(text)
    with pytest.raises(fz.FileError, match=message) as error:
        fz.load(tmp_path / "x_L.slp")
    assert str(error.value).isprintable()


def test_floats_that_would_lose_something_are_not_written(tmp_path):
    half = fz.sandwich(STRASSEN, [[1, 0], [0, 1009]], np.eye(2, dtype=int), np.eye(2, dtype=int))
    for name in ("f.uvw.npz", "f.npy"):
        with pytest.raises(fz.FileError, match="numbers that floats do not hold"):
            fz.save(tmp_path / name, half)
