"""The value head: quantiles of the return (paper, "Quantile regression"; paper_details 4.4)."""

from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp


class ValueConfig(NamedTuple):
    """Sizes of the value head.

    Attributes:
      width: units of the hidden layers (the paper: 512).
      quantiles: q outputs, the (2i-1)/2q quantiles of the return (8).
      risk: acting uses the mean of the quantiles above this level (0.75).
    """

    width: int
    quantiles: int
    risk: float


def levels(quantiles: int) -> jax.Array:
    """The levels (2i-1)/2q, i = 1..q, float32 [q]."""
    return (jnp.arange(quantiles) + 0.5) / quantiles


def value_head(features: jax.Array, config: ValueConfig) -> jax.Array:
    """Quantiles [B, q] of the return from the policy head's first features [B, D]."""
    return hk.nets.MLP([config.width] * 3 + [config.quantiles], name="value")(features)


def risk_seeking(quantiles: jax.Array, config: ValueConfig) -> jax.Array:
    """The value [B] used by the search: the mean of the quantiles above the risk level."""
    chosen = levels(config.quantiles) > config.risk
    return jnp.sum(jnp.where(chosen, quantiles, 0.0), axis=-1) / jnp.sum(chosen)


def quantile_loss(quantiles: jax.Array, returns: jax.Array) -> jax.Array:
    """Quantile-Huber loss with δ = 1 of quantiles [B, q] for returns [B]; shape [B].

    Under-prediction of quantile τ weighs τ, over-prediction 1 - τ (Dabney et al. 2018, eq. 10).
    """
    error = returns[:, None] - quantiles
    weight = jnp.abs(levels(quantiles.shape[-1]) - (error < 0))
    size = jnp.abs(error)
    huber = jnp.where(size <= 1.0, 0.5 * error**2, size - 0.5)
    return jnp.mean(weight * huber, axis=-1)
