"""Schedules: the orders in which an algorithm's sums and products of blocks are computed.

The schedules::

  unrolled     One product of blocks after the other in the program, which XLA may reorder; shared
               sums are computed once, and every block of C is written once, as in the benchmark
               that was published with AlphaTensor (Fawzi et al. 2022).
  stacked      All left sums, all right sums, then one batched product.
  sequential   The same products one by one; each is added to the blocks of C that need it before
               the next sums are formed, so that few temporaries live at a time.
  loop         A loop over the products that carries C. One left sum, one right sum and one product
               are alive at a time: with more than one level it needs the least memory.

A schedule is a function (a, b, f, arithmetic) -> C. It multiplies a (N, M) by b (M, P) with the
factorization f, whose sizes n, m, p divide N, M, P, and returns C (N, P) in `arithmetic.result`. A
new one needs a function here and its name in `SCHEDULES`.

All of them are exact on integers modulo overflow, and on floats overflow only where
M · max|a| · max|b| leaves the accumulator's range, or C that of its dtype (see `kernels.sums`).
"""

import math
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.factorization.transforms import row_major_w
from alphatensor.kernels import sums
from alphatensor.kernels.arithmetic import Arithmetic
from alphatensor.kernels.blocks import join, split


def unrolled(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies with one product of blocks for each term; sums are shared."""
    s, t, doublings = _shared_sums(a, b, f, arithmetic)
    products = [arithmetic.dot(x, y) for x, y in zip(s, t, strict=True)]
    return _sums_of_products(products, doublings, f, arithmetic)


def stacked(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies with one batched product for all terms; sums are shared."""
    s, t, doublings = _shared_sums(a, b, f, arithmetic)
    products = list(arithmetic.dot(jnp.stack(s), jnp.stack(t)))
    return _sums_of_products(products, doublings, f, arithmetic)


def sequential(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies term by term; each product is added to C before the next sums are formed."""
    n, _, p = f.sizes
    terms = _terms(f, arithmetic)
    shape = (a.shape[0] // n, b.shape[1] // p)
    c: list = [None] * (n * p)
    left, right = a, b
    for r in range(f.rank):
        product, added = _product(left, right, f, terms, r, arithmetic), {}
        for k, weight in terms.weights[r]:
            if c[k] is None:
                c[k] = sums.scaled(product, weight)
            else:
                added[k] = sums.add(c[k], product, weight)
        if r < f.rank - 1:  # the last sums are formed where C is put together
            left, right, written = jax.lax.platform_dependent(
                a, b, list(added.values()), product, cpu=_after_on_cpu, default=_after
            )
            added = dict(zip(added, written, strict=True))
        c = [added.get(k, x) for k, x in enumerate(c)]
    c = [jnp.zeros(shape, arithmetic.accumulator) if x is None else x for x in c]
    c = [sums.scaled(x, 2**terms.halvings) for x in c]
    return join([x.astype(arithmetic.result) for x in c], n, p)


def loop(a: jax.Array, b: jax.Array, f: Factorization, arithmetic: Arithmetic) -> jax.Array:
    """Multiplies term by term in a loop that carries C and adds each product to it in place."""
    n, _, p = f.sizes
    terms = _terms(f, arithmetic)
    height, width = a.shape[0] // n, b.shape[1] // p

    def add_term(r: int, c: jax.Array) -> jax.Array:
        product = _product(a, b, f, terms, r, arithmetic)
        for k, weight in terms.weights[r]:
            corner = (k // p * height, k % p * width)
            block = jax.lax.dynamic_slice(c, corner, (height, width))
            c = jax.lax.dynamic_update_slice(c, sums.add(block, product, weight), corner)
        return c

    branches = [lambda c, r=r: add_term(r, c) for r in range(f.rank)]
    c = jnp.zeros((a.shape[0], b.shape[1]), arithmetic.accumulator)
    c = jax.lax.fori_loop(0, f.rank, lambda r, c: jax.lax.switch(r, branches, c), c)
    return sums.scaled(c, 2**terms.halvings).astype(arithmetic.result)


SCHEDULES = {schedule.__name__: schedule for schedule in (unrolled, stacked, sequential, loop)}

# What tuning and tailoring try: `stacked` has lost wherever it was measured, and `loop` is for its
# little memory.
WORTH_TRYING = ("unrolled", "sequential")

LEAST_EXPONENT = -100  # dtypes that reach further down can halve operands a few times more


def _shared_sums(a, b, f: Factorization, arithmetic: Arithmetic) -> tuple[list, list, list[int]]:
    """Returns the left and right sums of all terms, and how often both together were halved."""
    n, m, p = f.sizes
    accumulator, operand = arithmetic.accumulator, arithmetic.operand
    of_a, of_b, _ = sums.of_factors(f)
    s = sums.evaluate(of_a, split(a, n, m), accumulator)
    t = sums.evaluate(of_b, split(b, m, p), accumulator)
    left, right = ([x.astype(operand) for x in found.blocks] for found in (s, t))
    return left, right, [x + y for x, y in zip(s.halvings, t.halvings, strict=True)]


def _sums_of_products(
    products: list, doublings: list[int], f: Factorization, arithmetic: Arithmetic
) -> jax.Array:
    """Returns C, whose blocks are sums of products that share their additions."""
    n, _, p = f.sizes
    *_, of_c = sums.of_factors(f)
    rows = [of_c.outputs[j * n + i] for i in range(n) for j in range(p)]  # C row by row
    of_c = of_c._replace(outputs=tuple(rows))
    c = sums.evaluate(of_c, products, arithmetic.accumulator, doublings)
    zero = jnp.zeros_like(products[0])
    blocks = [
        zero if x is None else sums.scaled(x, 2**halved)
        for x, halved in zip(c.blocks, c.halvings, strict=True)
    ]
    return join([x.astype(arithmetic.result) for x in blocks], n, p)


class _Terms(NamedTuple):
    """What the schedules that take term by term need of an algorithm.

    Attributes:
      left, right: for each term, the program of its sum.
      weights: for each term, (k, weight) for each block k of C that its product is added to.
      scales: for each term, the power of two that its left sum is multiplied by.
      halvings: how often C is halved while products are added.
    """

    left: list[sums.Sums]
    right: list[sums.Sums]
    weights: list[list[tuple[int, sums.Number]]]
    scales: list[float]
    halvings: int


def _terms(f: Factorization, arithmetic: Arithmetic) -> _Terms:
    w = row_major_w(f).T.tolist()
    left, right = ([sums.alone(column[None]) for column in x.T] for x in (f.u, f.v))
    doublings, halvings = [0] * f.rank, 0
    if jnp.issubdtype(arithmetic.accumulator, jnp.inexact):
        pairs = zip(left, right, strict=True)
        doublings = [sum(sums.halvings(x, (0,) * x.inputs)[0] for x in pair) for pair in pairs]
        rows = zip(*w, strict=True)
        halvings = sums.halvings(sums.alone(np.array(list(rows), object)), tuple(doublings))[0]
    weights = [
        [(k, sums.times_power(x, doubled - halvings)) for k, x in enumerate(column) if x]
        for column, doubled in zip(w, doublings, strict=True)
    ]
    scales = [1.0] * f.rank
    # Sums are written anyway, but a product with a weight would be copied.
    if halvings and jnp.finfo(arithmetic.operand).minexp < LEAST_EXPONENT:
        of_two = [[Fraction(x).denominator for _, x in term] for term in weights]
        common = [max((x & -x for x in term), default=1) for term in of_two]
        scales = [1 / x for x in common]
        weights = [
            [(k, weight * x) for k, weight in term] for term, x in zip(weights, common, strict=True)
        ]
    return _Terms(left, right, weights, scales, halvings)


def _product(a, b, f: Factorization, terms: _Terms, r: int, arithmetic: Arithmetic) -> jax.Array:
    """Returns the product of the left and the right sum of term r."""
    n, m, p = f.sizes
    (s,), _ = sums.evaluate(terms.left[r], split(a, n, m), arithmetic.accumulator)
    (t,), _ = sums.evaluate(terms.right[r], split(b, m, p), arithmetic.accumulator)
    s = s if terms.scales[r] == 1 else s * jnp.asarray(terms.scales[r], s.dtype)
    return arithmetic.dot(s.astype(arithmetic.operand), t.astype(arithmetic.operand))


def _after(a, b, blocks: list[jax.Array], product: jax.Array):
    """Returns a, b and blocks; what is computed of them waits for the blocks and the product."""
    return jax.lax.optimization_barrier((a, b, blocks, product))[:3]


def _after_on_cpu(a, b, blocks: list[jax.Array], product: jax.Array):
    """Does what `_after` does where XLA removes barriers before it orders the work.

    What a loop carries is written before it begins, and is not formed again by whoever reads it.
    This one makes no step, and the 1 that multiplies a and b is known only after it; neither can be
    seen from the program.
    """
    if blocks:
        is_never = _one(product) != 1
        blocks, _ = jax.lax.while_loop(
            lambda state: state[1],
            lambda state: ([-x for x in state[0]], jnp.zeros_like(is_never)),
            (blocks, is_never),
        )
    one = math.prod(_one(x) for x in blocks or [product])
    return a * one.astype(a.dtype), b * one.astype(b.dtype), blocks


def _one(x: jax.Array) -> jax.Array:
    """Returns a 1, int32 [], that is known only when x is."""
    return 1 + jnp.minimum((x[0, 0].real > 0).astype(jnp.int32), 0)
