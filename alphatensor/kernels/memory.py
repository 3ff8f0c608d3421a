"""Estimates the memory that a kernel needs, before anything is allocated."""

import pathlib

import jax
import jax.numpy as jnp

from alphatensor.factorization import Factorization


def needed(f: Factorization, shape: tuple[int, int, int], dtype) -> int:
    """Returns the bytes of A, B, C, all left and right sums and all products: an upper estimate.

    Args:
      f: the flattened algorithm.
      shape: (N, M, P) of the product.
      dtype: dtype of all matrices.
    """
    n, m, p = f.sizes
    rows, inner, columns = shape
    width = jnp.dtype(dtype).itemsize
    whole = rows * inner + inner * columns + rows * columns
    of_one_term = rows * inner / (n * m) + inner * columns / (m * p) + rows * columns / (n * p)
    return int(width * (whole + f.rank * of_one_term))


def available() -> int | None:
    """Returns the free bytes of the first device, or of the machine on CPUs; None if unknown."""
    statistics = jax.local_devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [x.split()[1] for x in lines if x.startswith("MemAvailable")]
    return int(kilobytes[0]) * 1024 if kilobytes else None


def check(f: Factorization, shape: tuple[int, int, int], dtype, extra: int = 0) -> None:
    """Checks that `needed` plus `extra` bytes are free; raises `ValueError` if they are not."""
    total, free = needed(f, shape, dtype) + extra, available()
    if free is not None and total > free:
        raise ValueError(
            f"size {'x'.join(map(str, shape))}: needs about {total / 2**30:.1f} GiB, "
            f"{free / 2**30:.1f} GiB are free."
        )
