"""Target tensors: the bilinear maps whose rank is sought.

All matrix multiplication tensors use the symmetrised convention of the published AlphaTensor data
(Fawzi et al. 2022, Methods): the third mode indexes the *transposed* product,
`T[i*m+j, j*p+k, k*n+i] = 1`, so that T is the trace of ABC and its three modes play equal roles.
"""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np

MAX_TENSOR_ENTRIES = 200_000_000  # refuse sizes that cannot fit in memory before allocating them

Sizes = tuple[int, int, int]  # (n, m, p) of a matrix multiplication


@dataclasses.dataclass(frozen=True)
class Target:
    """A tensor to be decomposed.

    Attributes:
      name: the text that `parse` reads, for example `'2x2x3'`, `'skew4'`, `'cyclic5'`, `'my.npy'`.
      tensor: int32 array of shape (S_u, S_v, S_w).
      sizes: (n, m, p) for matrix multiplication, None for every other bilinear map.
    """

    name: str
    tensor: np.ndarray
    sizes: Sizes | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Returns (S_u, S_v, S_w)."""
        return self.tensor.shape


def matmul(n: int, m: int, p: int) -> Target:
    """Returns the tensor of an n×m matrix times an m×p matrix: shape (nm, mp, pn), nmp ones."""
    sizes = _positive_sizes((n, m, p))
    name = format_name(sizes)
    if (n * m) * (m * p) * (p * n) > MAX_TENSOR_ENTRIES:
        raise ValueError(
            f"sizes {name}: the tensor would have more than {MAX_TENSOR_ENTRIES} entries."
        )
    tensor = np.zeros((n * m, m * p, p * n), np.int32)
    i, j, k = np.meshgrid(range(n), range(m), range(p), indexing="ij")
    tensor[i * m + j, j * p + k, k * n + i] = 1
    return Target(name, tensor, sizes)


def skew_matvec(n: int) -> Target:
    """Returns the tensor of a skew-symmetric n×n matrix times a vector: shape (n(n-1)/2, n, n).

    This is the structured product of Fawzi et al. 2022, Fig. 4. The first mode holds the entries
    a_ij, i < j, row by row; c = A b with A_ij = a_ij = -A_ji.
    """
    if n < 2:
        raise ValueError(f"skew{n}: expected a size of at least 2.")
    rows, cols = np.triu_indices(n, k=1)
    tensor = np.zeros((len(rows), n, n), np.int32)
    entry = np.arange(len(rows))
    tensor[entry, cols, rows] = 1
    tensor[entry, rows, cols] = -1
    return Target(f"skew{n}", tensor)


def cyclic_convolution(n: int) -> Target:
    """Returns the tensor (n, n, n) of cyclic convolution, c_k = Σ_i a_i b_(k-i mod n)."""
    if n < 1:
        raise ValueError(f"cyclic{n}: expected a size of at least 1.")
    tensor = np.zeros((n, n, n), np.int32)
    i, j = np.meshgrid(range(n), range(n), indexing="ij")
    tensor[i, j, (i + j) % n] = 1
    return Target(f"cyclic{n}", tensor)


def from_file(path: str) -> Target:
    """Reads a user's own tensor from an `.npy` file that holds a 3-D integer array.

    Raises:
      ValueError: for another file, a tensor of zeros or entries beyond ±1000, in one line.
    """
    try:
        tensor = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"tensor file {path!r}: no such file.") from None
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"tensor file {path!r}: not a readable .npy file ({error}).") from None
    if not isinstance(tensor, np.ndarray) or tensor.ndim != 3 or tensor.dtype.kind not in "iu":
        is_array = isinstance(tensor, np.ndarray)
        given = f"{tensor.ndim}-D {tensor.dtype}" if is_array else "an archive"
        raise ValueError(f"tensor file {path!r}: expected a 3-D integer array, got {given}.")
    if tensor.size == 0 or not np.any(tensor):
        raise ValueError(f"tensor file {path!r}: expected a tensor with a non-zero entry.")
    if np.abs(tensor.astype(object)).max() > 1000:
        raise ValueError(f"tensor file {path!r}: expected entries between -1000 and 1000.")
    return Target(str(path), tensor.astype(np.int32))


def parse(spec: str) -> Target:
    """Reads `'2x2x3'`, `'skew4'`, `'cyclic5'` or the path of an `.npy` file.

    Raises:
      ValueError: for anything else, in one line that says what is expected.
    """
    expected = "expected a target such as '2x2x3', 'skew4', 'cyclic5' or a .npy file"
    if not isinstance(spec, str):
        raise ValueError(f"{spec!r}: {expected}.")
    if pathlib.PurePath(spec).suffix == ".npy":
        return from_file(spec)
    if match := re.fullmatch(r"(skew|cyclic)(\d{1,4})", spec):
        make = {"skew": skew_matvec, "cyclic": cyclic_convolution}[match[1]]
        return make(int(match[2]))
    if re.fullmatch(r"-?\d+(x-?\d+)*", spec):
        return matmul(*parse_sizes(spec))
    raise ValueError(f"{spec!r}: {expected}.")


def format_name(sizes: Sequence[int]) -> str:
    """Returns the name of a format, `'3x4x5'` for the sizes (3, 4, 5)."""
    return "x".join(map(str, sizes))


def parse_sizes(name: str) -> Sizes:
    """Reads the sizes (n, m, p) from a format's name such as `'3x4x5'`; raises `ValueError`."""
    parts = name.split("x")
    if not all(re.fullmatch(r"-?\d+", part) for part in parts):
        raise ValueError(f"{name!r}: expected three positive sizes such as '2x2x3'.")
    return _positive_sizes(parts)


def _positive_sizes(sizes: Sequence) -> Sizes:
    given = format_name(sizes)
    values = tuple(int(s) for s in sizes)
    if len(values) != 3 or min(values) < 1 or max(values) > 10_000:
        raise ValueError(f"{given!r}: expected three positive sizes such as '2x2x3'.")
    return values
