"""The dtypes in which a kernel adds and multiplies blocks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Arithmetic(NamedTuple):
    """The dtypes of one matrix product by blocks.

    Attributes:
      operand: dtype of the two operands of each product of blocks.
      accumulator: dtype of sums of blocks, and of each product of blocks.
      result: dtype of C.
      precision: precision of each product of blocks, as in `jnp.matmul`.
    """

    operand: Any
    accumulator: Any
    result: Any
    precision: Any

    def dot(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Multiplies two blocks, or two stacks of blocks, with the accumulator's dtype."""
        return jnp.matmul(x, y, precision=self.precision, preferred_element_type=self.accumulator)


def arithmetic_for(dtype, precision, preferred_element_type) -> Arithmetic:
    """Returns the arithmetic of matrices of a dtype; floats of 8 or 16 bits accumulate in float32.

    Args:
      dtype: dtype of A and B.
      precision: precision of each product of blocks, as in `jnp.matmul`.
      preferred_element_type: dtype of C, or None for that of A and B.
    """
    result = preferred_element_type or dtype
    is_float = jnp.issubdtype(dtype, jnp.inexact)
    is_short = is_float and jnp.finfo(dtype).bits < 32
    accumulator = jnp.promote_types(result, jnp.float32 if is_short else dtype)
    # Sums of integers wrap around at the accumulator's width.
    operand = dtype if is_float else accumulator
    return Arithmetic(operand=operand, accumulator=accumulator, result=result, precision=precision)
