"""Bit masks: factorizations become masks and back, sums by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import naive
from alphatensor.flip_graph import bitmasks

Z2 = rings.IntegersMod(2)
RINGS = [Z2, rings.Integers()]


@pytest.mark.parametrize("sizes", [(2, 3, 4), (2, 6, 6), (1, 12, 16)], ids=str)
@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_masks_round_trip(ring, sizes):
    f = naive(sizes, ring)
    if not ring.is_modular:
        f = f.replace(u=-np.array(f.u), v=-np.array(f.v))
    masks = bitmasks.to_masks(f)
    n, m, p = sizes
    for x, size in zip(masks, (n * m, m * p, p * n), strict=True):
        assert x.shape == (1 if ring.is_modular else 2, -(-size // 32), f.rank)
        assert x.dtype == np.uint32
    padded = [np.pad(x, ((0, 0), (0, 0), (2, 5))) for x in masks]
    back = bitmasks.from_masks(padded, f.target, {})
    assert all(np.array_equal(a, b) for a, b in zip(f.factors, back.factors, strict=True))


def test_sums_that_leave_the_range_are_noted():
    def factor(support, signs):
        """A word of zeros, and the one given."""
        words = [jnp.array([x], jnp.uint32) for x in (0, support, 0, signs)]
        return tuple(words[:2]), tuple(words[2:])

    x, y = factor(0b011, 0b010), factor(0b110, 0b000)  # (1, -1, 0) and (0, 1, 1)
    plus, large = bitmasks.add(x, y, jnp.array([False]))
    assert [[int(p[0]) for p in words] for words in plus] == [[0, 0b101], [0, 0]] and not large[0]
    _, large = bitmasks.add(x, y, jnp.array([True]))
    assert large[0], "-1 - 1"


def test_formats_that_walkers_can_hold():
    assert bitmasks.fits((8, 8, 8)) and bitmasks.fits((4, 16, 16)) and bitmasks.fits((1, 1, 256))
    assert not bitmasks.fits((1, 16, 17)), "272 entries"
    assert not bitmasks.fits((10, 10, 11)), "1,100 products"


def test_entries_are_permuted_across_words():
    rng = np.random.default_rng(0)
    order = rng.permutation(70)
    shifts = [{} for _ in range(3)]
    for entry, image in enumerate(order.tolist()):
        key = entry // 32, image % 32 - entry % 32
        shifts[image // 32][key] = shifts[image // 32].get(key, 0) | 1 << entry % 32
    bits = rng.integers(0, 2, (70, 5))

    def words(bits):
        numbers = [sum(int(x) << k for k, x in enumerate(column)) for column in bits.T]
        return [np.array([x >> 32 * k & 2**32 - 1 for x in numbers], np.uint32) for k in range(3)]

    moved = np.zeros_like(bits)
    moved[order] = bits
    (found,) = bitmasks.permute_entries((tuple(words(bits)),), shifts)
    assert all(np.array_equal(x, y) for x, y in zip(found, words(moved), strict=True))
