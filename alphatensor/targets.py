"""Target tensors: the bilinear maps whose rank is sought.

All matrix multiplication tensors use the symmetrised convention of the published AlphaTensor data
(Fawzi et al. 2022, Methods): the third mode indexes the *transposed* product,
`T[i*m+j, j*p+k, k*n+i] = 1`, so that T is the trace of ABC and its three modes play equal roles.

Names: a format `2x2x3`; a product of structured matrices such as `ug4` (upper triangular times
general), `gt4` (A Aᵀ), see `structured`; `skew4`, a skew-symmetric matrix times a vector;
`cyclic5`, cyclic convolution; `poly4`, the product of two polynomials of four coefficients;
`complex2`, the product of complex 2×2 matrices (`complex1`: of complex numbers).
"""

import dataclasses
import functools
import hashlib
import math
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from alphatensor import limits, npy, structured
from alphatensor.files import FileError

Sizes = tuple[int, int, int]  # (n, m, p) of a matrix multiplication


@dataclasses.dataclass(frozen=True)
class Target:
    """A tensor to be decomposed.

    Attributes:
      name: the text that `parse` reads, for example `'2x2x3'`, `'ug4'`, `'cyclic5'`, `'my.npy'`;
        or any other text for a tensor of one's own.
      tensor: int32 array of shape (S_u, S_v, S_w).
      sizes: (n, m, p) for matrix multiplication, None for every other bilinear map.
      is_quadratic: whether both operands are the same entries, which commute: then the tensor
        stands for the quadratic map Σ_ab T[a, b] x_a x_b, and T[a, b] may move to T[b, a].
    """

    name: str
    tensor: np.ndarray
    sizes: Sizes | None = None
    is_quadratic: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Returns (S_u, S_v, S_w)."""
        return self.tensor.shape

    @property
    def is_known(self) -> bool:
        """Tells whether the name, sizes and tensor are those of a target that names define."""
        if not means_known(self.name):
            return False
        try:
            known = named(self.name)
        except ValueError:
            return False
        same = self.tensor is known.tensor or np.array_equal(self.tensor, known.tensor)
        mine, its = ((x.sizes, x.name, x.is_quadratic) for x in (self, known))
        return same and mine == its

    @property
    def title(self) -> str:
        """Returns what people read: the name of a known target, else a name from the tensor.

        Nothing else can have the name of a known target there, as in
        `'tensor-0f3c5a7b9d1e2f30 (my.npy)'`.
        """
        if self.is_known:
            return self.name
        label = re.sub(r"[^A-Za-z0-9_./+-]", "?", self.name[: limits.MAX_LABEL])
        own = own_name(self.tensor)
        return own if label == own else f"{own} ({label})"

    @property
    def file_stem(self) -> str:
        """Returns what the name of a file begins with that holds something about the target."""
        return self.name if self.is_known else own_name(self.tensor)


def means_known(name: str) -> bool:
    """Tells whether a text has the form of the names that define a target."""
    families = "|".join(_FAMILIES)
    pattern = rf"({families})[0-9]+|[0-9]+x[0-9]+x[0-9]+|{structured.NAME}"
    return re.fullmatch(pattern, name) is not None


@functools.lru_cache(maxsize=64)
def named(name: str) -> Target:
    """Returns the target that a name such as `'2x2x3'` or `'skew4'` defines.

    It is shared by all who ask, so its tensor is read-only. Raises `ValueError` for other names.
    """
    if match := re.fullmatch(rf"({'|'.join(_FAMILIES)})([0-9]{{1,4}})", name):
        target = _FAMILIES[match[1]](int(match[2]))
    elif product := structure_of(name):
        target = structured_product(product)
    else:
        target = matmul(*parse_sizes(name))
    target.tensor.flags.writeable = False
    return target


def structure_of(name: str) -> structured.Product | None:
    """Returns the product of structured matrices that a name such as `'ug4'` means, or None."""
    match = re.fullmatch(structured.NAME, name)
    if match is None or len(match[3]) > 4:
        return None
    return structured.Product(match[1], match[2], int(match[3]))


def own_name(tensor: np.ndarray) -> str:
    """Returns a name made of the entries of a tensor, for one that no name defines."""
    entries = np.ascontiguousarray(tensor, "<i4")
    digest = hashlib.sha256(repr(entries.shape).encode() + entries.tobytes()).hexdigest()
    return f"tensor-{digest[:16]}"


def own(name: str, tensor: np.ndarray, where: str) -> Target:
    """Returns a target with a tensor of one's own.

    Args:
      name: what it is called; must not read as a name that defines another tensor.
      tensor: integers (S_u, S_v, S_w).
      where: what errors begin with.

    Raises:
      FileError: for a name of a known target, another array, zeros only or entries beyond ±1000.
    """
    if means_known(name):
        raise FileError(f"{where}: a tensor of its own, named {name!r:.40} as a known one.")
    if tensor.ndim != 3 or tensor.dtype.kind not in "iu":
        given = f"{tensor.ndim}-D {tensor.dtype}"
        raise FileError(f"{where}: expected a 3-D integer array, got {given}.")
    _require_entries(tensor.shape, where)
    if tensor.size == 0 or not np.any(tensor):
        raise FileError(f"{where}: expected a tensor with a non-zero entry.")
    most = limits.MAX_TENSOR_VALUE
    if int(tensor.max()) > most or int(tensor.min()) < -most:
        raise FileError(f"{where}: expected entries between -{most} and {most}.")
    return Target(name, tensor.astype(np.int32))


def _require_entries(shape: Sequence[int], where: str) -> None:
    """Raises `FileError` for a tensor that is too large, before memory is given to it."""
    if math.prod(shape) > limits.MAX_TENSOR_ENTRIES:
        raise FileError(
            f"{where}: the tensor would have more than {limits.MAX_TENSOR_ENTRIES} entries."
        )


def matmul(n: int, m: int, p: int) -> Target:
    """Returns the tensor of an n×m matrix times an m×p matrix: shape (nm, mp, pn), nmp ones."""
    sizes = _positive_sizes((n, m, p))
    name = format_name(sizes)
    _require_entries((n * m, m * p, p * n), f"sizes {name}")
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
    _require_entries((n * (n - 1) // 2, n, n), f"skew{n}")
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
    _require_entries((n, n, n), f"cyclic{n}")
    tensor = np.zeros((n, n, n), np.int32)
    i, j = np.meshgrid(range(n), range(n), indexing="ij")
    tensor[i, j, (i + j) % n] = 1
    return Target(f"cyclic{n}", tensor)


def polynomials(n: int) -> Target:
    """Returns the tensor (n, n, 2n-1) of two polynomials' product, c_k = Σ_i a_i b_(k-i)."""
    if n < 1:
        raise ValueError(f"poly{n}: expected a size of at least 1.")
    _require_entries((n, n, 2 * n - 1), f"poly{n}")
    tensor = np.zeros((n, n, 2 * n - 1), np.int32)
    i, j = np.indices((n, n))
    tensor[i, j, i + j] = 1
    return Target(f"poly{n}", tensor)


