"""The value head: quantiles of the return, or its distribution over whole numbers.

Quantiles are the paper's (Fawzi et al. 2022, Methods, "Quantile regression"); its ablation compares
them with a categorical head, whose value is a mean and so neither seeks nor avoids risk.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.network_config import NetworkConfig


class ValueHead(NamedTuple):
    """One kind of value head.

    Attributes:
      size: number n of outputs.
      value: outputs float32 [B, n] -> what the search uses, float32 [B].
      loss: (outputs float32 [B, n], returns float32 [B]) -> float32 [B].
    """

    size: int
    value: Callable[[jax.Array], jax.Array]
    loss: Callable[[jax.Array, jax.Array], jax.Array]


def make_value_head(config: NetworkConfig, largest: int) -> ValueHead:
    """Returns the configured kind; no return is larger than `largest` in absolute value."""
    if config.value == "quantiles":
        value = functools.partial(risk_seeking, risk=config.risk)
        return ValueHead(config.quantiles, value, quantile_loss)
    return ValueHead(2 * largest + 1, categorical_mean, categorical_loss)


def value_outputs(features: jax.Array, config: NetworkConfig, head: ValueHead) -> jax.Array:
    """Returns outputs [B, n] from the policy head's first features [B, width]."""
    return hk.nets.MLP([config.value_width] * 3 + [head.size], name="value")(features)


def levels(quantiles: int) -> jax.Array:
    """Returns the levels (2i-1)/2q, i = 1..q, of q quantiles, float32 [q]."""
    return (jnp.arange(quantiles) + 0.5) / quantiles


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


def support(size: int) -> jax.Array:
    """Returns the whole numbers around 0 that `size` = 2L + 1 logits stand for, float32 [size]."""
    return jnp.arange(size, dtype=jnp.float32) - size // 2


def categorical_mean(logits: jax.Array) -> jax.Array:
    """Returns the mean [B] of the distribution of logits [B, n]."""
    return jax.nn.softmax(logits) @ support(logits.shape[-1])


def categorical_loss(logits: jax.Array, returns: jax.Array) -> jax.Array:
    """Returns the cross-entropy of logits [B, n] for returns [B]; shape [B].

    A return between two whole numbers is split between them (Schrittwieser et al. 2020, "Mastering
    Atari, Go, chess and shogi by planning with a learned model", appendix F).
    """
    numbers = support(logits.shape[-1])
    inside = jnp.clip(returns, numbers[0], numbers[-1])
    shares = jnp.maximum(1.0 - jnp.abs(inside[:, None] - numbers), 0.0)
    return -jnp.sum(shares * jax.nn.log_softmax(logits), axis=-1)
