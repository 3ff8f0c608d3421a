"""The rank bound of what is left of a game.

The penalty of an unsolved game is an upper bound on the rank of its residual: the sum of the matrix
ranks of the residual's slices (paper, "TensorGame"). The paper does not say which mode is sliced;
we take the least of the three sums, which is still an upper bound and treats the modes alike.
"""

import jax
import jax.numpy as jnp

from alphatensor.factorization.matrix_rank import rank
from alphatensor.rings import Ring


def slice_rank_bound(tensor: jax.Array, ring: Ring, entry_bound: int) -> jax.Array:
    """Least sum of slice ranks over the three modes of cubes [..., S, S, S]; int32 [...].

    It is zero exactly for the zero tensor, and never below the tensor's rank.
    """
    slices = jnp.stack([jnp.moveaxis(tensor, mode, -3) for mode in (-3, -2, -1)], axis=-4)
    return jnp.min(jnp.sum(rank(slices, ring, entry_bound), axis=-1), axis=-1)
