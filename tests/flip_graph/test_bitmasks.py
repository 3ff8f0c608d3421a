"""Bit masks: factorizations become masks and back, sums by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import naive
from alphatensor.flip_graph import bitmasks

Z2 = rings.IntegersMod(2)
RINGS = [Z2, rings.Integers()]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_masks_round_trip(ring):
    f = naive((2, 3, 4), ring)
    if not ring.is_modular:
        f = f.replace(u=-np.array(f.u), v=-np.array(f.v))
    masks = bitmasks.to_masks(f)
    assert masks.shape == (1 if ring.is_modular else 2, 3, 24) and masks.dtype == np.uint32
    padded = np.pad(masks, ((0, 0), (0, 0), (2, 5)))
    back = bitmasks.from_masks(padded, f.target, {})
    assert all(np.array_equal(a, b) for a, b in zip(f.factors, back.factors, strict=True))


def test_sums_that_leave_the_range_are_noted():
    x = (jnp.array([0b011], jnp.uint32), jnp.array([0b010], jnp.uint32))  # (1, -1, 0)
    y = (jnp.array([0b110], jnp.uint32), jnp.array([0b000], jnp.uint32))  # (0, 1, 1)
    plus, large = bitmasks.add(x, y, jnp.array([False]))
    assert [int(p[0]) for p in plus] == [0b101, 0] and not large[0]
    _, large = bitmasks.add(x, y, jnp.array([True]))
    assert large[0], "-1 - 1"
