"""Pretends that Strassen's algorithm was found to be the fastest for some shapes."""

import contextlib
import pathlib

import jax
import pytest

from alphatensor import factorization as fz
from alphatensor.kernels import choice_cache, tuning

CHOICE = choice_cache.Choice("strassen", 1.5, (fz.strassen(),), "unrolled")


@contextlib.contextmanager
def tuned(path: pathlib.Path, shapes, dtypes=("float32",), precisions=("None",)):
    """Makes `matmul` read a file of choices that has these shapes, dtypes and precisions alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHATENSOR_CACHE", str(path))
        for shape in shapes:
            for dtype in dtypes:
                for precision in precisions:
                    choice_cache.store(path, choice_cache.key(shape, dtype, precision), CHOICE)
        tuning.kernel_for.cache_clear()
        yield
    tuning.kernel_for.cache_clear()


def is_fast(function, *args) -> bool:
    """Says whether a fast product is in the program of a function."""
    return "fast_matmul" in str(jax.make_jaxpr(lambda *x: function(*x))(*args))
