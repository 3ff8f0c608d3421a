"""Published ranks agree with each other."""

import math

from alphatensor.factorization.library import published_ranks as published
from alphatensor.factorization.library import recombination


def test_known_ranks_are_consistent():
    for sizes in recombination.formats(5):
        z2, z = published.ALPHATENSOR_Z2[sizes], published.ALPHATENSOR_Z[sizes]
        assert (
            published.KNOWN_Z2[sizes] <= z2 <= z
            and published.KNOWN_Q[sizes] <= published.KNOWN_Z[sizes] <= z
        )
    for sizes, known in published.KNOWN.items():
        assert known.q <= known.z <= known.zt <= math.prod(sizes)
        assert known.z2 <= known.z and known.source and known.date.startswith("20")
    assert set(published.KNOWN) == set(recombination.formats(16))
    assert published.source((4, 4, 4), "Z") == "Perminov 64f58a5e, 2026-10-02"
    assert published.source((4, 4, 4), "Z2").startswith("AlphaTensor 2022")
    assert published.source((14, 14, 14), "Q") == "khoruzhii/lita (Sep 2026)"
    assert published.hopcroft_kerr(3, 3) == published.KNOWN_Z[2, 3, 3] == 15
    assert len(published._large) == 70 and published.ALPHATENSOR_Z[11, 12, 12] == 990
