"""Pictures are drawn for every kind of factorization."""

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization.io import picture

Z = rings.Integers()
STRASSEN = fz.strassen()
RATIONAL = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], [[1, 1], [0, 1]], np.eye(2, dtype=int))
CONVOLUTION = fz.Factorization(
    targets.cyclic_convolution(2), Z, *[[[1, 1], [1, -1]]] * 2, np.array([[1, 1], [1, -1]]) / 2
)


def test_pictures_are_drawn(tmp_path):
    for i, f in enumerate((RATIONAL, CONVOLUTION, fz.naive((6, 6, 6), Z))):
        fz.draw(f, tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").read_bytes().startswith(b"\x89PNG")


def test_notebooks_get_the_bytes_of_the_picture():
    assert picture.png(STRASSEN).startswith(b"\x89PNG")
    assert len(picture.figure(STRASSEN).axes) == 4  # U, V, W and the scale


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(fz.FileError, match="cannot write there"):
        fz.draw(STRASSEN, tmp_path / "missing" / "f.png")
