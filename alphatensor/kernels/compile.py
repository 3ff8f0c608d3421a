"""From a verified factorisation to `matmul(a, b)`."""

import functools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization, kronecker, rotate
from alphatensor.kernels import blocks, scaling

BORDERS = ("peel", "pad")


def compile_matmul(
    factorization: Factorization | Sequence[Factorization],
    levels: int = 1,
    *,
    schedule: str = "unrolled",
    border: str = "peel",
    tile: int | None = None,
    precision=None,
    preferred_element_type=None,
    diagonal: str = "none",
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """A function matmul(a, b) that multiplies with the algorithm, as `jnp.matmul` would.

    Args:
      factorization: over Z or Q; a sequence gives each level its own, outermost first. The levels
        are flattened to one algorithm, so that sums are shared across them.
      levels: how often one factorisation is applied; 1 with a sequence.
      schedule: 'unrolled', 'stacked', 'sequential' or 'loop' (see `kernels.blocks`).
      border: sizes that do not divide evenly: 'peel' multiplies the border by ordinary dots, 'pad'
        adds zeros.
      tile: multiply tile by tile of C, of about this many rows and columns, in a loop whose
        temporaries are reused: on CPU fresh memory costs more than the additions.
      precision, preferred_element_type: as in `jnp.matmul`, for each product.
      diagonal: scaling of floats by powers of two, see `kernels.scaling`: 'none', 'outer', 'inner',
        'outer-inner' or 'inner-outer'.

    Returns:
      matmul(a, b) for a (..., N, M) and b (..., M, P), N, M, P at least the format's sizes. Half
      precision accumulates in float32; integers are exact modulo the dtype's overflow. It can be
      jitted, vmapped and differentiated (both derivatives multiply by the rotated algorithm).
      A NaN or Inf in an input can reach entries of the result that it does not reach in
      `jnp.matmul`: sums mix blocks.

    Raises:
      ValueError: the factorisation does not verify, is modular, or has no matmul format; levels,
        schedule or border out of range; in matmul: shapes that do not match or are too small.
      TypeError: in matmul: integers with a fractional factorisation, or complex or boolean inputs.
    """
    if schedule not in blocks.SCHEDULES:
        raise ValueError(f"schedule: {schedule!r}, expected one of {', '.join(blocks.SCHEDULES)}.")
    if border not in BORDERS:
        raise ValueError(f"border: {border!r}, expected one of {', '.join(BORDERS)}.")
    if tile is not None and tile < 1:
        raise ValueError(f"tile: {tile}, expected a positive size.")
    if diagonal not in scaling.SCALINGS:
        expected = ", ".join(scaling.SCALINGS)
        raise ValueError(f"diagonal: {diagonal!r}, expected one of {expected}.")
    flat = flatten(factorization, levels)
    for_left, for_right = rotate(flat, 1), rotate(flat, 2)

    def product(f: Factorization, a, b):
        return _product(a, b, f, schedule, border, tile, precision, preferred_element_type)

    @jax.custom_vjp
    def multiply(a, b):
        return product(flat, a, b)

    def forward(a, b):
        return multiply(a, b), (a, b)

    def backward(saved, g):
        a, b = saved
        g = g.astype(a.dtype).T
        da = product(for_left, b, g).T  # (B Gᵗ)ᵗ, the rotated format <m,p,n>
        db = product(for_right, g, a).T  # (Gᵗ A)ᵗ, <p,n,m>
        return da.astype(a.dtype), db.astype(b.dtype)

    multiply.defvjp(forward, backward)

    def matmul(a, b):
        a, b = jnp.asarray(a), jnp.asarray(b)
        _check(a, b, flat)
        dtype = jnp.promote_types(a.dtype, b.dtype)
        a, b = a.astype(dtype), b.astype(dtype)
        if diagonal == "none":
            return batched(a, b)
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"matmul: diagonal scaling of {dtype}, expected floats.")
        a, b, finish = scaling.scale(a, b, diagonal)
        return finish(batched(a, b))

    def batched(a, b):
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        if not batch:
            return multiply(a, b)
        a = jnp.broadcast_to(a, batch + a.shape[-2:]).reshape(-1, *a.shape[-2:])
        b = jnp.broadcast_to(b, batch + b.shape[-2:]).reshape(-1, *b.shape[-2:])
        c = jax.vmap(multiply)(a, b)
        return c.reshape(*batch, *c.shape[-2:])

    return matmul


