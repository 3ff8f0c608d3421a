"""Structured products: tensors against NumPy's products of the matrices themselves."""

import pathlib

import numpy as np
import pytest

from alphatensor import rings, structured, targets
from alphatensor.factorization import entrywise, library, lift_with_reason, load, save, to_text
from alphatensor.factorization.analysis import recursion

Z, Z2 = rings.Integers(), rings.IntegersMod(2)


def matrix(structure, n, x):
    """Returns the structured matrix of free entries x, filled in one by one."""
    a, x = np.zeros((n, n), int), iter(x)
    for i in range(n):
        for j in range(n):
            if structure == "g" or (structure == "l" and i >= j) or (structure == "u" and i <= j):
                a[i, j] = next(x)
            elif structure in "skw" and (i < j or (i == j and structure != "k")):
                a[i, j] = next(x)
                if i != j:
                    a[j, i] = a[i, j] if structure == "s" else -a[i, j]
    return a


@pytest.mark.parametrize("left", structured.STRUCTURES)
@pytest.mark.parametrize("right", [*structured.STRUCTURES, "t", "q"])
def test_the_tensor_multiplies(left, right):
    if left == right == "g":
        return
    n, rng = 3, np.random.default_rng(0)
    product = targets.structure_of(f"{left}{right}{n}")
    target = targets.structured_product(product)
    x, y = (rng.integers(-9, 9, size) for size in target.shape[:2])
    a = matrix(left, n, x)
    b = matrix(left, n, y).T if product.is_square else matrix(right, n, y)
    c = np.einsum("a,b,abk->k", x, y, target.tensor)
    _, _, positions = product.positions()
    assert [c.tolist(), len(positions)] == [[(a @ b)[p] for p in positions], target.shape[2]]
    zero = set(np.ndindex(n, n)) - set(positions)
    is_left_out = (lambda i, k: i < k) if product.is_square else (lambda i, k: (a @ b)[i, k] == 0)
    assert all(is_left_out(*place) for place in zero)


def test_polynomials_and_complex_matrices_multiply():
    a, b = np.array([1, -2, 3]), np.array([4, 5, -6])
    c = np.einsum("i,j,ijk->k", a, b, targets.polynomials(3).tensor)
    np.testing.assert_array_equal(c, np.convolve(a, b))
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (2, 2, 2, 2))
    c = np.einsum("i,j,ijk->k", a.ravel(), b.ravel(), targets.complex_matmul(2).tensor)
    expected = (a[0] + 1j * a[1]) @ (b[0] + 1j * b[1])
    np.testing.assert_array_equal(c.reshape(2, 2, 2).swapaxes(1, 2), [expected.real, expected.imag])


@pytest.mark.parametrize("name", ["ug3", "kt3", "sq2", "gq2", "wk3", "poly3", "complex1", "skew4"])
@pytest.mark.parametrize("ring", [Z, Z2])
def test_every_entry_can_be_multiplied_by_itself(name, ring):
    f = entrywise(targets.parse(name), ring)
    assert f.verify().ok
    wrong = f.replace(w=np.eye(len(f.w), f.rank, dtype=int))
    assert not wrong.verify().ok


def test_quadratic_maps_are_compared_as_polynomials():
    target = targets.parse("sq2")  # c11 = a² + b², c21 = ab + bc, c22 = b² + c²
    a, b, c = np.eye(3, dtype=int)
    u, v = np.array([b, a, b, c]).T, np.array([a + c, a, b, c]).T
    w = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1]])
    f = entrywise(target, Z).replace(u=u, v=v, w=w)
    assert f.verify().ok and f.replace(u=v, v=u).verify().ok and f.replace(ring=Z2).verify().ok
    assert not f.replace(target=targets.parse("st2"), u=v, v=u).verify().ok
    wrong = f.replace(u=2 * u, ring=Z).verify()
    assert not wrong.ok and wrong.index == (0, 0, 0) and (wrong.found, wrong.expected) == (2, 1)
    squares = f.replace(u=np.array([b, a, a, c]).T, v=np.array([a + c, a, a, c]).T, ring=Z2)
    assert not squares.verify().ok  # only coefficients of squares are wrong, which count mod 2
    assert "quadratic" in lift_with_reason(f.replace(ring=Z2)).message


def test_entries_have_their_places_in_names():
    text = to_text(entrywise(targets.parse("ku2"), Z))
    assert "m3 = (a12)(b22)" in text and "c12 = m3" in text and "b21" not in text


def test_json_holds_targets_with_names(tmp_path):
    path = str(tmp_path / "f.json")
    f = entrywise(targets.parse("ug2"), Z2)
    save(path, f)
    (read,) = load(path)
    assert read.verify().ok and read.target.name == "ug2" and read.ring == Z2
    for name, message in (("gg2", "means the same"), ("2x2", "a name such as"), ("", "a name")):
        pathlib.Path(path).write_text(f'{{"target": "{name}", "u": [[1]], "v": [[1]], "w": [[1]]}}')
        with pytest.raises(ValueError, match=message):
            load(path)
    own = entrywise(targets.own("mine", np.ones((1, 1, 1), int), "here"), Z)
    with pytest.raises(ValueError, match="holds matrix products"):
        save(path, own)


def test_only_more_recursive_calls_beat_an_equal_rank(tmp_path):
    f = entrywise(targets.parse("gt2"), Z)
    fewer = f.replace(u=f.u @ np.diag([1, -1] * 3), w=f.w @ np.diag([1, -1] * 3))
    # a11 b11 + a12 b12 in c11 becomes (a11 + a12) b11 + a12 (b12 - b11): a flip
    u, v = f.u.copy(), f.v.copy()
    u[1, 0], v[0, 1] = 1, -1
    mixed = f.replace(u=u, v=v)
    assert recursion.recursive_calls(mixed) < recursion.recursive_calls(f) == 4
    assert library.add(tmp_path, mixed).kept and library.add(tmp_path, f).kept
    assert not library.add(tmp_path, fewer).kept and not library.add(tmp_path, mixed).kept


@pytest.mark.parametrize(
    "name, message",
    [
        ("gg4", "gg4: expected '4x4x4', which means the same"),
        ("ug0", "ug0: expected a size of at least 1"),
        ("kk1", "kk1: expected a size of at least 2"),
        ("ug99999", "three positive sizes"),
        ("ug9999", "ug9999: the tensor would have more than"),
        ("tg4", "'tg4': expected a target such as"),
        ("xg4", "'xg4': expected a target such as"),
        ("ug", "'ug': expected a target such as"),
        ("poly0", "poly0: expected a size of at least 1"),
        ("complex0", "complex0: expected a size of at least 1"),
        ("complex9999", "complex9999: the tensor would have more than"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        targets.parse(name)