def complex_matmul(n: int) -> Target:
    """Returns the tensor (2n², 2n², 2n²) of the product of complex n×n matrices.

    Each mode holds the real parts and then the imaginary parts, each as for the format n×n×n.
    """
    if n < 1:
        raise ValueError(f"complex{n}: expected a size of at least 1.")
    _require_entries((2 * n * n,) * 3, f"complex{n}")
    numbers = np.zeros((2, 2, 2), np.int32)
    numbers[0, 0, 0] = numbers[0, 1, 1] = numbers[1, 0, 1] = 1
    numbers[1, 1, 0] = -1
    return Target(f"complex{n}", np.kron(numbers, matmul(n, n, n).tensor))


def structured_product(product: structured.Product) -> Target:
    """Returns the tensor of a product of structured matrices."""
    left, right, n = product
    name = f"{left}{right}{n}"
    if left == right == "g":
        raise ValueError(f"{name}: expected '{format_name((n, n, n))}', which means the same.")
    if n < 1:
        raise ValueError(f"{name}: expected a size of at least 1.")
    _require_entries(product.shape, name)
    if 0 in product.shape:
        raise ValueError(f"{name}: expected a size of at least 2, the product is zero.")
    return Target(name, product.tensor(), is_quadratic=product.right == structured.QUADRATIC)


_FAMILIES = {
    "skew": skew_matvec,
    "cyclic": cyclic_convolution,
    "poly": polynomials,
    "complex": complex_matmul,
}


def from_file(path: str) -> Target:
    """Reads a user's own tensor from an `.npy` file that holds a 3-D integer array.

    Raises:
      FileError: for another file, a tensor of zeros or entries beyond ±1000, in one line.
    """
    return own(str(path), npy.load(path), f"tensor file {str(path)!r}")


def parse(spec: str) -> Target:
    """Reads a name such as `'2x2x3'`, `'ug4'` or `'cyclic5'`, or the path of an `.npy` file.

    The tensor of a name is read-only.

    Raises:
      ValueError: for anything else, and for tensors of more than `limits.MAX_TENSOR_ENTRIES`, in
        one line that says what is expected.
    """
    expected = "expected a target such as '2x2x3', 'ug4', 'gt4', 'skew4', 'poly4' or a .npy file"
    if not isinstance(spec, str):
        raise ValueError(f"{spec!r:.80}: {expected}.")
    if pathlib.PurePath(spec).suffix == ".npy":
        return from_file(spec)
    if means_known(spec) or re.fullmatch(r"-?[0-9]+(x-?[0-9]+)*", spec):
        return named(spec)
    raise ValueError(f"{spec!r:.80}: {expected}.")


def format_name(sizes: Sequence[int]) -> str:
    """Returns the name of a format, `'3x4x5'` for the sizes (3, 4, 5)."""
    return "x".join(map(str, sizes))


def parse_sizes(name: str) -> Sizes:
    """Reads the sizes (n, m, p) from a format's name such as `'3x4x5'`; raises `ValueError`."""
    parts = name.split("x")
    if len(parts) != 3 or not all(re.fullmatch(r"-?[0-9]{1,9}", part) for part in parts):
        raise ValueError(f"{name!r:.80}: expected three positive sizes such as '2x2x3'.")
    return _positive_sizes(parts)


def _positive_sizes(sizes: Sequence) -> Sizes:
    given = format_name(sizes)
    values = tuple(int(s) for s in sizes)
    if len(values) != 3 or min(values) < 1 or max(values) > 10_000:
        raise ValueError(f"{given!r}: expected three positive sizes such as '2x2x3'.")
    return values
