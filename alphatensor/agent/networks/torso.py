"""The torso: attentive modes over three grids (Fawzi et al. 2022, Extended Data Fig. 3).

The three grids hold one feature vector for each pair of coordinates of two modes: (U, V), (W, U)
and (V, W). Each stage joins two grids along the mode they share and lets the elements of each row
(2S where all modes have S coordinates) attend to each other.

A departure from the paper: `NetworkConfig.grid_positions` adds a learned vector to every element of
the grids. For a single small target it lets the network tell rows apart, and it learns faster.
"""

import math

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.network_config import NetworkConfig


def layer_norm(x: jax.Array, name: str | None = None) -> jax.Array:
    """Returns x, normalised over its last axis with learned scale and offset."""
    return hk.LayerNorm(axis=-1, create_scale=True, create_offset=True, name=name)(x)


def dense_block(x: jax.Array, widening: int) -> jax.Array:
    """Returns x [..., c] plus a pre-norm perceptron of two layers with GELU."""
    hidden = hk.Linear(widening * x.shape[-1], name="expand")(layer_norm(x, "dense_norm"))
    return x + hk.Linear(x.shape[-1], name="contract")(jax.nn.gelu(hidden))


def attend(q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Lets I queries attend to J keys in each of H heads of f features.

    Args:
      q: queries [N, I, H, f].
      k, v: keys and values [N, J, H, f].
      mask: bool [I, J], False where a query must not attend to a key; None for no mask.

    Returns:
      [N, I, H*f], the heads one after the other.
    """
    q, k, v = (jnp.swapaxes(t, 1, 2) for t in (q, k, v))  # heads outside: fast batched products
    mixed = _attention(q, k, v, mask)
    return jnp.swapaxes(mixed, 1, 2).reshape(q.shape[0], q.shape[2], -1)


def _weights(q: jax.Array, k: jax.Array, mask: jax.Array | None) -> jax.Array:
    logits = jnp.einsum("nhid,nhjd->nhij", q, k) / math.sqrt(q.shape[-1])
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.finfo(logits.dtype).min)
    return jax.nn.softmax(logits, axis=-1)


@jax.custom_vjp
def _attention(q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None) -> jax.Array:
    return jnp.einsum("nhij,nhjd->nhid", _weights(q, k, mask), v)


def _attention_forward(q, k, v, mask):
    weights = _weights(q, k, mask)
    return jnp.einsum("nhij,nhjd->nhid", weights, v), (q, k, v, weights)


def _attention_backward(residuals, gradient):
    """Returns the usual gradients, with two operands transposed before their products.

    On CPUs batched products that contract a leading axis are slow; this saves a third of the
    attention's gradient.
    """
    q, k, v, weights = residuals
    of_weights = jnp.einsum("nhid,nhjd->nhij", gradient, v)
    mean = jnp.sum(weights * of_weights, axis=-1, keepdims=True)
    of_logits = weights * (of_weights - mean) / math.sqrt(q.shape[-1])
    transposed = (jnp.swapaxes(weights, 2, 3), jnp.swapaxes(of_logits, 2, 3))
    weights_t, of_logits_t = jax.lax.optimization_barrier(transposed)
    return (
        jnp.einsum("nhij,nhjd->nhid", of_logits, k),
        jnp.einsum("nhij,nhjd->nhid", of_logits_t, q),
        jnp.einsum("nhij,nhjd->nhid", weights_t, gradient),
        None,
    )


_attention.defvjp(_attention_forward, _attention_backward)


class SelfAttentionBlock(hk.Module):
    """Pre-norm transformer block on x [N, L, c]: attention, then the dense layers."""

    def __init__(self, heads: int, head_size: int, widening: int, name: str | None = None):
        super().__init__(name=name)
        self._heads, self._head_size, self._widening = heads, head_size, widening

    def __call__(self, x: jax.Array) -> jax.Array:
        inner = self._heads * self._head_size
        # One product for queries, keys and values: fewer, larger products.
        qkv = hk.Linear(3 * inner, with_bias=False, name="qkv")(layer_norm(x, "norm"))
        q, k, v = jnp.split(qkv.reshape(*x.shape[:2], 3 * self._heads, self._head_size), 3, axis=-2)
        x = x + hk.Linear(x.shape[-1], name="out")(attend(q, k, v))
        return dense_block(x, self._widening)


def _swap(grid: jax.Array) -> jax.Array:
    return jnp.swapaxes(grid, 1, 2)


def torso(tensors: jax.Array, scalars: jax.Array, config: NetworkConfig) -> jax.Array:
    """Returns features float32 [B, G, c], G = S_u*S_v + S_w*S_u + S_v*S_w elements of the grids.

    Args:
      tensors: float32 [B, h + 1, S_u, S_v, S_w].
      scalars: float32 [B, number of scalars].
      config: sizes of the torso.
    """
    batch, channels = tensors.shape[0], config.channels
    grids = []
    # Rows, columns and the mode whose fibre is the features, for (U, V), (W, U), (V, W).
    for index, order in enumerate([(0, 2, 3, 4, 1), (0, 4, 2, 3, 1), (0, 3, 4, 2, 1)]):
        fibres = jnp.transpose(tensors, order)
        rows, columns = fibres.shape[1:3]
        fibres = fibres.reshape(batch, rows, columns, -1)
        scalar_map = hk.Linear(rows * columns, name=f"scalars_{index}")(scalars)
        scalar_map = scalar_map.reshape(batch, rows, columns, 1)
        features = jnp.concatenate([fibres, scalar_map], axis=-1)
        grid = hk.Linear(channels, name=f"embed_{index}")(features)
        if config.grid_positions:
            init = hk.initializers.TruncatedNormal(0.02)
            grid = grid + hk.get_parameter(
                f"positions_{index}", (rows, columns, channels), init=init
            )
        grids.append(grid)

    for block in range(config.torso_blocks):
        attention = SelfAttentionBlock(
            config.heads, config.head_size, config.widening, name=f"attentive_modes_{block}"
        )  # one module for the three stages of a block
        stage = hk.remat(attention) if config.rematerialise else attention
        for a, b in [(0, 1), (2, 0), (1, 2)]:
            # The row mode of grid a is the column mode of grid b: swap b, join, attend, undo.
            joined = jnp.concatenate([grids[a], _swap(grids[b])], axis=2)
            mixed = stage(joined.reshape(-1, *joined.shape[2:])).reshape(joined.shape)
            grids[a], transposed = jnp.split(mixed, [grids[a].shape[2]], axis=2)
            grids[b] = _swap(transposed)
    return jnp.concatenate([grid.reshape(batch, -1, channels) for grid in grids], axis=1)
