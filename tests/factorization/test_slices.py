"""Tests of the decomposition of tensors slice by slice."""

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.agent import rank_bound
from alphatensor.factorization import slices


@pytest.mark.parametrize("name", ["Z", "Z2", "Z7"])
@pytest.mark.parametrize("shape", [(4, 4, 4), (3, 5, 2)])
def test_terms_sum_to_the_tensor_and_are_as_many_as_the_bound(name, shape):
    ring, rng = rings.parse(name), np.random.default_rng(0)
    for _ in range(20):
        terms = rng.integers(1, 5)
        factors = [rng.integers(-3, 4, (size, terms)) for size in shape]
        tensor = ring.reduce(np.einsum("ir,jr,kr->ijk", *factors))
        u, v, w = slices.by_slices(tensor, ring)
        found = ring.reduce(np.einsum("ir,jr,kr->ijk", u, v, w))
        assert np.array_equal(found, tensor)
        side = max(shape)
        padded = np.pad(tensor, [(0, side - size) for size in shape]).astype(np.int32)
        assert u.shape[1] == rank_bound.slice_rank_bound(padded, ring, 10_000)


def test_nothing_is_left_of_zero():
    u, v, w = slices.by_slices(np.zeros((2, 3, 4), int), rings.parse("Z"))
    assert u.shape == (2, 0) and v.shape == (3, 0) and w.shape == (4, 0)
