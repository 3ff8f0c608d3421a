"""Grids of blocks."""

import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor.kernels import blocks


def test_blocks_are_split_and_joined_and_must_divide():
    x = jnp.arange(24).reshape(4, 6)
    parts = blocks.split(x, 2, 3)
    assert [int(part[0, 0]) for part in parts] == [0, 2, 4, 12, 14, 16]
    np.testing.assert_array_equal(blocks.join(parts, 2, 3), x)
    with pytest.raises(ValueError):
        blocks.split(x, 3, 3)
