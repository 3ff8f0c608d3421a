"""Memory of a kernel, estimated before it is allocated."""

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor.kernels import memory

STRASSEN = fz.strassen()


def test_memory_is_checked_before_allocating():
    # A, B, C of 4 blocks each and 7 sums, sums, products of one block: 12 + 21 blocks of 16.
    assert memory.needed(STRASSEN, (8, 8, 8), np.float32) == (12 + 21) * 16 * 4
    memory.check(STRASSEN, (64, 64, 64), np.float32)
    with pytest.raises(ValueError, match="GiB are free"):
        memory.check(STRASSEN, (10**7,) * 3, np.float32)
