"""The rank bound of a residual by hand."""

import jax.numpy as jnp
import numpy as np

from alphatensor import rings, targets
from alphatensor.agent import rank_bound


def test_slice_rank_bound_is_the_least_of_three_modes():
    tensor = np.zeros((4, 4, 4), int)
    tensor[0] = np.eye(4)  # one slice of rank 4 along mode 0; eight of rank 1 along the others
    assert rank_bound.slice_rank_bound(jnp.array(tensor), rings.Integers(), 1) == 4
    strassen_bound = rank_bound.slice_rank_bound(
        jnp.array(targets.matmul(2, 2, 2).tensor), rings.Integers(), 1
    )
    assert strassen_bound == 8
