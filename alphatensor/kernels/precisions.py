"""Precisions of products, compared by what they mean: 'highest' and `Precision.HIGHEST` are one."""

import functools
from typing import Any

import jax
import jax.numpy as jnp


def canonical(precision: Any = None) -> Any:
    """Returns what a precision stands for here: a `Precision`, two of them, or a `DotAlgorithm`.

    Args:
      precision: as in `jnp.matmul`; None is what `jax.default_matmul_precision` says.

    Raises:
      ValueError: it is none; the message is JAX's.
    """
    if precision is None:
        precision = jax.default_matmul_precision.value
    return _canonical(tuple(precision) if isinstance(precision, list) else precision)


def name(precision: Any = None) -> str:
    """Returns the name of what a precision stands for here, for example 'HIGHEST' or 'None'."""
    found = canonical(precision)
    if found == jax.lax.Precision.DEFAULT:
        return str(None)  # as versions up to 0.1 stored it
    if isinstance(found, tuple):
        return " ".join(x.name for x in found)
    return getattr(found, "name", str(found))


@functools.cache
def _canonical(precision: Any) -> Any:
    if precision is None:
        return jax.lax.Precision.DEFAULT
    x = jax.ShapeDtypeStruct((1, 1), jnp.float32)
    (product,) = jax.make_jaxpr(lambda x: jax.lax.dot(x, x, precision=precision))(x).eqns
    found = product.params["precision"]
    is_pair = isinstance(found, tuple) and len(found) == 2
    return found[0] if is_pair and found[0] == found[1] else found
