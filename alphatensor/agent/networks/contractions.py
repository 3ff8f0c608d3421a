"""A torso for small tensors: a perceptron over the residual's contractions with short vectors.

Contracting Σ u⊗v⊗w along a mode with a vector x keeps the terms whose factor u has x·u ≠ 0. Where
few terms are left, some contraction of the residual is a matrix of low rank, whose rows and columns
are the other factors of a term that may be subtracted. All these matrices are linear functions of
the residual, but mod p not of its entries as real numbers: a network would have to learn sums mod p
first. Here they are its input, and two small layers suffice. It is not in the paper; its number of
vectors grows with the size of the modes, so it suits tensors of a few coordinates a mode.
"""

import itertools
import math

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent.network_config import NetworkConfig
from alphatensor.agent.networks import torso
from alphatensor.rings import Ring


def short_vectors(size: int, limit: int, ring: Ring) -> np.ndarray:
    """Returns vectors to contract a mode with, int32 [at most `limit`, size].

    They are all non-zero vectors up to scale, those with the fewest non-zero entries first; over
    the integers, those with entries -1, 0, 1.
    """
    values = range(1, ring.modulus) if ring.is_modular else (1, -1)
    chosen: list[np.ndarray] = []
    for weight in range(1, size + 1):
        for places in itertools.combinations(range(size), weight):
            for rest in itertools.product(values, repeat=weight - 1):
                if len(chosen) == limit:
                    return np.array(chosen)
                vector = np.zeros(size, np.int32)
                vector[list(places)] = (1, *rest)
                chosen.append(vector)
    return np.array(chosen)


def encode(x: jax.Array, ring: Ring) -> jax.Array:
    """Returns integers [..., n] as features, float32 [..., 2n] or, mod 2, [..., n].

    Residues become points on the unit circle, so that none is larger than another. Over the
    integers it matters most where a contraction vanishes: that is a feature of its own.
    """
    if not ring.is_modular:
        return jnp.concatenate([(x == 0).astype(x.dtype), jnp.tanh(x / 2)], axis=-1)
    angle = 2 * math.pi / ring.modulus * ring.reduce(x)
    if ring.modulus == 2:
        return jnp.cos(angle)
    return jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=-1)


def contractions(residual: jax.Array, limit: int, ring: Ring) -> jax.Array:
    """Returns the contractions of residuals [B, S_u, S_v, S_w] along each mode, encoded, [B, n]."""
    batch, parts = residual.shape[0], []
    for mode in range(3):
        slices = jnp.moveaxis(residual, mode + 1, 1)
        vectors = short_vectors(slices.shape[1], limit, ring).astype(np.float32)
        contracted = jnp.einsum("xs,bsn->bxn", vectors, slices.reshape(*slices.shape[:2], -1))
        parts.append(contracted.reshape(batch, -1))
    return encode(jnp.concatenate(parts, axis=-1), ring)


def contractions_torso(
    tensors: jax.Array, scalars: jax.Array, config: NetworkConfig, ring: Ring
) -> jax.Array:
    """Returns features float32 [B, 1, c].

    Args:
      tensors: float32 [B, h + 1, S_u, S_v, S_w]; past actions are not looked at.
      scalars: float32 [B, number of scalars].
      config: sizes of the torso; `contractions` limits the vectors of each mode.
      ring: the arithmetic.
    """
    seen = contractions(tensors[:, 0], config.contractions, ring)
    x = hk.Linear(config.channels, name="embed")(jnp.concatenate([seen, scalars], axis=-1))
    for _ in range(config.torso_blocks):
        x = torso.dense_block(x, config.widening)
    return x[:, None]
