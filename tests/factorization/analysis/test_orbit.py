"""The walk through the orbit finds equivalents with fewer additions."""

import pytest

from alphatensor import factorization as fz
from alphatensor.factorization.analysis import orbit, straight_line

STRASSEN = fz.strassen()


def test_walk_finds_fifteen_additions():
    found = orbit.fewer_additions(STRASSEN, tries=600)
    assert sum(straight_line.additions(STRASSEN)) == 18
    assert sum(straight_line.additions(found)) == 15
    assert found.verify().ok and found.rank == 7


def test_walk_keeps_what_it_cannot_better_and_refuses_other_rings():
    assert orbit.fewer_additions(STRASSEN, tries=0) is STRASSEN
    with pytest.raises(ValueError, match="integer factors"):
        orbit.fewer_additions(fz.reduce_mod(STRASSEN, 2))
