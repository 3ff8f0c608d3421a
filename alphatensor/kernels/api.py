"""`matmul` and `dot_general`, which use what was tuned for this device and `jnp` for the rest."""

import math
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.kernels import precisions, tuning
from alphatensor.kernels.config import ACCURACIES


def matmul(
    a: jax.Array,
    b: jax.Array,
    *,
    precision=None,
    preferred_element_type=None,
    out_sharding=None,
    accuracy: str = "fast",
) -> jax.Array:
    """Multiplies as `jnp.matmul` does, by a fast algorithm where `autotune` has found one faster.

    A fast algorithm multiplies a (..., N, M) by b (M, P) where (all leading sizes · N, M, P) was
    tuned; inside `shard_map` that is the shape of a shard. Everything else goes to `jnp.matmul`
    itself: other shapes, vectors, batches of b, mixed dtypes, another dtype of the result, symbolic
    shapes, arrays on several devices, and programs that are traced outside `shard_map` in a process
    with several devices, which may be given such arrays. The look-up happens while tracing. All
    transformations of JAX work, and derivatives of all orders multiply fast too.

    Errors. With e_max and q of the algorithm (`factorization.analysis.costs`; 12 and 8 for
    Strassen's), unit roundoff u and inner size M, the error of an entry is at most about
    (M + q) e_max u max|A| max|B| (Ballard et al. 2016), where `jnp` has `M u Σ_k |a_ik b_kj|`. So
    entries far below the largest ones lose digits. `accuracy='scaled'` first scales rows of A and
    columns of B, then inner columns and rows, by powers of two; then the bound of entry (i, j) is
    4 (M + q) e_max u max_k|a_ik| max_k|b_kj|. Integers are exact modulo overflow.

    Nothing overflows where M · max|A| · max|B| is within the dtype's range (that of float32 for
    shorter floats), with `accuracy='scaled'` where the result is. A product that is not finite all
    the same is computed again by `jnp.matmul`, so that NaN and Inf are where it puts them.

    Args:
      a: (..., N, M); b: (..., M, P), or vectors as in `jnp.matmul`.
      precision, preferred_element_type, out_sharding: as in `jnp.matmul`.
      accuracy: 'fast' or 'scaled', each with choices of its own; see `autotune`.

    Raises:
      ValueError: an unknown accuracy; or as `jnp.matmul`.
      TypeError: as `jnp.matmul`, for example for inner sizes that do not match.
    """
    options = _Options(precision, preferred_element_type, out_sharding, accuracy)
    if np.ndim(a) >= 2 == np.ndim(b):
        numbers = (((np.ndim(a) - 1,), (0,)), ((), ()))
        if (product := _fast(a, b, numbers, options)) is not None:
            return product
    return jnp.matmul(
        a,
        b,
        precision=precision,
        preferred_element_type=preferred_element_type,
        out_sharding=out_sharding,
    )


def dot_general(
    lhs: jax.Array,
    rhs: jax.Array,
    dimension_numbers,
    precision=None,
    preferred_element_type=None,
    *,
    out_sharding=None,
    accuracy: str = "fast",
) -> jax.Array:
    """Contracts as `jax.lax.dot_general` does, for layers that take one (Flax's `Dense`).

    A contraction of one axis without batch dimensions is a `matmul` of the flattened operands,
    where that was tuned; everything else goes to `jax.lax.dot_general` itself.
    """
    options = _Options(precision, preferred_element_type, out_sharding, accuracy)
    if (product := _fast(lhs, rhs, dimension_numbers, options)) is not None:
        return product
    return jax.lax.dot_general(
        lhs, rhs, dimension_numbers, precision, preferred_element_type, out_sharding=out_sharding
    )


class _Options(NamedTuple):
    """The options of a product, as in `matmul`."""

    precision: Any
    preferred_element_type: Any
    out_sharding: Any
    accuracy: str


def _fast(a, b, dimension_numbers, options: _Options) -> jax.Array | None:
    """Contracts by the kernel that was tuned for the operands; None where there is none."""
    if options.accuracy not in ACCURACIES:
        names = ", ".join(ACCURACIES)
        raise ValueError(f"accuracy: {options.accuracy!r}, expected one of {names}.")
    a, b = (jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in (a, b))
    axes = _axes(dimension_numbers)
    if axes is None or options.out_sharding is not None or not (_is_plain(a) and _is_plain(b)):
        return None
    if not (0 <= axes[0] < a.ndim and 0 <= axes[1] < b.ndim):
        return None
    wanted = options.preferred_element_type
    if a.dtype != b.dtype or (wanted is not None and jnp.dtype(wanted) != a.dtype):
        return None
    inner = a.shape[axes[0]]
    outer = [(*x.shape[:k], *x.shape[k + 1 :]) for x, k in zip((a, b), axes, strict=True)]
    if inner != b.shape[axes[1]]:
        return None
    precision = precisions.canonical(options.precision)
    shape = (math.prod(outer[0]), inner, math.prod(outer[1]))
    kernel = tuning.kernel_for(shape, a.dtype.name, precision, options.accuracy)
    if kernel is None:
        return None
    left = jnp.moveaxis(a, axes[0], -1).reshape(shape[0], inner)
    right = jnp.moveaxis(b, axes[1], 0).reshape(inner, shape[2])
    return kernel(left, right).reshape(*outer[0], *outer[1])


def _axes(dimension_numbers) -> tuple[int, int] | None:
    """Returns the axes that are contracted, where there is one of each operand and no batch."""
    try:
        (left, right), (left_batch, right_batch) = dimension_numbers
        (i,), (j,) = left, right
        return (
            None if len(left_batch) or len(right_batch) else (operator.index(i), operator.index(j))
        )
    except (TypeError, ValueError):
        return None  # what is wrong with them is for JAX to say


def _is_plain(x) -> bool:
    """Says whether x is an array of known sizes and strong dtype, certainly on one device."""
    if not isinstance(x, jax.Array) or jax.typeof(x).weak_type:
        return False
    if not all(isinstance(size, int) for size in x.shape):
        return False
    if not isinstance(x, jax.core.Tracer):
        return len(x.sharding.device_set) == 1
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return jax.device_count() == 1
    return set(mesh.manual_axes) == set(mesh.axis_names)  # inside shard_map
