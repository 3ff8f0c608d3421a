"""Actions: rank-1 tensors as factors (u, v, w), as tokens, in canonical form, and merged.

Factors are integer arrays [..., 3, S]: one row for each mode, padded with zeros to the side S. The
policy network writes an action as k tokens of d entries each, k·d >= S_u + S_v + S_w: the true
entries of u, v and w one after the other, padded with zeros (Fawzi et al. 2022, Methods, "Policy
head").
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent.config import AgentConfig
from alphatensor.rings import Ring


class Vocabulary(NamedTuple):
    """The rule by which factors are written as tokens. Hashable: a static argument.

    Attributes:
      entries: the set F in increasing order, for example (-1, 0, 1).
      entries_per_token: d.
      shape: (S_u, S_v, S_w), the number of true entries of each factor.
      side: S, the length to which factors are padded.
    """

    entries: tuple[int, ...]
    entries_per_token: int
    shape: tuple[int, int, int]
    side: int

    @property
    def num_tokens(self) -> int:
        """The number k of tokens of one action."""
        return -(-sum(self.shape) // self.entries_per_token)

    @property
    def size(self) -> int:
        """The number `|F|**d` of values of one token."""
        return len(self.entries) ** self.entries_per_token


def make_vocabulary(config: AgentConfig, shapes: Sequence[tuple[int, int, int]]) -> Vocabulary:
    """Returns the vocabulary of a run whose targets have these shapes.

    Each mode gets as many entries as the largest target has there, so that one network serves all.
    """
    shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    return Vocabulary(
        entries=tuple(sorted(config.entries)),
        entries_per_token=config.entries_per_token,
        shape=shape,
        side=max(shape),
    )


def _positions(vocabulary: Vocabulary) -> np.ndarray:
    """Returns where each true entry lies in a flattened [3, S] action, int [S_u + S_v + S_w]."""
    return np.concatenate(
        [mode * vocabulary.side + np.arange(size) for mode, size in enumerate(vocabulary.shape)]
    )


def to_tokens(factors: jax.Array, vocabulary: Vocabulary) -> jax.Array:
    """Returns the tokens int32 [..., k] of factors [..., 3, S] whose entries lie in F."""
    d, k = vocabulary.entries_per_token, vocabulary.num_tokens
    flat = factors.reshape(*factors.shape[:-2], 3 * vocabulary.side)[..., _positions(vocabulary)]
    padding = [(0, 0)] * (flat.ndim - 1) + [(0, k * d - flat.shape[-1])]
    entries = jnp.array(vocabulary.entries, jnp.int32)
    digits = jnp.searchsorted(entries, jnp.pad(flat, padding).astype(jnp.int32))
    weights = jnp.array([len(vocabulary.entries) ** i for i in range(d)], jnp.int32)
    return jnp.sum(digits.reshape(*digits.shape[:-1], k, d) * weights, axis=-1, dtype=jnp.int32)


def from_tokens(tokens: jax.Array, vocabulary: Vocabulary) -> jax.Array:
    """Returns the factors int8 [..., 3, S] of tokens [..., k]; entries on padding are dropped."""
    d, base = vocabulary.entries_per_token, len(vocabulary.entries)
    weights = jnp.array([base**i for i in range(d)], jnp.int32)
    digits = (tokens[..., None] // weights) % base
    flat = digits.reshape(*tokens.shape[:-1], -1)[..., : sum(vocabulary.shape)]
    values = jnp.array(vocabulary.entries, jnp.int8)[flat]
    out = jnp.zeros((*tokens.shape[:-1], 3 * vocabulary.side), jnp.int8)
    out = out.at[..., _positions(vocabulary)].set(values)
    return out.reshape(*tokens.shape[:-1], 3, vocabulary.side)


def outer(factors: jax.Array, ring: Ring) -> jax.Array:
    """Returns the rank-1 tensors u⊗v⊗w, int32 [..., S, S, S], of factors [..., 3, S]."""
    u, v, w = (factors[..., mode, :].astype(jnp.int32) for mode in range(3))
    return ring.reduce(u[..., :, None, None] * v[..., None, :, None] * w[..., None, None, :])


def is_null(factors: jax.Array) -> jax.Array:
    """Says where u, v or w is zero, so that the action changes nothing; bool [...]."""
    return jnp.any(jnp.all(factors == 0, axis=-1), axis=-1)


def canonical(factors: jax.Array, ring: Ring) -> jax.Array:
    """Returns the one representative of all factors (au, bv, cw), abc = 1, of a rank-1 tensor.

    Over the integers the first non-zero entries of u and v become positive; mod p they become 1;
    w takes the inverse factor (Fawzi et al. 2022, Methods, "Action canonicalization"). Shape and
    dtype stay.
    """
    if ring.modulus == 2:
        return factors
    first = jnp.argmax(factors != 0, axis=-1, keepdims=True)
    leading = jnp.take_along_axis(factors, first, axis=-1)[..., 0].astype(jnp.int32)  # [..., 3]
    leading = jnp.where(leading == 0, 1, leading)
    if ring.is_modular:
        unit = jnp.array(ring.inverses(), jnp.int32)[leading % ring.modulus]
    else:
        unit, leading = jnp.sign(leading), jnp.sign(leading)
    for_w = leading[..., 0] * leading[..., 1]
    scale = jnp.stack([unit[..., 0], unit[..., 1], for_w], axis=-1)
    return ring.reduce(factors.astype(jnp.int32) * scale[..., None]).astype(factors.dtype)


def sum_of(factors: jax.Array, ring: Ring) -> jax.Array:
    """Returns the sum int32 [S, S, S] of the rank-1 tensors of factors [T, 3, S]."""
    u, v, w = (factors[:, mode].astype(jnp.int32) for mode in range(3))
    return ring.reduce(jnp.einsum("ti,tj,tk->ijk", u, v, w))


def merge(factors: jax.Array) -> jax.Array:
    """Merges equal samples into the empirical policy of the K samples of one state.

    The first copy of an action carries the share of the samples equal to it, later copies carry 0.
    Null actions carry 0 as well, unless all K are null: then the first is kept, so that the
    probabilities always sum to 1.

    Args:
      factors: canonical factors [K, 3, S].

    Returns:
      The probabilities, float32 [K].
    """
    flat = factors.reshape(factors.shape[0], -1)
    equal = jnp.all(flat[:, None] == flat[None, :], axis=-1)
    index = jnp.arange(flat.shape[0])
    is_first = jnp.argmax(equal, axis=-1) == index
    useful = ~is_null(factors)
    is_first = jnp.where(jnp.any(useful), is_first & useful, index == 0)
    counts = jnp.where(is_first, jnp.sum(equal, axis=-1), 0)
    return counts / jnp.sum(counts)
