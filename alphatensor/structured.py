"""Products of structured matrices: their names, their free entries and their tensors.

A name is two letters and the size n, such as `'ug4'`: the structures of the left and of the right
n×n matrix.

  g  general               n² entries
  u  upper triangular      n(n+1)/2 entries, i ≤ j
  l  lower triangular      n(n+1)/2 entries, i ≥ j
  s  symmetric             n(n+1)/2 entries, i ≤ j
  k  skew-symmetric        n(n-1)/2 entries, i < j, and A_ji = -A_ij
  w  skew plus diagonal    n(n+1)/2 entries, i ≤ j, and A_ji = -A_ij for i < j
  t  right letter alone: the left matrix transposed, `gt4` is A Aᵀ; the entries need not commute
  q  right letter alone: the same A Aᵀ for entries that commute

The first two modes hold the free entries, row by row. The third holds the entries of C that are not
always zero, column by column, as for matrix formats; of A Aᵀ, which is symmetric, those with i ≥ j.
General times general has the name of its format, such as `'4x4x4'`.

A Aᵀ is quadratic, so its tensor is a choice: it is that of A Bᵀ, where B has the structure of A and
only i ≥ j counts. For `t` a factorization must give all of A Bᵀ. It then gives A Aᵀ for entries
that are blocks, too, and its ranks are those that are published. For `q` it must give A Aᵀ alone,
where the factors of a product may change places: its ranks are smaller, and say nothing of blocks.
"""

from typing import NamedTuple

import numpy as np

STRUCTURES = {
    "g": "general",
    "u": "upper triangular",
    "l": "lower triangular",
    "s": "symmetric",
    "k": "skew-symmetric",
    "w": "skew plus diagonal",
}
TRANSPOSED, QUADRATIC = "t", "q"
NAME = f"([{''.join(STRUCTURES)}])([{''.join(STRUCTURES)}{TRANSPOSED}{QUADRATIC}])([0-9]+)"

Positions = list[tuple[int, int]]  # (i, j) of each entry, from 0


class Product(NamedTuple):
    """A product of two structured matrices.

    Attributes:
      left, right: letters; the right one may be `TRANSPOSED` or `QUADRATIC`.
      n: the size of all matrices.
    """

    left: str
    right: str
    n: int

    @property
    def is_square(self) -> bool:
        """Tells whether both operands are one matrix."""
        return self.right in (TRANSPOSED, QUADRATIC)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Returns the shape of the tensor before rows of zeros are left out; nothing is made."""
        left = _entries(self.left, self.n)
        right = left if self.is_square else _entries(self.right, self.n)
        return left, right, self.n**2

    @property
    def title(self) -> str:
        """Returns what people call it, such as `'symmetric · general'`."""
        if self.is_square:
            commuting = ", entries commute" if self.right == QUADRATIC else ""
            return f"A·Aᵀ, A {STRUCTURES[self.left]}{commuting}"
        return f"{STRUCTURES[self.left]} · {STRUCTURES[self.right]}"

    def positions(self) -> tuple[Positions, Positions, Positions]:
        """Returns where the entries of the three modes stand in A, B (for A Aᵀ, A again) and C."""
        left = _positions(self.left, self.n)
        right = left if self.is_square else _positions(self.right, self.n)
        tensor = self._tensor()
        every = [(i, k) for k in range(self.n) for i in range(self.n)]
        kept = tensor.any((0, 1))
        return left, right, [x for x, is_kept in zip(every, kept, strict=True) if is_kept]

    def tensor(self) -> np.ndarray:
        """Returns the tensor, int32 (S_u, S_v, S_w)."""
        tensor = self._tensor()
        return tensor[:, :, tensor.any((0, 1))]

    def _tensor(self) -> np.ndarray:
        """Returns the tensor with all n² entries of C."""
        a = matrices(self.left, self.n)
        b = np.swapaxes(a, 1, 2) if self.is_square else matrices(self.right, self.n)
        tensor = np.einsum("aij,bjk->abki", a, b)
        if self.is_square:
            tensor *= np.triu(np.ones((self.n, self.n), np.int32))  # [k, i] with i ≥ k
        return tensor.reshape(len(a), len(b), -1)


def matrices(structure: str, n: int) -> np.ndarray:
    """Returns the matrix of each free entry of a structure, int32 (entries, n, n).

    The matrix with the free entries x is Σ_e x_e · matrices[e].
    """
    i, j = (np.array(x, int) for x in zip(*_positions(structure, n), strict=True))
    found = np.zeros((len(i), n, n), np.int32)
    if structure in "skw":
        found[np.arange(len(i)), j, i] = 1 if structure == "s" else -1
    found[np.arange(len(i)), i, j] = 1
    return found


def _positions(structure: str, n: int) -> Positions:
    is_free = {
        "g": lambda i, j: True,
        "l": lambda i, j: i >= j,
        "k": lambda i, j: i < j,
    }.get(structure, lambda i, j: i <= j)
    return [(i, j) for i in range(n) for j in range(n) if is_free(i, j)]


def _entries(structure: str, n: int) -> int:
    return {"g": n * n, "k": n * (n - 1) // 2}.get(structure, n * (n + 1) // 2)
