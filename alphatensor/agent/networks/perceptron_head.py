"""A policy head for small vocabularies: one perceptron for each token of an action.

The distribution of a token depends on the torso's features, which each token before it scales and
shifts by learned amounts. It has the interface of the paper's transformer (`policy_head`) and costs
a small part of it, which decides where K actions are sampled at every node of a search.
"""

from typing import NamedTuple

import haiku as hk
import jax
import jax.numpy as jnp

from alphatensor.agent.network_config import NetworkConfig
from alphatensor.agent.networks.policy_head import draw


class _Token(NamedTuple):
    """The modules of one token's distribution."""

    blocks: list[tuple[hk.LayerNorm, hk.Linear, hk.Linear]]
    norm: hk.LayerNorm
    logits: hk.Linear


def _make_token(config: NetworkConfig, vocabulary_size: int, index: int) -> _Token:
    # A function outside the class, whose methods Haiku would add to the parameters' names.
    width, name = config.policy_width, f"token_{index}"
    return _Token(
        blocks=[
            (
                hk.LayerNorm(-1, True, True, name=f"{name}_norm_{layer}"),
                hk.Linear(config.widening * width, name=f"{name}_expand_{layer}"),
                hk.Linear(width, name=f"{name}_contract_{layer}"),
            )
            for layer in range(config.policy_layers)
        ],
        norm=hk.LayerNorm(-1, True, True, name=f"{name}_norm"),
        logits=hk.Linear(vocabulary_size, name=f"{name}_logits"),
    )


class PerceptronHead(hk.Module):
    """The distribution of an action's tokens, given the torso's features [B, G, c]."""

    def __init__(
        self, config: NetworkConfig, num_tokens: int, vocabulary_size: int, name: str | None = None
    ):
        super().__init__(name=name)
        self._dropout = config.dropout
        self._state = hk.Linear(config.policy_width, name="state")
        self._width = config.policy_width
        init = hk.initializers.TruncatedNormal(0.1)
        self._embeddings = [
            hk.Embed(vocabulary_size, 2 * self._width, w_init=init, name=f"embed_{index}")
            for index in range(num_tokens - 1)
        ]
        self._tokens = [_make_token(config, vocabulary_size, index) for index in range(num_tokens)]

    def _first(self, features: jax.Array) -> jax.Array:
        """Returns what the first token depends on, [B, width]."""
        return self._state(features.reshape(features.shape[0], -1))

    def _after(self, x: jax.Array, index: int, tokens: jax.Array) -> jax.Array:
        """Returns what the next token depends on, given tokens [...] and x [..., width]."""
        scale, shift = jnp.split(self._embeddings[index](tokens), 2, axis=-1)
        return x * (1 + scale) + shift

    def _run(self, index: int, x: jax.Array, dropout: float = 0.0) -> jax.Array:
        """Returns the logits of a token, given what it depends on, x [..., width]."""
        token = self._tokens[index]
        for norm, expand, contract in token.blocks:
            hidden = jax.nn.gelu(expand(norm(x)))
            if dropout:
                hidden = hk.dropout(hk.next_rng_key(), dropout, hidden)
            x = x + contract(hidden)
        return token.logits(token.norm(x))

    def teacher_forced(
        self, features: jax.Array, tokens: jax.Array, is_training: bool
    ) -> tuple[jax.Array, jax.Array]:
        """Computes the logits of each token of known actions, given the tokens before it.

        Args:
          features: the torso's output [B, G, c].
          tokens: tokens of A actions for each state, int32 [B, A, k].
          is_training: whether dropout is applied.

        Returns:
          (logits `[B, A, k, |F|**d]`, features [B, width] for the value head).
        """
        dropout = self._dropout if is_training else 0.0
        first = self._first(features)
        x = first[:, None]
        logits = [jnp.repeat(self._run(0, x, dropout), tokens.shape[1], axis=1)]
        for index in range(len(self._embeddings)):
            x = self._after(x, index, tokens[:, :, index])
            logits.append(self._run(index + 1, x, dropout))
        return jnp.stack(logits, axis=2), first

    def sample(self, features: jax.Array, uniforms: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draws K actions for each state by inverting the cumulative distribution of each token.

        Args:
          features: the torso's output [B, G, c].
          uniforms: independent uniform numbers [B, K, k] in [0, 1).

        Returns:
          (tokens int32 [B, K, k], features [B, width] for the value head).
        """
        first = self._first(features)
        x = first[:, None]
        tokens = [draw(jnp.repeat(self._run(0, x), uniforms.shape[1], axis=1), uniforms[:, :, 0])]
        for index in range(len(self._embeddings)):
            x = self._after(x, index, tokens[-1])
            tokens.append(draw(self._run(index + 1, x), uniforms[:, :, index + 1]))
        return jnp.stack(tokens, axis=-1), first
