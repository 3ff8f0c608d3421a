"""Compiles a verified factorization to `matmul(a, b)`."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from alphatensor.factorization import Factorization, kronecker, rotate
from alphatensor.kernels import precisions
from alphatensor.kernels.config import KernelConfig, from_options
from alphatensor.kernels.product import Kernel, is_too_small, multiply


def compile_matmul(
    factorization: Factorization | Sequence[Factorization], levels: int = 1, **options
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns a function matmul(a, b) that multiplies with the algorithm, as `jnp.matmul` would.

    Example::

        fast = jax.jit(compile_matmul(strassen(), levels=2, schedule="sequential"))
        c = fast(a, b)

    Args:
      factorization: algorithm over Z or Q; a sequence gives each level its own, outermost first.
        The levels are flattened to one algorithm, so that sums are shared across them.
      levels: how often one factorization is applied; 1 with a sequence.
      **options: fields of `KernelConfig`: schedule, border, precision, preferred_element_type,
        diagonal, guard.

    Returns:
      matmul(a, b) for a (..., N, M) and b (..., M, P), with N, M, P at least the format's sizes. It
      can be transformed in all ways that `jnp.matmul` can, and its derivatives, of any order,
      multiply by the rotated algorithms.

      Integers are exact modulo overflow. Floats of 8 or 16 bits accumulate in float32. Floats that
      hold integers give integers, and nothing overflows where M · max|a| · max|b| is within the
      accumulator's range and C within its own. The error is that of `kernels.matmul`. Without
      `guard`, a NaN or Inf in an input can reach entries of the result that it does not reach in
      `jnp.matmul`, because sums mix blocks.

      matmul raises ValueError for shapes that do not match or are too small, and TypeError for
      integers with a fractional factorization, for boolean inputs, and for diagonal scaling of
      anything but floats.

    Raises:
      ValueError: the factorization does not verify, is modular or Gaussian, or has no matmul
        format; levels or an option is out of range; or there is no such option.
    """
    config = from_options(KernelConfig, options)
    flat = flatten(factorization, levels)
    kernel = Kernel((flat, rotate(flat, 1), rotate(flat, 2)), 0, config)

    def matmul(a: jax.Array, b: jax.Array) -> jax.Array:
        """Multiplies a (..., N, M) by b (..., M, P); see `compile_matmul`."""
        # Not when the program is lowered: `jax.default_matmul_precision` may be another one then.
        precision = precisions.canonical(config.precision)
        here = kernel._replace(config=config.replace(precision=precision))
        return _matmul(here, jnp.asarray(a), jnp.asarray(b))

    return matmul


def flatten(factorization: Factorization | Sequence[Factorization], levels: int) -> Factorization:
    """Returns one algorithm for all levels, after checking each level's.

    Args:
      factorization: one that all levels apply, or a sequence, outermost first.
      levels: how often one factorization is applied; 1 with a sequence.

    Raises:
      ValueError: for a factorization that does not verify, is modular or Gaussian, or has no matmul
        format.
    """
    is_single = isinstance(factorization, Factorization)
    parts = [factorization] * levels if is_single else list(factorization)
    if levels < 1 or not parts or (not is_single and levels != 1):
        raise ValueError(f"levels: {levels}, expected at least 1 (and 1 with a sequence).")
    for f in parts[:1] if is_single else parts:
        if f.sizes is None:
            raise ValueError(f"factorization: {f.target.name} is no matrix multiplication.")
        if f.ring.is_modular:
            raise ValueError(
                f"factorization: coefficients of {f.ring.name} are no algorithm over the reals; "
                "lift it first (alphatensor.factorization.lift)."
            )
        if not f.is_real:
            raise ValueError(
                f"factorization: {f.target.name} in rank {f.rank} has Gaussian coefficients; "
                "kernels multiply by real ones."
            )
        if not (found := f.verify()).ok:
            raise ValueError(f"factorization: {found.message}")
    return functools.reduce(kronecker, parts)


def _matmul(kernel: Kernel, a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiplies a (..., N, M) by b (..., M, P) in their common dtype."""
    _check(a, b, kernel)
    dtype = jnp.result_type(a, b)
    a, b = a.astype(dtype), b.astype(dtype)
    result = kernel.config.preferred_element_type or dtype
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if batch and b.ndim == 2:  # one product, as of the rows of a single matrix
        rows = a.reshape(-1, a.shape[-1])
        return multiply(kernel, rows, b, result).reshape(*a.shape[:-1], b.shape[1])
    a, b = (jnp.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
    return multiply(kernel, a, b, result)


def _check(a: jax.Array, b: jax.Array, kernel: Kernel) -> None:
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape}, expected (..., N, M), (..., M, P)."
        )
    f, shape = kernel.algorithm, (*a.shape[-2:], b.shape[-1])
    if is_too_small(shape, f):
        raise ValueError(f"matmul: sizes {shape}, too small for the levels: at least {f.sizes}.")
    for name, x in (("a", a), ("b", b)):
        if not (jnp.issubdtype(x.dtype, jnp.inexact) or jnp.issubdtype(x.dtype, jnp.integer)):
            raise TypeError(f"matmul: {name} has dtype {x.dtype}, expected numbers.")
    dtype = jnp.result_type(a, b)
    if jnp.issubdtype(dtype, jnp.integer) and not f.is_integral:
        raise TypeError("matmul: integers with a fractional factorization; expected floats.")
    if kernel.config.diagonal != "none" and not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"matmul: diagonal scaling of {dtype}, expected floats.")
