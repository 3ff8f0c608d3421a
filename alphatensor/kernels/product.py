"""The fast product as one bilinear operation of JAX, as `jax.lax.dot_general` is one.

`multiply` has what JAX knows of a matrix product: derivatives of all kinds and orders, forward and
backward, which multiply fast too; batching by `vmap`; abstract evaluation, also inside `shard_map`.
How the product is computed, in `_compute`, is seen by the compiler alone.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.interpreters import ad, batching, mlir

from alphatensor.factorization import Factorization
from alphatensor.kernels import diagonal_scaling
from alphatensor.kernels.arithmetic import Arithmetic, arithmetic_for
from alphatensor.kernels.borders import BORDERS
from alphatensor.kernels.config import KernelConfig
from alphatensor.kernels.schedules import SCHEDULES


class Kernel(NamedTuple):
    """A flat algorithm with its two rotations; hashable, factorizations by identity.

    Attributes:
      rotations: algorithms of formats <n, m, p>, <m, p, n> and <p, n, m>.
      turn: which of them multiplies. The next one multiplies B Gᵗ for the derivative by A, the one
        after it Gᵗ A for the derivative by B.
      config: options of all three.
    """

    rotations: tuple[Factorization, Factorization, Factorization]
    turn: int
    config: KernelConfig

    @property
    def algorithm(self) -> Factorization:
        """Returns the algorithm that multiplies."""
        return self.rotations[self.turn]

    def turned(self, by: int) -> "Kernel":
        """Returns the kernel of the algorithm rotated `by` times."""
        return self._replace(turn=(self.turn + by) % 3)


def multiply(kernel: Kernel, a: jax.Array, b: jax.Array, result) -> jax.Array:
    """Multiplies a (..., N, M) by b (..., M, P) with equal leading sizes; C has dtype `result`.

    Operands of different dtypes are promoted first.
    """
    dtype = jnp.promote_types(a.dtype, b.dtype)
    a, b = a.astype(dtype), b.astype(dtype)
    # Inside shard_map both operands must vary over the same axes of the mesh.
    a, b = _varying_like(a, b), _varying_like(b, a)
    return _multiply_p.bind(a, b, kernel=kernel, result=jnp.dtype(result))


def _varying_like(x: jax.Array, other: jax.Array) -> jax.Array:
    missing = _axes(other) - _axes(x)
    if not missing:
        return x
    if hasattr(jax.lax, "pcast"):
        return jax.lax.pcast(x, tuple(missing), to="varying")
    return jax.lax.pvary(x, tuple(missing))  # its name in jax 0.7


def _axes(x: jax.Array) -> frozenset:
    """Returns the axes of the mesh over which x varies, which JAX 0.10.2 renamed."""
    kind = jax.typeof(x)
    return kind.vma if hasattr(kind, "vma") else kind.manual_axis_type.varying


_multiply_p = core.Primitive("fast_matmul")


def _abstract(a, b, *, kernel: Kernel, result):
    return a.update(shape=(*a.shape[:-1], b.shape[-1]), dtype=result, weak_type=False)


def _compute(a: jax.Array, b: jax.Array, *, kernel: Kernel, result) -> jax.Array:
    product = functools.partial(_of_matrices, kernel=kernel, result=result)
    if a.ndim == 2:
        c = product(a, b)
    else:  # one after the other: the temporaries are those of one
        batch = a.shape[:-2]
        flat = (x.reshape(math.prod(batch), *x.shape[-2:]) for x in (a, b))
        c = jax.lax.map(lambda pair: product(*pair), tuple(flat))
        c = c.reshape(*batch, *c.shape[1:])
    if not kernel.config.guard or not jnp.issubdtype(c.dtype, jnp.inexact):
        return c
    is_finite = jnp.isfinite(jnp.max(jnp.abs(c), axis=-1, initial=0)).all()
    # A loop without a step leaves C where it is; a condition would copy it.
    return jax.lax.while_loop(
        lambda state: ~state[1],
        lambda state: (_classical(a, b, kernel.config, result), jnp.ones_like(is_finite)),
        (c, is_finite),
    )[0]


def _classical(a: jax.Array, b: jax.Array, config: KernelConfig, result) -> jax.Array:
    return jnp.matmul(a, b, precision=config.precision, preferred_element_type=result)


def _of_matrices(a: jax.Array, b: jax.Array, kernel: Kernel, result) -> jax.Array:
    """Multiplies a (N, M) by b (M, P) of any sizes; by `jnp.matmul` below the format's."""
    f, config = kernel.algorithm, kernel.config
    arithmetic = arithmetic_for(a.dtype, config.precision, result)
    shape = (*a.shape, b.shape[1])
    if is_too_small(shape, f):
        return _classical(a, b, config, result)
    if config.diagonal == "none":
        return _of_blocks(a, b, f, config, arithmetic)
    a, b, scale_back = diagonal_scaling.scale(a, b, config.diagonal)
    wide = arithmetic._replace(result=arithmetic.accumulator)
    return scale_back(_of_blocks(a, b, f, config, wide)).astype(result)


