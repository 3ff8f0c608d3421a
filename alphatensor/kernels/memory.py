"""Memory that a kernel needs, estimated before anything is allocated."""

import pathlib

import jax
import jax.numpy as jnp

from alphatensor.factorization import Factorization


def needed(f: Factorization, shape: tuple[int, int, int], dtype) -> int:
    """Bytes of A, B and C, of all left and right sums and of all products: an upper estimate.

    Args:
      f: the flattened algorithm; shape: (N, M, P).
    """
    n, m, p = shape
    a, b, c = f.sizes
    width = jnp.dtype(dtype).itemsize
    whole = n * m + m * p + n * p
    parts = n * m / (a * b) + m * p / (b * c) + n * p / (a * c)
    return int(width * (whole + f.rank * parts))


def available() -> int | None:
    """Free bytes of the first device; of the machine on CPUs; None where neither is known."""
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
    """Raises ValueError where `needed` plus `extra` bytes are not free."""
    total, free = needed(f, shape, dtype) + extra, available()
    if free is not None and total > free:
        raise ValueError(
            f"size {'x'.join(map(str, shape))}: needs about {total / 2**30:.1f} GiB, "
            f"{free / 2**30:.1f} GiB are free."
        )
