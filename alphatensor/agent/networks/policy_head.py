"""The policy head: an autoregressive transformer over the tokens of an action.

Fawzi et al. 2022, Extended Data Fig. 4, and the Supplement's pseudo-code. Teacher forcing and
sampling run the same layers: sampling keeps the keys and values of earlier tokens, computes the
cross-attention's keys and values once a state, and shares the first step, which depends on no
token, between the K samples.

A departure from the paper: the residual stream is plain pre-norm, where the pseudo-code overwrites
it with its normalised value.
"""

from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.network_config import NetworkConfig
from alphatensor.agent.networks import torso


class _Layer(NamedTuple):
    """The modules of one decoder layer."""

    self_qkv: hk.Linear
    self_out: hk.Linear
    cross_q: hk.Linear
    cross_kv: hk.Linear
    cross_out: hk.Linear
    norms: list[hk.LayerNorm]
    dense: list[tuple[hk.Linear, hk.Linear]]


def _make_layer(config: NetworkConfig, index: int) -> _Layer:
    # A function outside the class, whose methods Haiku would add to the parameters' names.
    name, width = f"layer_{index}", config.policy_width
    inner = config.policy_heads * config.head_size

    def linear(size: int, suffix: str) -> hk.Linear:
        return hk.Linear(size, with_bias=False, name=f"{name}_{suffix}")

    return _Layer(
        self_qkv=linear(3 * inner, "self_qkv"),
        self_out=linear(width, "self_out"),
        cross_q=linear(inner, "cross_q"),
        cross_kv=linear(2 * inner, "cross_kv"),
        cross_out=linear(width, "cross_out"),
        norms=[hk.LayerNorm(-1, True, True, name=f"{name}_norm_{j}") for j in range(4)],
        dense=[
            (
                hk.Linear(config.widening * width, name=f"{name}_expand_{j}"),
                hk.Linear(width, name=f"{name}_contract_{j}"),
            )
            for j in range(2)
        ],
    )


