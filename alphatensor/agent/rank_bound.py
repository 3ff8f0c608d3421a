"""The bound on the rank of what is left of a game, its penalty if it ends unsolved.

An upper bound on the rank of a tensor is the sum of the matrix ranks of its slices (Fawzi et al.
2022, Methods, "TensorGame"). The paper does not say which mode is sliced; here it is the least of
the three sums, which is still an upper bound and treats the modes alike.
"""

import jax
import jax.numpy as jnp

from alphatensor.factorization import matrix_rank
from alphatensor.rings import Ring


def slice_rank_bound(tensor: jax.Array, ring: Ring, entry_bound: int) -> jax.Array:
    """Returns the least sum of slice ranks over the three modes.

    It is zero exactly for the zero tensor, and never below the tensor's rank.

    Args:
      tensor: integers [..., S, S, S].
      ring: where ranks are taken.
      entry_bound: bound on the absolute values of the entries; it counts over the integers alone.

    Returns:
      int32 [...].
    """
    slices = jnp.stack([jnp.moveaxis(tensor, mode, -3) for mode in (-3, -2, -1)], axis=-4)
    return jnp.min(jnp.sum(matrix_rank.rank(slices, ring, entry_bound), axis=-1), axis=-1)


def value_baseline(tensor: jax.Array, ring: Ring) -> jax.Array:
    """Returns minus the bound as a baseline of values, float32 [...], for tensors [..., S, S, S].

    Over the integers, ranks are taken mod one large prime: the baseline may then exceed minus the
    bound where a minor happens to be divisible by it, which values need not fear, and costs a small
    part of the exact one.
    """
    modulus = ring.modulus or matrix_rank.PRIMES[0]
    bound = slice_rank_bound(tensor, Ring(modulus), 1)
    return -bound.astype(jnp.float32)
