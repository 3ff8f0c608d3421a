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

    `autotune()` calibrates the device once; then a cost model chooses for every shape, and leaves
    `jnp.matmul` only where it predicts a clear gain. What `autotune(shape)` found goes before it.

    The shape that counts is (all leading sizes · N, M, P) for a (..., N, M) and b (M, P), and
    (N, M, P) for batches of b; inside `shard_map` it is that of a shard. Everything else goes to
    `jnp.matmul` itself: other shapes, vectors, mixed dtypes, another dtype of the result, symbolic
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
    product = None
    if np.ndim(a) >= 2 == np.ndim(b):
        product = _fast(a, b, (((np.ndim(a) - 1,), (0,)), ((), ())), options)
    elif np.ndim(a) >= 2 and np.ndim(b) >= 2:
        product = _fast_batch(a, b, options)
    if product is not None:
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
    a, b = (jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in (a, b))
    axes = _axes(dimension_numbers)
    if not _are_plain(a, b, options) or axes is None:
        return None
    if not (0 <= axes[0] < a.ndim and 0 <= axes[1] < b.ndim):
        return None
    inner = a.shape[axes[0]]
    outer = [(*x.shape[:k], *x.shape[k + 1 :]) for x, k in zip((a, b), axes, strict=True)]
    if inner != b.shape[axes[1]]:
        return None
    shape = (math.prod(outer[0]), inner, math.prod(outer[1]))
    kernel = _kernel_for(shape, a.dtype, options)
    if kernel is None:
        return None
    left = jnp.moveaxis(a, axes[0], -1).reshape(shape[0], inner)
    right = jnp.moveaxis(b, axes[1], 0).reshape(inner, shape[2])
    return kernel(left, right).reshape(*outer[0], *outer[1])


def _fast_batch(a, b, options: _Options) -> jax.Array | None:
    """Multiplies batches, one product after the other; None where no kernel was chosen for one."""
    a, b = (jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in (a, b))
    if not _are_plain(a, b, options) or a.shape[-1] != b.shape[-2]:
        return None
    try:
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None  # which is for JAX to say
    kernel = _kernel_for((*a.shape[-2:], b.shape[-1]), a.dtype, options)
    return None if kernel is None or 0 in batch else kernel(a, b)


def _kernel_for(shape: tuple[int, int, int], dtype, options: _Options):
    precision = precisions.canonical(options.precision)
    return tuning.kernel_for(shape, dtype.name, precision, options.accuracy)


def _are_plain(a, b, options: _Options) -> bool:
    """Says whether operands and options are those of kernels; raises for an unknown accuracy."""
    if options.accuracy not in ACCURACIES:
        names = ", ".join(ACCURACIES)
        raise ValueError(f"accuracy: {options.accuracy!r}, expected one of {names}.")
    if options.out_sharding is not None or not (_is_plain(a) and _is_plain(b)):
        return False
    wanted = options.preferred_element_type
    return a.dtype == b.dtype and (wanted is None or jnp.dtype(wanted) == a.dtype)


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
