"""Fast matrix multiplication kernels compiled from factorisations."""

from alphatensor.kernels.compile import compile_matmul

__all__ = ["compile_matmul"]
