"""What values are relative to: the network predicts returns less the baseline of the position.

The baseline is minus the slice-rank bound of the residual, the return of a game that is completed
slice by slice. It is none in Fawzi et al. 2022.
"""

import jax
import jax.numpy as jnp

from alphatensor.agent import bases, rank_bound
from alphatensor.agent.config import SearchConfig
from alphatensor.rings import Ring


def of(
    residuals: jax.Array, inverses: jax.Array | None, config: SearchConfig, ring: Ring
) -> jax.Array:
    """Returns the baselines of positions, float32 [B]; 0 where `value_baseline` is `none`.

    Args:
      residuals: integers [B, S, S, S], in the bases of their games.
      inverses: int32 [B, 3, S, S], the matrices back to the canonical basis; None for positions
        that are in it.
      config: `value_baseline` says which bound is taken.
      ring: arithmetic of the game.
    """
    if config.value_baseline == "none":
        return jnp.zeros(residuals.shape[0], jnp.float32)
    found = rank_bound.value_baseline(residuals, ring)
    if config.value_baseline == "rank_bound" or inverses is None:
        return found
    canonical = jax.vmap(lambda x, back: bases.change_tensor(x, back, ring))(residuals, inverses)
    return jnp.maximum(found, rank_bound.value_baseline(canonical, ring))
