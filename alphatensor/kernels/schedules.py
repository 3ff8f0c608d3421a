"""Schedules: the orders in which an algorithm's sums and products of blocks are computed.

  unrolled     One product of blocks after the other in the program, which XLA may reorder; shared
               sums are computed once, and every block of C is written once, as in the benchmark
               that was published with AlphaTensor (Fawzi et al. 2022).
  stacked      All left sums, all right sums, then one batched product.
  sequential   The same products one by one; each is added to the blocks of C that need it before
               the next sums are formed, so that few temporaries live at a time.
  loop         A loop over the products that carries C. One left sum, one right sum and one product
               are alive at a time: it needs the least memory.

A schedule is a function (a, b, f, arithmetic) -> C. It multiplies a (N, M) by b (M, P) with the
factorization f, whose sizes n, m, p divide N, M, P, and returns C (N, P) in `arithmetic.result`. A
new one needs a function here and its name in `SCHEDULES`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis.straight_line import straight_line
from alphatensor.kernels.arithmetic import Arithmetic
from alphatensor.kernels.blocks import add, combine, evaluate, join, row_major_w, scaled, split


def unrolled(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies with one product of blocks for each term; sums are shared."""
    s, t = _shared_sums(a, b, f, arithmetic)
    products = [arithmetic.dot(x, y) for x, y in zip(s, t, strict=True)]
    return _sums_of_products(products, f, arithmetic)


def stacked(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies with one batched product for all terms; sums are shared."""
    s, t = _shared_sums(a, b, f, arithmetic)
    products = list(arithmetic.dot(jnp.stack(s), jnp.stack(t)))
    return _sums_of_products(products, f, arithmetic)


def sequential(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies term by term; each product is added to C before the next sums are formed."""
    n, _, p = f.sizes
    w = row_major_w(f)
    shape = (a.shape[0] // n, b.shape[1] // p)
    c: list = [None] * (n * p)
    for r in range(f.rank):
        product = _term(a, b, f, r, arithmetic)
        for k in np.flatnonzero(w[:, r]):
            weight = w[k, r]
            c[k] = scaled(product, weight) if c[k] is None else add(c[k], product, weight)
        # The next sums wait for this product: few are alive at a time.
        a, b, c = jax.lax.optimization_barrier((a, b, c))
    c = [jnp.zeros(shape, arithmetic.accumulator) if x is None else x for x in c]
    return join([x.astype(arithmetic.result) for x in c], n, p)


def loop(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies term by term in a loop that carries C and adds each product to it in place."""
    n, _, p = f.sizes
    w = row_major_w(f)
    height, width = a.shape[0] // n, b.shape[1] // p

    def add_term(r: int, c: jax.Array) -> jax.Array:
        product = _term(a, b, f, r, arithmetic)
        for k in np.flatnonzero(w[:, r]):
            corner = (k // p * height, k % p * width)
            block = jax.lax.dynamic_slice(c, corner, (height, width))
            c = jax.lax.dynamic_update_slice(c, add(block, product, w[k, r]), corner)
        return c

    branches = [lambda c, r=r: add_term(r, c) for r in range(f.rank)]
    c = jnp.zeros((a.shape[0], b.shape[1]), arithmetic.accumulator)
    c = jax.lax.fori_loop(0, f.rank, lambda r, c: jax.lax.switch(r, branches, c), c)
    return c.astype(arithmetic.result)


SCHEDULES = {schedule.__name__: schedule for schedule in (unrolled, stacked, sequential, loop)}

# What tuning and tailoring try: `stacked` has lost wherever it was measured, and `loop` is for its
# little memory.
WORTH_TRYING = ("unrolled", "sequential")


def _shared_sums(a, b, f: Factorization, arithmetic: Arithmetic) -> tuple[list, list]:
    """Returns the left sums of all terms and their right sums, each sharing its additions."""
    n, m, p = f.sizes
    left, right = split(a, n, m), split(b, m, p)

    def sums(factor, blocks):
        found = evaluate(straight_line(factor.T), blocks, arithmetic.accumulator)
        return [x.astype(arithmetic.operand) for x in found]

    return sums(f.u, left), sums(f.v, right)


def _sums_of_products(products: list, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Returns C, whose blocks are sums of products that share their additions."""
    n, _, p = f.sizes
    c = evaluate(straight_line(row_major_w(f)), products, arithmetic.accumulator)
    return join([x.astype(arithmetic.result) for x in c], n, p)


def _term(a, b, f: Factorization, r: int, arithmetic: Arithmetic) -> jax.Array:
    """Returns the product of the left and the right sum of term r."""
    n, m, p = f.sizes
    s = combine(f.u[:, r], split(a, n, m), arithmetic.accumulator).astype(arithmetic.operand)
    t = combine(f.v[:, r], split(b, m, p), arithmetic.accumulator).astype(arithmetic.operand)
    return arithmetic.dot(s, t)
