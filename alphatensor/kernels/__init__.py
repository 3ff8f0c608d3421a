"""Fast matrix multiplication kernels compiled from factorisations."""

from alphatensor.kernels.api import dot_general, matmul
from alphatensor.kernels.autotune import autotune
from alphatensor.kernels.compile import compile_matmul

__all__ = ["autotune", "compile_matmul", "dot_general", "matmul"]
