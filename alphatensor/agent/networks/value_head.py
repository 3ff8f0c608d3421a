"""The value head: quantiles of the return (Fawzi et al. 2022, Methods, "Quantile regression")."""

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.config import NetworkConfig


def levels(quantiles: int) -> jax.Array:
    """Returns the levels (2i-1)/2q, i = 1..q, of q quantiles, float32 [q]."""
    return (jnp.arange(quantiles) + 0.5) / quantiles


def value_head(features: jax.Array, config: NetworkConfig) -> jax.Array:
    """Returns quantiles [B, q] of the return from the policy head's first features [B, width]."""
    return hk.nets.MLP([config.value_width] * 3 + [config.quantiles], name="value")(features)


def risk_seeking(quantiles: jax.Array, risk: float) -> jax.Array:
    """Returns the values [B] that the search uses, from quantiles [B, q].

    A value is the mean of the quantiles above the level `risk`, which lies below the top one.
    """
    chosen = levels(quantiles.shape[-1]) > risk
    return jnp.sum(jnp.where(chosen, quantiles, 0.0), axis=-1) / jnp.sum(chosen)


def quantile_loss(quantiles: jax.Array, returns: jax.Array) -> jax.Array:
    """Returns the quantile-Huber loss with δ = 1 of quantiles [B, q] for returns [B]; shape [B].

    Under-prediction of quantile τ weighs τ, over-prediction 1 - τ (Dabney et al. 2018,
    "Distributional reinforcement learning with quantile regression", eq. 10).
    """
    error = returns[:, None] - quantiles
    weight = jnp.abs(levels(quantiles.shape[-1]) - (error < 0))
    size = jnp.abs(error)
    huber = jnp.where(size <= 1.0, 0.5 * error**2, size - 0.5)
    return jnp.mean(weight * huber, axis=-1)