class PolicyHead(hk.Module):
    """The distribution of an action's tokens, given the torso's features [B, G, c].

    In the shapes here D is `policy_width`, H is `policy_heads`, f is `head_size` and L is a number
    of tokens.
    """

    def __init__(
        self, config: NetworkConfig, num_tokens: int, vocabulary_size: int, name: str | None = None
    ):
        super().__init__(name=name)
        self._config = config
        self._num_tokens = num_tokens
        self._vocabulary_size = vocabulary_size
        init = hk.initializers.TruncatedNormal(0.02)
        # Row 0 is the start token; token t is row t + 1.
        rows = vocabulary_size + 1
        self._embedding = hk.Embed(rows, config.policy_width, w_init=init, name="embed")
        self._layers = [_make_layer(config, index) for index in range(config.policy_layers)]
        self._logits = hk.Linear(vocabulary_size, name="logits")

    def _positions(self) -> jax.Array:
        shape = (self._num_tokens, self._config.policy_width)
        return hk.get_parameter("positions", shape, init=hk.initializers.TruncatedNormal(0.02))

    def _heads(self, x: jax.Array, parts: int) -> list[jax.Array]:
        config = self._config
        split = x.reshape(*x.shape[:-1], parts * config.policy_heads, config.head_size)
        return jnp.split(split, parts, axis=-2)

    def cross_keys(self, features: jax.Array) -> list[list[jax.Array]]:
        """Returns each layer's keys and values [B, G, H, f], which all samples of a state share."""
        normed = torso.layer_norm(features, "features_norm")
        return [self._heads(layer.cross_kv(normed), 2) for layer in self._layers]

    def _dense(self, layer: _Layer, index: int, norm: hk.LayerNorm, x: jax.Array) -> jax.Array:
        expand, contract = layer.dense[index]
        return x + contract(jax.nn.gelu(expand(norm(x))))

    def _run(self, x, keys, cache, mask, samples: int, dropout_rate: float = 0.0):
        """Runs the layers on new tokens x [B*samples, L, D].

        Returns features of the same shape and the cache extended by the new tokens.
        """
        config, new_cache = self._config, []
        for index, layer in enumerate(self._layers):
            norms = layer.norms
            q, k, v = self._heads(layer.self_qkv(norms[0](x)), 3)
            if cache is not None:
                k = jnp.concatenate([cache[index][0], k], axis=1)
                v = jnp.concatenate([cache[index][1], v], axis=1)
            new_cache.append((k, v))
            mixed = layer.self_out(torso.attend(q, k, v, mask))
            x = self._dense(layer, 0, norms[1], x + self._dropout(mixed, dropout_rate))
            # Samples of one state query the same keys: fold them into the query axis.
            q = layer.cross_q(norms[2](x)).reshape(
                -1, samples * x.shape[1], config.policy_heads, config.head_size
            )
            mixed = torso.attend(q, *keys[index]).reshape(*x.shape[:2], -1)
            mixed = layer.cross_out(mixed)
            x = self._dense(layer, 1, norms[3], x + self._dropout(mixed, dropout_rate))
        return x, new_cache

    @staticmethod
    def _dropout(x: jax.Array, rate: float) -> jax.Array:
        return hk.dropout(hk.next_rng_key(), rate, x) if rate else x

    def teacher_forced(
        self, features: jax.Array, tokens: jax.Array, is_training: bool
    ) -> tuple[jax.Array, jax.Array]:
        """Computes the logits of each token of known actions, given the tokens before it.

        Args:
          features: the torso's output [B, G, c].
          tokens: tokens of A actions for each state, int32 [B, A, k].
          is_training: whether dropout is applied.

        Returns:
          (logits `[B, A, k, |F|**d]`, the first step's features [B, D] for the value head).
        """
        batch, actions, steps = tokens.shape
        flat = tokens.reshape(batch * actions, steps)
        shifted = jnp.pad(flat[:, :-1] + 1, ((0, 0), (1, 0)))
        x = self._embedding(shifted) + self._positions()
        mask = jnp.tril(jnp.ones((self._num_tokens, self._num_tokens), bool))
        rate = self._config.dropout if is_training else 0.0
        keys = self.cross_keys(features)
        x, _ = self._run(x, keys, None, mask, samples=actions, dropout_rate=rate)
        logits = self._logits(jax.nn.relu(x)).reshape(batch, actions, steps, -1)
        return logits, x[::actions, 0]

    def sample(self, features: jax.Array, uniforms: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draws K actions for each state by inverting the cumulative distribution of each token.

        Args:
          features: the torso's output [B, G, c].
          uniforms: independent uniform numbers [B, K, k] in [0, 1).

        Returns:
          (tokens int32 [B, K, k], the first step's features [B, D] for the value head).
        """
        batch, samples, steps = uniforms.shape
        keys = self.cross_keys(features)
        positions = self._positions()
        x = self._embedding(jnp.zeros((batch, 1), jnp.int32)) + positions[:1]
        x, cache = self._run(x, keys, None, None, samples=1)
        first = x[:, 0]
        logits = jnp.broadcast_to(
            self._logits(jax.nn.relu(first))[:, None], (batch, samples, self._vocabulary_size)
        )
        cache = jax.tree.map(lambda t: jnp.repeat(t, samples, axis=0), cache)
        tokens = []
        for step in range(steps):
            if step:
                x = self._embedding(tokens[-1].reshape(-1, 1) + 1) + positions[step]
                x, cache = self._run(x, keys, cache, None, samples=samples)
                logits = self._logits(jax.nn.relu(x)).reshape(batch, samples, -1)
            tokens.append(draw(logits, uniforms[:, :, step]))
        return jnp.stack(tokens, axis=-1), first


def draw(logits: jax.Array, uniform: jax.Array) -> jax.Array:
    """Draws tokens int32 [...] of softmax(logits), logits `[..., |F|**d]`, from uniforms [...]."""
    weights = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    cumulative = jnp.cumsum(weights, axis=-1)
    threshold = uniform * cumulative[..., -1]
    token = jnp.sum(cumulative <= threshold[..., None], axis=-1, dtype=jnp.int32)
    return jnp.minimum(token, logits.shape[-1] - 1)
