"""Larger and smaller factorizations from given ones: sums, products, extensions, projections."""

import itertools

import numpy as np

from alphatensor import rings
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.textbook import naive
from alphatensor.factorization.transforms import from_matrices, matmul_sizes, matrices, sandwich

AXES = ("n", "m", "p")


def direct_sum(f: Factorization, g: Factorization, axis: str | None = None) -> Factorization:
    """Glues two products that differ in one size: (n, m, p) and (n', m, p) to (n+n', m, p).

    Args:
      f, g: matrix multiplications over one ring.
      axis: `'n'`, `'m'` or `'p'`: the size that adds up; by default the one that differs.

    Raises:
      ValueError: for other sizes that differ, or different rings.
    """
    _check_same_ring(f, g)
    given = f"{f.target.name} and {g.target.name}"
    sizes_f, sizes_g = matmul_sizes(f), matmul_sizes(g)
    if axis is None:
        differ = [x for x, s, t in zip(AXES, sizes_f, sizes_g, strict=True) if s != t]
        if len(differ) != 1:
            raise ValueError(f"{given}: expected one size that differs, or the axis to be named.")
        axis = differ[0]
    k = _axis(axis)
    if any(s != t for i, (s, t) in enumerate(zip(sizes_f, sizes_g, strict=True)) if i != k):
        raise ValueError(f"{given}: expected equal sizes except {axis}.")
    sizes = list(sizes_f)
    sizes[k] += sizes_g[k]
    parts = []
    for h, offset in ((f, 0), (g, sizes_f[k])):
        parts.append(_embed(h, sizes, [offset if i == k else 0 for i in range(3)]))
    stacks = [np.concatenate(x) for x in zip(*parts, strict=True)]
    columns = (x.reshape(len(x), -1).T for x in stacks)
    provenance = {"method": "direct sum", "parts": _names(f, g)}
    return from_arrays(tuple(sizes), f.ring, *columns, provenance)


def kronecker(f: Factorization, g: Factorization) -> Factorization:
    """Returns the product algorithm: `f` on blocks, `g` inside; sizes and ranks multiply."""
    _check_same_ring(f, g)
    sizes = tuple(s * t for s, t in zip(matmul_sizes(f), matmul_sizes(g), strict=True))
    products = []
    for x, y in zip(matrices(f), matrices(g), strict=True):
        (q, a, b), (r, c, d) = x.shape, y.shape
        blocks = x[:, None, :, None, :, None] * y[None, :, None, :, None, :]
        products.append(blocks.reshape(q * r, a * c, b * d))
    provenance = {"method": "Kronecker product", "parts": _names(f, g)}
    return from_matrices(f.replace(provenance=provenance), sizes, *products)


def extend(f: Factorization, axis: str) -> Factorization:
    """Adds one row or column along `axis`, by naive products: (n, m, p) to (n+1, m, p)."""
    sizes = [1 if i == _axis(axis) else s for i, s in enumerate(matmul_sizes(f))]
    return direct_sum(f, naive(tuple(sizes), f.ring), axis)


def project(f: Factorization, axis: str, index: int = -1) -> Factorization:
    """Deletes one row or column of `axis`: (n, m, p) to (n-1, m, p); zero terms are dropped.

    Raises:
      ValueError: if there is no such index, or nothing would be left.
    """
    k = _axis(axis)
    sizes = list(matmul_sizes(f))
    if sizes[k] == 1 or not -sizes[k] <= index < sizes[k]:
        raise ValueError(f"index {index} along {axis}: cannot be removed from {f.target.name}.")
    index %= sizes[k]
    stacks = list(matrices(f))
    stacks[k] = np.delete(stacks[k], index, axis=1)
    stacks[k - 1] = np.delete(stacks[k - 1], index, axis=2)
    sizes[k] -= 1
    return drop_zeros(from_matrices(f, sizes, *stacks))


def projections(f: Factorization, axis: str, most: int = 1) -> list[Factorization]:
    """Returns the `most` projections along `axis` in which most terms vanish, the shortest first.

    (n, m, p) goes to (n-1, m, p) along a direction x of the rows and a direction y of the columns
    that n stands for, where xy is a unit of the ring: terms with U = x bᵀ or W = b yᵀ vanish. With
    unit vectors this is `project`, which is used where no directions fit.
    """
    k = _axis(axis)
    rows = [_direction(x, f.ring) for x in matrices(f)[k]]
    columns = [_direction(x.T, f.ring) for x in matrices(f)[k - 1]]
    vanishing = {
        (x, y): sum(r == x or c == y for r, c in zip(rows, columns, strict=True))
        for x, y in itertools.product(sorted(set(rows) - {None}), sorted(set(columns) - {None}))
        if _is_unit(np.dot(x, y), f.ring)
    }
    chosen = sorted(vanishing, key=vanishing.get, reverse=True)[:most]
    return [project(_moved_last(f, k, x, y), axis) for x, y in chosen] or [project(f, axis)]


def drop_zeros(f: Factorization) -> Factorization:
    """Drops the terms in which u, v or w is zero; raises `ValueError` if nothing is left."""
    keep = np.all([np.any(x != 0, axis=0) for x in f.factors], axis=0)
    return f.replace(u=f.u[:, keep], v=f.v[:, keep], w=f.w[:, keep])


def _axis(axis: str) -> int:
    if axis not in AXES:
        raise ValueError(f"axis {axis!r}: expected 'n', 'm' or 'p'.")
    return AXES.index(axis)


def _direction(x: np.ndarray, ring: rings.Ring) -> tuple[int, ...] | None:
    """Returns the d of a matrix d bᵀ of integers, first non-zero entry 1; None for others."""
    if x.dtype == object or not x.any():
        return None
    row, column = np.argwhere(x)[0]
    lead = int(x[row, column])
    if ring.is_modular:
        d = x[:, column] * pow(lead, -1, ring.modulus) % ring.modulus
    else:
        d = x[:, column] // lead
    is_outer = np.array_equal(ring.reduce(np.outer(d, x[row])), x)
    return tuple(d.tolist()) if is_outer else None


def _is_unit(x: int, ring: rings.Ring) -> bool:
    return ring.reduce(x) != 0 if ring.is_modular else abs(x) == 1


def _moved_last(f: Factorization, k: int, x, y) -> Factorization:
    """Returns `f` in a basis where x, with first non-zero entry 1, and y are last unit vectors."""
    first = next(i for i, entry in enumerate(x) if entry)
    unit = np.eye(len(x), dtype=np.int64)
    killing = [unit[i] - x[i] * unit[first] for i in range(len(x)) if i != first]
    bases = [np.eye(size, dtype=np.int64) for size in matmul_sizes(f)]
    bases[k] = f.ring.reduce(np.array([*killing, y]))
    return sandwich(f, *bases)


def _check_same_ring(f: Factorization, g: Factorization) -> None:
    if f.ring != g.ring:
        raise ValueError(f"rings {f.ring} and {g.ring}: expected one ring.")


def _names(*fs: Factorization) -> list[str]:
    return [f"{f.target.name}:{f.rank}" for f in fs]


def _embed(f: Factorization, sizes, offsets) -> list[np.ndarray]:
    """Returns `f`'s matrices as blocks, from the given row and column on, of larger ones."""
    placed = []
    for i, x in enumerate(matrices(f)):
        j = (i + 1) % 3
        big = np.zeros((f.rank, sizes[i], sizes[j]), x.dtype)
        rows, columns = (slice(offsets[k], offsets[k] + f.sizes[k]) for k in (i, j))
        big[:, rows, columns] = x
        placed.append(big)
    return placed
