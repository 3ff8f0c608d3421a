"""AlphaTensor in JAX: an agent that finds fast matrix multiplication algorithms."""

__version__ = "0.1.0"
