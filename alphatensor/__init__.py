"""AlphaTensor in JAX: an agent that finds fast matrix multiplication algorithms."""

__version__ = "0.1.0"


def __getattr__(name: str):
    if name in ("matmul", "dot_general"):  # JAX is imported when they are first used
        from alphatensor.kernels import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
