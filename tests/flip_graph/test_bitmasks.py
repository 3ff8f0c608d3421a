"""Bit masks: factorizations become masks and back."""

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import naive
from alphatensor.flip_graph import bitmasks

RINGS = [rings.IntegersMod(2), rings.IntegersMod(3), rings.Integers()]


@pytest.mark.parametrize("sizes", [(2, 3, 4), (2, 9, 9), (1, 12, 16)], ids=str)
@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_masks_round_trip(ring, sizes):
    f = naive(sizes, ring)
    f = f.replace(u=ring.reduce(-np.array(f.u)), v=ring.reduce(-np.array(f.v)))
    masks = bitmasks.to_masks(f)
    n, m, p = sizes
    words = -(-max(n * m, m * p, p * n) // 64)
    assert masks.shape == (3, f.rank, 1 if ring.modulus == 2 else 2, words)
    assert masks.dtype == np.uint64
    padded = np.pad(masks, ((0, 0), (2, 5), (0, 0), (0, 0)))
    assert bitmasks.ranks(padded) == f.rank and bitmasks.weights(padded) == 3 * f.rank
    back = bitmasks.from_masks(padded, f.target, f.ring)
    assert back.ring == ring
    assert all(np.array_equal(a, b) for a, b in zip(f.factors, back.factors, strict=True))


def test_formats_that_walkers_can_hold():
    assert bitmasks.fits((8, 8, 8)) and bitmasks.fits((16, 16, 16)) and bitmasks.fits((1, 1, 256))
    assert not bitmasks.fits((1, 16, 17)), "272 entries"