def flatten(factorization: Factorization | Sequence[Factorization], levels: int) -> Factorization:
    """One algorithm for all levels; checks that each factorisation is one over the reals."""
    single = isinstance(factorization, Factorization)
    parts = [factorization] * levels if single else list(factorization)
    if levels < 1 or not parts or (not single and levels != 1):
        raise ValueError(f"levels: {levels}, expected at least 1 (and 1 with a sequence).")
    for f in parts[:1] if single else parts:
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


def _check(a, b, f: Factorization) -> None:
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape}, expected (..., N, M), (..., M, P)."
        )
    sizes = (*a.shape[-2:], b.shape[-1])
    if any(size < least for size, least in zip(sizes, f.sizes, strict=True)):
        raise ValueError(f"matmul: sizes {sizes}, too small for the levels: at least {f.sizes}.")
    for name, x in (("a", a), ("b", b)):
        if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(x.dtype, jnp.integer)):
            raise TypeError(f"matmul: {name} has dtype {x.dtype}, expected floats or integers.")
    if jnp.issubdtype(jnp.promote_types(a.dtype, b.dtype), jnp.integer) and not f.is_integral:
        raise TypeError("matmul: integers with a fractional factorisation; expected floats.")


def _product(a, b, f: Factorization, name, border, tile, precision, preferred):
    """(N, P) from a (N, M) and b (M, P), any sizes from the format's on."""
    result = preferred or a.dtype
    half = a.dtype in (jnp.bfloat16, jnp.float16)
    accumulator = jnp.promote_types(result, jnp.float32) if half else jnp.dtype(result)
    sizes = np.array([*a.shape, b.shape[1]])
    if np.any(sizes < f.sizes):
        return jnp.matmul(a, b, precision=precision, preferred_element_type=result)
    core = functools.partial(
        blocks.multiply,
        f=f,
        name=name,
        precision=precision,
        operand=a.dtype if jnp.issubdtype(a.dtype, jnp.floating) else accumulator,
        accumulator=accumulator,
        result=result,
    )
    grid = np.array([1, 1, 1])
    if tile:
        grid = np.maximum(1, np.minimum(sizes // f.sizes, -(-sizes // tile)))
        grid[1] = 1
        core = functools.partial(blocks.tiled, core, grid=(int(grid[0]), int(grid[2])))
    unit = grid * f.sizes
    even = sizes // unit * unit
    if np.array_equal(even, sizes):
        return core(a, b)
    n, m, p = map(int, sizes)
    if border == "pad":
        up, across, wide = (
            math.ceil(s / q) * q for s, q in zip((n, m, p), unit.tolist(), strict=True)
        )
        a, b = (
            jnp.pad(a, ((0, up - n), (0, across - m))),
            jnp.pad(b, ((0, across - m), (0, wide - p))),
        )
        return core(a, b)[:n, :p]
    rest = functools.partial(jnp.matmul, precision=precision, preferred_element_type=accumulator)
    n0, m0, p0 = map(int, even)
    c = core(a[:n0, :m0], b[:m0, :p0])
    if m0 < m:
        c = (c + rest(a[:n0, m0:], b[m0:, :p0])).astype(result)
    if p0 < p:
        c = jnp.concatenate([c, rest(a[:n0], b[:, p0:]).astype(result)], axis=1)
    if n0 < n:
        c = jnp.concatenate([c, rest(a[n0:], b).astype(result)], axis=0)
    return c
