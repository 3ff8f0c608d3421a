"""Fast matrix multiplication: an algorithm compiled to a function that multiplies two matrices.

What most users need::

  matmul(a, b)            `jnp.matmul` that uses what `autotune` chose for the shape.
  dot_general(...)        The same for layers that take a `dot_general`, such as Flax's `Dense`.
  autotune()              Calibrates this device: `matmul` then chooses for every shape.
  autotune((N, M, P))     Times the promising kernels for one shape and remembers the fastest, with
                          the options of `TuningConfig`.
  compile_matmul(f)       Compiles one factorization, with the options of `KernelConfig`.
  syrk(a)                 A Aᵀ by the library's algorithm; compile_syrk(f) by another one.

The modules below them::

  symmetric_product       A Aᵀ, whose recursive calls are products of the same kind.
  compile                 From a factorization to `matmul(a, b)`.
  product                 The fast product as one bilinear operation of JAX.
  schedules               The orders in which sums and products of blocks are computed.
  sums, blocks            Sums of blocks, exact and without overflow; matrices as grids of blocks.
  arithmetic, precisions  The dtypes of sums and products; precisions, compared by meaning.
  borders                 Sizes that do not divide evenly.
  diagonal_scaling        Scaling by powers of two, for smaller element-wise errors.
  tuning, choice_cache    The choice of a kernel for a shape; the file that remembers it.
  calibration, candidates The choice for shapes that were not tuned; what is chosen from.
  cost_model, timing      Predicted and measured run times.
  accuracy, memory        Measured errors; memory that a kernel needs.
"""

from alphatensor.kernels.api import dot_general, matmul
from alphatensor.kernels.compile import compile_matmul
from alphatensor.kernels.config import KernelConfig, TuningConfig
from alphatensor.kernels.symmetric_product import compile_syrk, syrk
from alphatensor.kernels.tuning import autotune

__all__ = [
    "KernelConfig",
    "TuningConfig",
    "autotune",
    "compile_matmul",
    "compile_syrk",
    "dot_general",
    "matmul",
    "syrk",
]
