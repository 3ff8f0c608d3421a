"""Compiles a verified factorization to `matmul(a, b)`."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp

from alphatensor.config import ConfigError
from alphatensor.factorization import Factorization, kronecker, rotate
from alphatensor.kernels import diagonal_scaling
from alphatensor.kernels.arithmetic import arithmetic_for
from alphatensor.kernels.borders import BORDERS
from alphatensor.kernels.config import KernelConfig
from alphatensor.kernels.schedules import SCHEDULES


def compile_matmul(
    factorization: Factorization | Sequence[Factorization], levels: int = 1, **options
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns a function matmul(a, b) that multiplies with the algorithm, as `jnp.matmul` would.

        fast = jax.jit(compile_matmul(strassen(), levels=2, schedule="sequential"))
        c = fast(a, b)

    Args:
      factorization: algorithm over Z or Q; a sequence gives each level its own, outermost first.
        The levels are flattened to one algorithm, so that sums are shared across them.
      levels: how often one factorization is applied; 1 with a sequence.
      **options: fields of `KernelConfig`: schedule, border, precision, preferred_element_type,
        diagonal.

    Returns:
      matmul(a, b) for a (..., N, M) and b (..., M, P), with N, M, P at least the format's sizes.
      Half precision accumulates in float32; integers are exact modulo the dtype's overflow. It can
      be jitted, vmapped and differentiated (both derivatives multiply by the rotated algorithm). A
      NaN or Inf in an input can reach entries of the result that it does not reach in `jnp.matmul`,
      because sums mix blocks. matmul raises ValueError for shapes that do not match or are too
      small, and TypeError for integers with a fractional factorization, for complex or boolean
      inputs, and for integers with diagonal scaling.

    Raises:
      ValueError: the factorization does not verify, is modular, or has no matmul format; levels
        or an option is out of range; or there is no such option.
    """
    config = _config_from(options)
    flat = flatten(factorization, levels)
    kernel = _Kernel(
        product=flat, for_left=rotate(flat, 1), for_right=rotate(flat, 2), config=config
    )

    def matmul(a: jax.Array, b: jax.Array) -> jax.Array:
        """Multiplies a (..., N, M) by b (..., M, P); see `compile_matmul`."""
        return _matmul(kernel, jnp.asarray(a), jnp.asarray(b))

    return matmul


def _config_from(options: dict[str, Any]) -> KernelConfig:
    """Reads the options of `compile_matmul`; raises `ValueError` in one line."""
    known = [field.name for field in dataclasses.fields(KernelConfig)]
    for name in options:
        if name not in known:
            raise ValueError(f"{name}: no such option, expected some of {', '.join(known)}.")
    try:
        return KernelConfig(**options)
    except ConfigError as error:
        raise ValueError(f"{error.field}: {error.given!r}, expected {error.expected}.") from None


def flatten(factorization: Factorization | Sequence[Factorization], levels: int) -> Factorization:
    """Returns one algorithm for all levels, after checking each level's.

    Args:
      factorization: one that all levels apply, or a sequence, outermost first.
      levels: how often one factorization is applied; 1 with a sequence.

    Raises:
      ValueError: for a factorization that does not verify, is modular, or has no matmul format.
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
        if not (found := f.verify()).ok:
            raise ValueError(f"factorization: {found.message}")
    return functools.reduce(kronecker, parts)


@dataclasses.dataclass(frozen=True, eq=False)
class _Kernel:
    """A flat algorithm with what its derivatives need; compared by identity, so hashable.

    Attributes:
      product: algorithm of C = A B, of format <n, m, p>.
      for_left: its rotation <m, p, n>, which multiplies B Gᵗ for the derivative by A.
      for_right: its rotation <p, n, m>, which multiplies Gᵗ A for the derivative by B.
      config: options of all three.
    """

    product: Factorization
    for_left: Factorization
    for_right: Factorization
    config: KernelConfig


def _matmul(kernel: _Kernel, a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiplies a (..., N, M) by b (..., M, P) in their common dtype."""
    _check(a, b, kernel.product)
    dtype = jnp.promote_types(a.dtype, b.dtype)
    a, b = a.astype(dtype), b.astype(dtype)
    if kernel.config.diagonal == "none":
        return _broadcast(kernel, a, b)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"matmul: diagonal scaling of {dtype}, expected floats.")
    a, b, scale_back = diagonal_scaling.scale(a, b, kernel.config.diagonal)
    return scale_back(_broadcast(kernel, a, b))


def _check(a: jax.Array, b: jax.Array, f: Factorization) -> None:
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape}, expected (..., N, M), (..., M, P)."
        )
    shape = (*a.shape[-2:], b.shape[-1])
    if _is_too_small(shape, f):
        raise ValueError(f"matmul: sizes {shape}, too small for the levels: at least {f.sizes}.")
    for name, x in (("a", a), ("b", b)):
        if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
            raise TypeError(f"matmul: {name} has dtype {x.dtype}, expected floats or integers.")
    if jnp.issubdtype(jnp.promote_types(a.dtype, b.dtype), jnp.integer) and not f.is_integral:
        raise TypeError("matmul: integers with a fractional factorization; expected floats.")


def _is_too_small(shape: tuple[int, int, int], f: Factorization) -> bool:
    return any(size < least for size, least in zip(shape, f.sizes, strict=True))


def _broadcast(kernel: _Kernel, a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiplies each pair of matrices of two batches that broadcast against each other."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if not batch:
        return _multiply(kernel, a, b)
    a = jnp.broadcast_to(a, batch + a.shape[-2:]).reshape(-1, *a.shape[-2:])
    b = jnp.broadcast_to(b, batch + b.shape[-2:]).reshape(-1, *b.shape[-2:])
    c = jax.vmap(functools.partial(_multiply, kernel))(a, b)
    return c.reshape(*batch, *c.shape[-2:])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _multiply(kernel: _Kernel, a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiplies a (N, M) by b (M, P), of one dtype; its derivatives are fast products too."""
    return _product(a, b, kernel.product, kernel.config)


def _multiply_forward(kernel: _Kernel, a, b):
    return _multiply(kernel, a, b), (a, b)


def _multiply_backward(kernel: _Kernel, saved, g):
    a, b = saved
    g = g.astype(a.dtype).T
    da = _product(b, g, kernel.for_left, kernel.config).T  # (B Gᵗ)ᵗ
    db = _product(g, a, kernel.for_right, kernel.config).T  # (Gᵗ A)ᵗ
    return da.astype(a.dtype), db.astype(b.dtype)


_multiply.defvjp(_multiply_forward, _multiply_backward)


def _product(a: jax.Array, b: jax.Array, f: Factorization, config: KernelConfig) -> jax.Array:
    """Multiplies a (N, M) by b (M, P) of any sizes; by `jnp.matmul` below the format's."""
    chex.assert_rank((a, b), 2)
    chex.assert_equal(a.shape[1], b.shape[0])
    arithmetic = arithmetic_for(a.dtype, config.precision, config.preferred_element_type)
    shape = (*a.shape, b.shape[1])
    if _is_too_small(shape, f):
        return jnp.matmul(
            a, b, precision=config.precision, preferred_element_type=arithmetic.result
        )
    multiply = functools.partial(SCHEDULES[config.schedule], f=f, arithmetic=arithmetic)
    if all(size % step == 0 for size, step in zip(shape, f.sizes, strict=True)):
        return multiply(a, b)
    return BORDERS[config.border](multiply, a, b, f.sizes, arithmetic)
