"""The policy head: an autoregressive transformer over the tokens of an action.

Paper, Extended Data Fig. 4 and paper_details section 4.3. Teacher forcing and sampling run the same
layers: sampling keeps the keys and values of earlier tokens, computes the cross-attention's keys
and values once a state, and shares the first step, which depends on no token, between the K
samples. The residual stream is plain pre-norm; the paper's pseudo-code is reported to overwrite it
with its normalised value.
"""

from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.networks import torso as torso_lib


class PolicyConfig(NamedTuple):
    """Sizes of the policy head.

    Attributes:
      width: D, features of a token (the paper's 64 x 32 = 2048).
      layers: decoder layers (2).
      heads, head_size: of both attentions (32 and 32).
      widening: of the dense layers (4).
      dropout: rate after each attention while training.
    """

    width: int
    layers: int
    heads: int
    head_size: int
    widening: int
    dropout: float


class PolicyHead(hk.Module):
    """Token logits of actions given the torso's features [B, M, c]."""

    def __init__(
        self, config: PolicyConfig, num_tokens: int, vocabulary_size: int, name: str | None = None
    ):
        super().__init__(name=name)
        self._config = config
        self._num_tokens = num_tokens
        self._vocabulary_size = vocabulary_size
        init = hk.initializers.TruncatedNormal(0.02)
        # Row 0 is the start token; token t is row t + 1.
        self._embedding = hk.Embed(vocabulary_size + 1, config.width, w_init=init, name="embed")
        inner = config.heads * config.head_size
        self._layers = []
        for i in range(config.layers):
            linear = lambda size, name, i=i: hk.Linear(  # noqa: E731
                size, with_bias=False, name=f"layer_{i}_{name}"
            )
            self._layers.append(
                dict(
                    self_qkv=linear(3 * inner, "self_qkv"),
                    self_out=linear(config.width, "self_out"),
                    cross_q=linear(inner, "cross_q"),
                    cross_kv=linear(2 * inner, "cross_kv"),
                    cross_out=linear(config.width, "cross_out"),
                    norms=[
                        hk.LayerNorm(-1, True, True, name=f"layer_{i}_norm_{j}") for j in range(4)
                    ],
                    dense=[
                        (
                            hk.Linear(config.widening * config.width, name=f"layer_{i}_expand_{j}"),
                            hk.Linear(config.width, name=f"layer_{i}_contract_{j}"),
                        )
                        for j in range(2)
                    ],
                )
            )
        self._logits = hk.Linear(vocabulary_size, name="logits")

    def _positions(self) -> jax.Array:
        shape = (self._num_tokens, self._config.width)
        return hk.get_parameter("positions", shape, init=hk.initializers.TruncatedNormal(0.02))

    def _heads(self, x: jax.Array, parts: int) -> list[jax.Array]:
        config = self._config
        split = x.reshape(*x.shape[:-1], parts * config.heads, config.head_size)
        return jnp.split(split, parts, axis=-2)

    def cross_keys(self, features: jax.Array) -> list[list[jax.Array]]:
        """Keys and values [B, M, H, d] of the state for each layer, computed once a state."""
        normed = torso_lib.layer_norm(features, "features_norm")
        return [self._heads(layer["cross_kv"](normed), 2) for layer in self._layers]

    def _dense(self, layer: dict, index: int, norm: hk.LayerNorm, x: jax.Array) -> jax.Array:
        expand, contract = layer["dense"][index]
        return x + contract(jax.nn.gelu(expand(norm(x))))

    def _run(self, x, keys, cache, mask, samples: int, dropout_rate: float = 0.0):
        """Runs the layers on new tokens x [B*samples, L, D].

        Returns features of the same shape and the cache extended by the new tokens.
        """
        config, new_cache = self._config, []
        for index, layer in enumerate(self._layers):
            norms = layer["norms"]
            q, k, v = self._heads(layer["self_qkv"](norms[0](x)), 3)
            if cache is not None:
                k = jnp.concatenate([cache[index][0], k], axis=1)
                v = jnp.concatenate([cache[index][1], v], axis=1)
            new_cache.append((k, v))
            mixed = layer["self_out"](torso_lib.attend(q, k, v, mask))
            x = self._dense(layer, 0, norms[1], x + self._dropout(mixed, dropout_rate))
            # Samples of one state query the same keys: fold them into the query axis.
            q = layer["cross_q"](norms[2](x)).reshape(
                -1, samples * x.shape[1], config.heads, config.head_size
            )
            mixed = torso_lib.attend(q, *keys[index]).reshape(*x.shape[:2], -1)
            mixed = layer["cross_out"](mixed)
            x = self._dense(layer, 1, norms[3], x + self._dropout(mixed, dropout_rate))
        return x, new_cache

    @staticmethod
    def _dropout(x: jax.Array, rate: float) -> jax.Array:
        return hk.dropout(hk.next_rng_key(), rate, x) if rate else x

    def teacher_forced(
        self, features: jax.Array, tokens: jax.Array, is_training: bool
    ) -> tuple[jax.Array, jax.Array]:
        """Logits of each token given the ones before it.

        Args:
          features: the torso's output [B, M, c].
          tokens: tokens of A actions for each state, int32 [B, A, k].
          is_training: whether dropout is applied.

        Returns:
          (logits [B, A, k, vocabulary], the first step's features [B, D] for the value head).
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

    def sample(
        self, features: jax.Array, uniforms: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Draws K actions for each state by inverting the cumulative distribution of each token.

        Args:
          features: the torso's output [B, M, c].
          uniforms: independent uniform numbers [B, K, k] in [0, 1).

        Returns:
          (tokens int32 [B, K, k], log-probabilities of the actions [B, K], the first step's
          features [B, D] for the value head).
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
        repeat = lambda t: jnp.repeat(t, samples, axis=0)  # noqa: E731
        cache = jax.tree.map(repeat, cache)
        tokens, total = [], 0.0
        for step in range(steps):
            if step:
                x = self._embedding(tokens[-1].reshape(-1, 1) + 1) + positions[step]
                x, cache = self._run(x, keys, cache, None, samples=samples)
                logits = self._logits(jax.nn.relu(x)).reshape(batch, samples, -1)
            token, log_probability = draw(logits, uniforms[:, :, step])
            tokens.append(token)
            total = total + log_probability
        return jnp.stack(tokens, axis=-1), total, first


def draw(logits: jax.Array, uniform: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Samples of softmax(logits) [..., V] from uniforms [...]: (int32 [...], log-probs [...])."""
    weights = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    cumulative = jnp.cumsum(weights, axis=-1)
    threshold = uniform * cumulative[..., -1]
    token = jnp.sum(cumulative <= threshold[..., None], axis=-1, dtype=jnp.int32)
    token = jnp.minimum(token, logits.shape[-1] - 1)
    picked = jnp.take_along_axis(weights, token[..., None], axis=-1)[..., 0]
    return token, jnp.log(picked) - jnp.log(cumulative[..., -1])
