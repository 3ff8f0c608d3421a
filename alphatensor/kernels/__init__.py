"""Fast matrix multiplication kernels compiled from factorisations."""

from alphatensor.kernels.api import dot_general, matmul
from alphatensor.kernels.compile import compile_matmul
from alphatensor.kernels.tuning import autotune

__all__ = ["autotune", "compile_matmul", "dot_general", "matmul"]
