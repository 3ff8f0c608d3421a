"""`matmul` and `dot_general`, which use what was tuned for this device and `jnp` for the rest."""

import jax
import jax.numpy as jnp

from alphatensor.kernels import tuning


def matmul(a: jax.Array, b: jax.Array, *, precision=None, preferred_element_type=None) -> jax.Array:
    """Multiplies as `jnp.matmul` does, by a fast algorithm where `autotune` has found one faster.

    Shapes for which `autotune` has found none on this device are multiplied by `jnp.matmul` itself,
    and so is all that is not two matrices of one dtype. It is never slower than that by more than a
    look-up, which happens while tracing. Works under `jit`, `vmap` and `grad`.

    The error of a fast algorithm is larger (see `kernels.accuracy`), and NaN or Inf in an input can
    reach entries of the result that it does not reach in `jnp.matmul`.

    Args:
      a: (..., N, M); b: (..., M, P), or vectors as in `jnp.matmul`.
      precision, preferred_element_type: as in `jnp.matmul`.

    Raises:
      ValueError: inner sizes that do not match.
    """
    a, b = jnp.asarray(a), jnp.asarray(b)
    inner = a.shape[-1:], b.shape[-2:-1] if b.ndim > 1 else b.shape
    if a.ndim and b.ndim and inner[0] != inner[1]:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape}, expected (..., N, M), (..., M, P)."
        )
    same = a.dtype == b.dtype and preferred_element_type in (None, a.dtype)
    if a.ndim == b.ndim == 2 and same:
        return tuning.kernel_for((*a.shape, b.shape[1]), a.dtype.name, precision)(a, b)
    return jnp.matmul(a, b, precision=precision, preferred_element_type=preferred_element_type)


def dot_general(
    lhs: jax.Array,
    rhs: jax.Array,
    dimension_numbers,
    precision=None,
    preferred_element_type=None,
    **kwargs,
) -> jax.Array:
    """Contracts as `jax.lax.dot_general` does, for layers that take one (Flax's `Dense`).

    A product without batch dimensions that contracts one axis is a `matmul` of the flattened
    operands; everything else goes to `jax.lax.dot_general` itself.
    """
    (left, right), batch = dimension_numbers
    if any(batch) or len(left) != 1 or len(right) != 1 or kwargs.get("out_sharding") is not None:
        return jax.lax.dot_general(
            lhs, rhs, dimension_numbers, precision, preferred_element_type, **kwargs
        )
    lhs, rhs = jnp.moveaxis(lhs, left[0], -1), jnp.moveaxis(rhs, right[0], 0)
    outer = lhs.shape[:-1] + rhs.shape[1:]
    product = matmul(
        lhs.reshape(-1, lhs.shape[-1]),
        rhs.reshape(rhs.shape[0], -1),
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return product.reshape(outer)
