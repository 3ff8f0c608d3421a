"""Rings: names, residues, inverses, and what is refused."""

import numpy as np
import pytest

from alphatensor import rings

Z, Z7 = rings.Integers(), rings.IntegersMod(7)


def test_names_are_read_as_they_are_written():
    for ring in (Z, rings.IntegersMod(2), Z7, rings.IntegersMod(rings.MAX_MODULUS)):
        assert rings.parse(ring.name) == ring and str(ring) == ring.name
    assert (Z.name, Z7.name, Z.is_modular, Z7.is_modular) == ("Z", "Z7", False, True)
    assert len({Z, rings.Ring(0), Z7, rings.Ring(7)}) == 2  # hashable, equal by modulus


def test_residues_and_inverses():
    x = np.array([-8, -1, 0, 7, 9])
    np.testing.assert_array_equal(Z7.reduce(x), [6, 6, 0, 0, 2])
    assert Z.reduce(x) is x and Z7.reduce(-1) == 6
    inverses = Z7.inverses()
    assert inverses[0] == 0 and all(k * inverses[k] % 7 == 1 for k in range(1, 7))


@pytest.mark.parametrize("modulus", [0, 1, 4, 2.0, "2", 46_339])
def test_moduli_that_are_no_prime_are_refused(modulus):
    with pytest.raises(ValueError, match="expected a prime from 2 to 46337"):
        rings.IntegersMod(modulus)


@pytest.mark.parametrize("name", ["", "z", "Z-2", "Z2.0", "Q", "Z" + "9" * 20, None, 2])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="expected 'Z' for the integers"):
        rings.parse(name)