def _of_blocks(
    a: jax.Array, b: jax.Array, f: Factorization, config: KernelConfig, arithmetic: Arithmetic
) -> jax.Array:
    schedule, shape = SCHEDULES[config.schedule], (*a.shape, b.shape[1])
    if all(size % step == 0 for size, step in zip(shape, f.sizes, strict=True)):
        return schedule(a, b, f, arithmetic)
    # C is rounded, and may overflow, when the products of the border have been added.
    wide = arithmetic._replace(result=arithmetic.accumulator)
    product = functools.partial(schedule, f=f, arithmetic=wide)
    return BORDERS[config.border](product, a, b, f.sizes, wide).astype(arithmetic.result)


def is_too_small(shape: tuple[int, int, int], f: Factorization) -> bool:
    """Says whether a size of (N, M, P) is below that of the algorithm's format."""
    return any(size < least for size, least in zip(shape, f.sizes, strict=True))


def _transposed_left(g, a, b, *, kernel: Kernel, result):
    """Returns the cotangent of A, (B Gᵗ)ᵗ, from that of C."""
    return _swap(multiply(kernel.turned(1), b, _swap(g), a.aval.dtype))


def _transposed_right(g, a, b, *, kernel: Kernel, result):
    """Returns the cotangent of B, (Gᵗ A)ᵗ, from that of C."""
    return _swap(multiply(kernel.turned(2), _swap(g), a, b.aval.dtype))


def _swap(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, -1, -2)


def _batch(operands, axes, *, kernel: Kernel, result):
    """Multiplies batches; where one operand has none, the other one's matrices become one."""
    (a, b), (i, j) = operands, axes
    size = a.shape[i] if i is not None else b.shape[j]
    if not isinstance(size, int):  # a symbolic one, which leaves unknown what blocks divide
        a, i = (a, i) if i is not None else (jnp.broadcast_to(a, (size, *a.shape)), 0)
        b, j = (b, j) if j is not None else (jnp.broadcast_to(b, (size, *b.shape)), 0)
    if i is not None and j is not None:
        c = multiply(kernel, jnp.moveaxis(a, i, 0), jnp.moveaxis(b, j, 0), result)
        return c, 0
    if i is not None:
        a = jnp.moveaxis(a, i, -3)
        *outer, _, rows, inner = a.shape
        c = multiply(kernel, a.reshape(*outer, size * rows, inner), b, result)
        return c.reshape(*outer, size, rows, c.shape[-1]), len(outer)
    b = jnp.moveaxis(b, j, -2)
    *outer, inner, _, columns = b.shape
    c = multiply(kernel, a, b.reshape(*outer, inner, size * columns), result)
    return c.reshape(*c.shape[:-1], size, columns), c.ndim - 1


_multiply_p.def_abstract_eval(_abstract)
_multiply_p.def_impl(jax.jit(_compute, static_argnames=("kernel", "result")))
mlir.register_lowering(_multiply_p, mlir.lower_fun(_compute, multiple_results=False))
ad.defbilinear(_multiply_p, _transposed_left, _transposed_right)
batching.primitive_batchers[_multiply_p] = _batch
