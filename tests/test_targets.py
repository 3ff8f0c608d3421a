"""Targets: the tensors are the maps that they are named after, and mistakes are named."""

import chex
import numpy as np
import pytest

from alphatensor import targets


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 3, 4), (3, 2, 2)])
def test_the_matmul_tensor_multiplies_and_is_transposed(sizes):
    n, m, p = sizes
    target = targets.matmul(*sizes)
    chex.assert_shape(target.tensor, (n * m, m * p, p * n))
    chex.assert_type(target.tensor, np.int32)
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (n, m)), rng.integers(-9, 9, (m, p))
    c = np.einsum("i,j,ijk->k", a.ravel(), b.ravel(), target.tensor)
    np.testing.assert_array_equal(c.reshape(p, n).T, a @ b)
    assert target.sizes == sizes and target.tensor.sum() == n * m * p
    assert target.shape == target.tensor.shape


def test_the_skew_tensor_multiplies():
    a = np.array([2, -3, 5, 7, 11, 13])
    matrix = np.zeros((4, 4), int)
    matrix[np.triu_indices(4, 1)] = a
    b = np.array([1, -2, 3, 4])
    c = np.einsum("i,j,ijk->k", a, b, targets.skew_matvec(4).tensor)
    np.testing.assert_array_equal(c, (matrix - matrix.T) @ b)


def test_the_cyclic_tensor_convolves():
    a, b = np.array([1, 2, 3]), np.array([4, -5, 6])
    c = np.einsum("i,j,ijk->k", a, b, targets.cyclic_convolution(3).tensor)
    expected = [sum(a[i] * b[(k - i) % 3] for i in range(3)) for k in range(3)]
    np.testing.assert_array_equal(c, expected)


@pytest.mark.parametrize("name", ["2x2x3", "skew4", "cyclic5"])
def test_names_are_read_as_they_are_written(name):
    assert targets.parse(name).name == name


def test_tensors_are_read_from_files(tmp_path):
    path = str(tmp_path / "mine.npy")
    np.save(path, np.arange(8, dtype=np.int8).reshape(2, 2, 2))
    target = targets.parse(path)
    assert target.name == path and target.sizes is None
    np.testing.assert_array_equal(target.tensor.ravel(), range(8))


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((2, 2, 2), int), "non-zero entry"),
        (np.ones((2, 2), int), "3-D integer array, got 2-D int64"),
        (np.ones((2, 2, 2)), "got 3-D float64"),
        (np.full((1, 1, 1), 1001), "between -1000 and 1000"),
        (np.full((1, 1, 1), None), "pickled objects"),
    ],
)
def test_other_files_are_named(tmp_path, array, message):
    path = str(tmp_path / "mine.npy")
    np.save(path, array)
    with pytest.raises(ValueError, match=message) as error:
        targets.parse(path)
    assert path in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, message",
    [
        ("2x2", "three positive sizes"),
        ("2x0x2", "three positive sizes"),
        ("2x-1x2", "three positive sizes"),
        ("9999x9999x9999", "more than 67108864 entries"),
        ("skew9999", "skew9999: the tensor would have more than 67108864 entries"),
        ("cyclic9999", "cyclic9999: the tensor would have more than 67108864 entries"),
        ("skew99999", "expected a target such as|three positive sizes"),
        ("٢x2x2", "expected a target such as"),
        ("skew1", "at least 2"),
        ("cyclic0", "at least 1"),
        ("missing.npy", "no such file"),
        ("word", "expected a target such as"),
        (7, "expected a target such as"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        targets.parse(name)


def test_formats_have_names():
    assert targets.format_name((3, 4, 5)) == "3x4x5"
    assert targets.parse_sizes("3x4x10") == (3, 4, 10)
    for name in ("3x4", "3x4x0", "3x-1x2", "3x4x5x6", "axbxc", "", "3 x 4 x 5", "skew4"):
        with pytest.raises(ValueError, match="expected three positive sizes"):
            targets.parse_sizes(name)


def test_headers_that_are_not_closed_are_named(tmp_path):
    path = tmp_path / "mine.npy"
    np.save(path, np.ones((1, 1, 1), int))
    path.write_bytes(path.read_bytes().replace(b"}", b" "))
    with pytest.raises(ValueError, match="mine.npy: not an .npy array") as error:
        targets.parse(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["4x4x4", "4x4x4 ", "４x4x4", "4х4х4", "skew4", "\x1b[2J"])
def test_no_tensor_of_ones_own_has_the_title_of_a_known_target(name):
    target = targets.Target(name, np.ones((1, 1, 1), np.int32))
    assert not target.is_known
    assert target.title.startswith("tensor-") and target.title.isascii()
    assert target.title.isprintable() and target.file_stem == targets.own_name(target.tensor)


def test_known_targets_are_known():
    for name in ("2x2x3", "skew4", "cyclic5"):
        assert targets.parse(name).is_known and targets.parse(name).title == name
    assert not targets.Target("2x2x2", targets.matmul(2, 2, 2).tensor).is_known  # no sizes
