"""The product of a matrix with its own transpose, A Aᵀ, as BLAS's `syrk` computes it.

An algorithm for `gt<n>` (see `alphatensor.structured`) cuts A into n×n blocks and computes the
blocks of C at and below the diagonal. Its entries need not commute, so they may be blocks; products
of a sum of blocks with its own transpose are smaller products of the same kind, and recursive
calls.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import structured, targets
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import recursion
from alphatensor.factorization.library import store
from alphatensor.kernels import api, sums
from alphatensor.kernels.arithmetic import Arithmetic, arithmetic_for
from alphatensor.kernels.blocks import join, split

DEFAULT = "gt2"  # the target whose algorithm `syrk` takes from the library


def syrk(a: jax.Array, *, levels: int = 1, precision=None) -> jax.Array:
    """Returns A Aᵀ by the library's algorithm for 2×2 blocks; four of its six products are squares.

    With one, two and three levels it multiplies 3/4, 5/8 and 9/16 as much as `jnp.matmul`.

    Args:
      a: (..., N, M), numbers.
      levels: how often the algorithm is applied; products of general blocks go to `kernels.matmul`.
      precision: precision of each product of blocks, as in `jnp.matmul`.

    Returns:
      (..., N, N) in the dtype of a, exactly symmetric; values up to rounding as `compile_matmul`
      says, for integers exact modulo overflow.

    Raises:
      ValueError: for levels below 1, or fewer than two dimensions.
      TypeError: for a dtype that holds no numbers.
    """
    return compile_syrk(_default(), levels, precision)(a)


def compile_syrk(
    f: Factorization, levels: int = 1, precision=None
) -> Callable[[jax.Array], jax.Array]:
    """Returns a jitted function syrk(a) that computes A Aᵀ with an algorithm for `gt<n>`.

    Args:
      f: over Z or Q.
      levels: how often it is applied. Sizes that n does not divide are padded with zeros; where a
        size is below n the rest is one product.
      precision: precision of each product of blocks, as in `jnp.matmul`.

    Returns:
      syrk(a), with the arguments, results and errors of `syrk`.

    Raises:
      ValueError: for an algorithm of another target, of a modular ring, or that does not verify, or
        levels below 1.
    """
    product = targets.structure_of(f.target.name)
    if product is None or product[:2] != ("g", structured.TRANSPOSED):
        raise ValueError(f"factorization: one of {f.target.title}, expected one of gt2, gt3, ...")
    if f.ring.is_modular or not f.is_real:
        raise ValueError(f"factorization: coefficients of {f.domain}, expected real ones.")
    if not (found := f.verify()).ok:
        raise ValueError(f"factorization: {found.message}")
    if not isinstance(levels, int) or levels < 1:
        raise ValueError(f"levels: {levels!r}, expected at least 1.")
    return functools.partial(_checked, f=f, levels=levels, precision=precision)


def _checked(a: jax.Array, f: Factorization, levels: int, precision) -> jax.Array:
    a = jnp.asarray(a)
    if a.ndim < 2:
        raise ValueError(f"syrk: shape {a.shape}, expected (..., N, M).")
    if not (jnp.issubdtype(a.dtype, jnp.inexact) or jnp.issubdtype(a.dtype, jnp.integer)):
        raise TypeError(f"syrk: dtype {a.dtype}, expected numbers.")
    if jnp.issubdtype(a.dtype, jnp.integer) and not f.is_integral:
        raise TypeError("syrk: integers with a fractional factorization; expected floats.")
    return _compiled(a, f, levels, precision)


@functools.partial(jax.jit, static_argnames=("f", "levels", "precision"))
def _compiled(a: jax.Array, f: Factorization, levels: int, precision) -> jax.Array:
    arithmetic = arithmetic_for(a.dtype, precision, None)
    square = functools.partial(
        _square, f=f, levels=levels, arithmetic=arithmetic, of_diagonal=_mirrored
    )
    for _ in range(a.ndim - 2):
        square = jax.vmap(square)
    return square(a).astype(arithmetic.result)


def _mirrored(c: jax.Array) -> jax.Array:
    """Returns the symmetric matrix with the lower triangle of c."""
    row, column = (jax.lax.broadcasted_iota(jnp.int32, c.shape, axis) for axis in (0, 1))
    return jnp.where(row >= column, c, c.T)


def _square(
    a: jax.Array,
    f: Factorization,
    levels: int,
    arithmetic: Arithmetic,
    of_diagonal: Callable[[jax.Array], jax.Array] = lambda c: c,
) -> jax.Array:
    """Returns A Aᵀ (N, N) of a (N, M) in the accumulator's dtype.

    Args:
      a: the matrix.
      f: the algorithm.
      levels: how often it is applied.
      arithmetic: the dtypes.
      of_diagonal: is applied to each block of the diagonal; the others are mirrored.
    """
    n = targets.structure_of(f.target.name).n
    rows, columns = a.shape
    if levels == 0 or min(rows, columns) < n:
        return of_diagonal(arithmetic.dot(a, a.T))
    a = jnp.pad(a, ((0, -rows % n), (0, -columns % n)))
    products, doublings = _products(split(a, n, n), f, levels, arithmetic)
    found = sums.evaluate(sums.shared(f.w), products, arithmetic.accumulator, doublings)
    lower = {}
    _, _, positions = targets.structure_of(f.target.name).positions()
    for place, x, halved in zip(positions, found.blocks, found.halvings, strict=True):
        block = sums.scaled(x, 2**halved)
        lower[place] = of_diagonal(block) if place[0] == place[1] else block
    blocks = [lower[i, j] if i >= j else lower[j, i].T for i in range(n) for j in range(n)]
    return join(blocks, n, n)[:rows, :rows]


def _products(
    blocks: list[jax.Array], f: Factorization, levels: int, arithmetic: Arithmetic
) -> tuple[list[jax.Array], list[int]]:
    """Returns the products of all terms, and how often each was halved."""
    signs = recursion.square_signs(f)
    general = np.flatnonzero(signs == 0)
    accumulator, operand = arithmetic.accumulator, arithmetic.operand
    left = sums.evaluate(sums.shared(f.u.T), blocks, accumulator)
    right = sums.evaluate(sums.shared(f.v.T[general]), blocks, accumulator)
    partners = dict(zip(general.tolist(), zip(*right, strict=True), strict=True))
    products, doublings = [], []
    for r, (s, halved) in enumerate(zip(*left, strict=True)):
        s = s.astype(operand)
        if sign := int(signs[r]):
            squared = _square(s, f, levels - 1, arithmetic)
            products.append(sums.scaled(squared, sign))
            doublings.append(2 * halved)
            continue
        t, other = partners[r]
        products.append(
            api.matmul(
                s,
                t.astype(operand).T,
                precision=arithmetic.precision,
                preferred_element_type=accumulator,
            )
        )
        doublings.append(halved + other)
    return products, doublings


@functools.cache
def _default() -> Factorization:
    return store.load_best(DEFAULT)
