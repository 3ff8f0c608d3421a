"""Published ranks agree with each other."""

from alphatensor.factorization.library import published_ranks as published
from alphatensor.factorization.library import recombination


def test_known_ranks_are_consistent():
    for sizes in recombination.formats(5):
        z2, z = published.ALPHATENSOR_Z2[sizes], published.ALPHATENSOR_Z[sizes]
        assert (
            published.KNOWN_Z2[sizes] <= z2 <= z
            and published.KNOWN_Q[sizes] <= published.KNOWN_Z[sizes] <= z
        )
    assert published.hopcroft_kerr(3, 3) == published.KNOWN_Z[2, 3, 3] == 15
    assert len(published._large) == 70 and published.ALPHATENSOR_Z[11, 12, 12] == 990
