"""Precisions of products, compared by what they mean: 'highest' and `Precision.HIGHEST` are one."""

import functools
from typing import Any

import jax
import jax.numpy as jnp


def canonical(precision: Any = None) -> Any:
    """Returns what a precision stands for here: None, a `Precision`, two, or a `DotAlgorithm`.

    Args:
      precision: as in `jnp.matmul`; None is what `jax.default_matmul_precision` says.

    Raises:
      ValueError: it is none; the message is JAX's.
    """
    if precision is None:
        precision = jax.default_matmul_precision.value
    return _canonical(tuple(precision) if isinstance(precision, list) else precision)


def name(precision: Any = None) -> str:
    """Returns the name of what a precision stands for here, for example 'None' or 'HIGHEST'."""
    found = canonical(precision)
    if isinstance(found, tuple):
        return " ".join(x.name for x in found)
    return getattr(found, "name", str(found))


@functools.cache
def _canonical(precision: Any) -> Any:
    if precision is None:
        return None
    x = jax.ShapeDtypeStruct((1, 1), jnp.float32)
    (product,) = jax.make_jaxpr(lambda x: jax.lax.dot(x, x, precision=precision))(x).eqns
    found = product.params["precision"]
    if isinstance(found, tuple) and found[0] == found[1]:
        found = found[0]
    return None if found == jax.lax.Precision.DEFAULT else found
