"""Exact maps from factorisations to factorisations.

A column of u, v, w is read as matrices U (n×m), V (m×p), W (p×n); the target is the trace form
Σ_ijk e_ij ⊗ e_jk ⊗ e_ki, so rotating the three matrices, transposing them in reverse order and
sandwiching them, (A U B⁻¹, B V C⁻¹, C W A⁻¹), all give factorisations again (de Groote 1978).
"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization.core import Factorization, exact_array, from_arrays

AXES = ("n", "m", "p")


def matrices(f: Factorization) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, V, W as arrays of shapes (R, n, m), (R, m, p), (R, p, n)."""
    n, m, p = _sizes(f)
    shapes = ((n, m), (m, p), (p, n))
    return tuple(x.T.reshape(-1, *s) for x, s in zip(f.factors, shapes, strict=True))


def from_matrices(f: Factorization, sizes, u, v, w) -> Factorization:
    """`f`'s ring and provenance with other sizes and stacks of matrices as in `matrices`."""
    columns = (x.reshape(len(x), -1).T for x in (u, v, w))
    return from_arrays(tuple(sizes), f.ring, *columns, f.provenance)


def canonical(f: Factorization) -> Factorization:
    """The same algorithm with fixed scales and order, so that equal ones compare equal.

    In each term, the first non-zero entries of u and v are positive (1 mod p; over the rationals u
    and v become primitive integer vectors) and w takes the rest. Terms are sorted.
    """
    columns = []
    for term in zip(*(x.T.tolist() for x in f.factors), strict=True):
        scales = [_unit(x, f.ring) for x in term[:2]]
        u, v = ([_times(s, x, f.ring) for x in part] for s, part in zip(scales, term, strict=False))
        rest = _inverse_scalar(_times(scales[0], scales[1], f.ring), f.ring)
        columns.append((u, v, [_times(rest, x, f.ring) for x in term[2]]))
    columns.sort()
    u, v, w = (np.array(x, object).T for x in zip(*columns, strict=True))
    return f.replace(u=u, v=v, w=w)


def rotate(f: Factorization, times: int = 1) -> Factorization:
    """(n, m, p) to (m, p, n), the three matrices moved round, `times` times."""
    for _ in range(times % 3):
        n, m, p = _sizes(f)
        f = from_arrays((m, p, n), f.ring, f.v, f.w, f.u, f.provenance)
    return f


def transpose(f: Factorization) -> Factorization:
    """(n, m, p) to (p, m, n) by (AB)ᵀ = BᵀAᵀ."""
    n, m, p = _sizes(f)
    u, v, w = matrices(f)
    return from_matrices(f, (p, m, n), *(x.swapaxes(1, 2) for x in (v, u, w)))


def permute_sizes(f: Factorization, sizes: Sequence[int]) -> Factorization:
    """The factorisation for the same sizes in another order. Raises `ValueError` otherwise."""
    sizes = tuple(sizes)
    if sorted(sizes) != sorted(_sizes(f)):
        raise ValueError(f"sizes {sizes}: expected an order of {f.sizes}.")
    turned = (g for h in (f, None) for times in range(3) for g in [_turn(f, h is None, times)])
    return next(g for g in turned if g.sizes == sizes)


def _turn(f: Factorization, transposed: bool, times: int) -> Factorization:
    return rotate(transpose(f) if transposed else f, times)


def sandwich(f: Factorization, a, b, c) -> Factorization:
    """(A U B⁻¹, B V C⁻¹, C W A⁻¹) for invertible n×n, m×m, p×p matrices over the ring or Q.

    Permutation matrices permute rows and columns; matrices of determinant ±1 keep integers.
    """
    a, b, c = (_square(x, s, f.ring) for x, s in zip((a, b, c), _sizes(f), strict=True))
    inverses = [inverse(x, f.ring) for x in (a, b, c)]
    moved = []
    for x, left, right in zip(matrices(f), (a, b, c), inverses[1:] + inverses[:1], strict=True):
        moved.append(_product(_product(left, x), right))
    return from_matrices(f, f.sizes, *moved)


def change_basis(f: Factorization, a, b, c, target: targets.Target | None = None) -> Factorization:
    """(a u, b v, c w) as a factorisation of the tensor in the new bases.

    Args:
      a, b, c: invertible matrices of shapes (S_u, S_u), (S_v, S_v), (S_w, S_w).
      target: what the result factorises; by default `f`'s tensor in the new bases. Going back,
        with the inverses, name the old target here.
    """
    changes = [_square(x, s, f.ring) for x, s in zip((a, b, c), f.target.shape, strict=True)]
    if target is None:
        tensor = f.target.tensor.astype(object)
        for x in changes:  # each product moves the contracted mode to the end
            tensor = np.tensordot(tensor, x, axes=(0, 1))
        if any(not isinstance(x, int) or abs(x) >= 2**31 for x in tensor.ravel().tolist()):
            raise ValueError("the tensor in the new basis has entries that are not int32.")
        tensor = f.ring.reduce(tensor.astype(np.int64)).astype(np.int32)
        target = targets.Target(f"{f.target.name} in another basis", tensor)
    factors = [_product(x, y) for x, y in zip(changes, f.factors, strict=True)]
    return Factorization(target, f.ring, *factors, f.provenance)


def direct_sum(f: Factorization, g: Factorization, axis: str | None = None) -> Factorization:
    """Glues two products that differ in one size: (n, m, p) and (n', m, p) to (n+n', m, p).

    Args:
      axis: `'n'`, `'m'` or `'p'`: the size that adds up; by default the one that differs.

    Raises:
      ValueError: for other sizes that differ, or different rings.
    """
    _same_ring(f, g)
    given = f"{f.target.name} and {g.target.name}"
    if axis is None:
        differ = [x for x, s, t in zip(AXES, _sizes(f), _sizes(g), strict=True) if s != t]
        if len(differ) != 1:
            raise ValueError(f"{given}: expected one size that differs, or the axis to be named.")
        axis = differ[0]
    k = _axis(axis)
    if any(s != t for i, (s, t) in enumerate(zip(_sizes(f), _sizes(g), strict=True)) if i != k):
        raise ValueError(f"{given}: expected equal sizes except {axis}.")
    sizes = list(f.sizes)
    sizes[k] += g.sizes[k]
    parts = []
    for h, offset in ((f, 0), (g, f.sizes[k])):
        parts.append(_embed(h, sizes, [offset if i == k else 0 for i in range(3)]))
    return _concatenate(parts, sizes, f.ring, {"method": "direct sum", "parts": _origins(f, g)})


def kronecker(f: Factorization, g: Factorization) -> Factorization:
    """The product algorithm: `f` on blocks, `g` inside; sizes and ranks multiply."""
    _same_ring(f, g)
    sizes = tuple(s * t for s, t in zip(_sizes(f), _sizes(g), strict=True))
    products = []
    for x, y in zip(matrices(f), matrices(g), strict=True):
        (q, a, b), (r, c, d) = x.shape, y.shape
        blocks = x[:, None, :, None, :, None] * y[None, :, None, :, None, :]
        products.append(blocks.reshape(q * r, a * c, b * d))
    provenance = {"method": "Kronecker product", "parts": _origins(f, g)}
    return from_matrices(f.replace(provenance=provenance), sizes, *products)


def extend(f: Factorization, axis: str) -> Factorization:
    """One row or column more along `axis`, by the naive products: (n, m, p) to (n+1, m, p)."""
    sizes = [1 if i == _axis(axis) else s for i, s in enumerate(_sizes(f))]
    return direct_sum(f, naive(tuple(sizes), f.ring), axis)


def project(f: Factorization, axis: str, index: int = -1) -> Factorization:
    """Without one row or column of `axis`: (n, m, p) to (n-1, m, p); zero terms are dropped."""
    k = _axis(axis)
    sizes = list(_sizes(f))
    if sizes[k] == 1 or not -sizes[k] <= index < sizes[k]:
        raise ValueError(f"index {index} along {axis}: cannot be removed from {f.target.name}.")
    index %= sizes[k]
    stacks = list(matrices(f))
    stacks[k] = np.delete(stacks[k], index, axis=1)
    stacks[k - 1] = np.delete(stacks[k - 1], index, axis=2)
    sizes[k] -= 1
    return drop_zeros(from_matrices(f, sizes, *stacks))


def projections(f: Factorization, axis: str, most: int = 1) -> list[Factorization]:
    """The `most` projections along `axis` in which most terms vanish, the shortest first.

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


def sparsify(
    f: Factorization, kicks: int = 0, rng: np.random.Generator | None = None
) -> tuple[Factorization, list[np.ndarray]]:
    """A sandwich of `f` with few non-zeros, found greedily by elementary matrices.

    Args:
      kicks: random elementary matrices before the greedy descent, to leave a local minimum.
      rng: for the kicks.

    Returns:
      The sparser factorisation, and the integer matrices (A, B, C) of determinant 1 whose sandwich
      takes it back to `f`.
    """
    scalars = range(1, f.ring.modulus) if f.ring.is_modular else (-1, 1)
    moves = [
        (slot, i, j, c)
        for slot, size in enumerate(_sizes(f))
        for i, j, c in itertools.product(range(size), range(size), scalars)
        if i != j
    ]
    back = [np.eye(size, dtype=np.int64) for size in f.sizes]
    stacks = list(matrices(f))

    def moved(slot, i, j, c):
        """The two stacks that change when A (B, C) is 1 plus c at (i, j)."""
        rows, columns = stacks[slot].copy(), stacks[slot - 1].copy()
        rows[:, i] = f.ring.reduce(rows[:, i] + c * rows[:, j])
        columns[:, :, j] = f.ring.reduce(columns[:, :, j] - c * columns[:, :, i])
        return rows, columns

    def gain(move):
        before = np.count_nonzero(stacks[move[0]]) + np.count_nonzero(stacks[move[0] - 1])
        return before - sum(map(np.count_nonzero, moved(*move)))

    while moves:
        if kicks:
            kicks -= 1
            move = moves[rng.integers(len(moves))]
        else:
            move = max(moves, key=gain)
            if gain(move) <= 0:
                break
        slot, i, j, c = move
        stacks[slot], stacks[slot - 1] = moved(*move)
        back[slot][:, j] -= c * back[slot][:, i]
    return from_matrices(f, f.sizes, *stacks), back


def drop_zeros(f: Factorization) -> Factorization:
    """Without the terms in which u, v or w is zero. Raises `ValueError` if nothing is left."""
    keep = np.all([np.any(x != 0, axis=0) for x in f.factors], axis=0)
    return f.replace(u=f.u[:, keep], v=f.v[:, keep], w=f.w[:, keep])


def reduce_mod(f: Factorization, p: int) -> Factorization:
    """The factorisation mod a prime. Raises `ValueError` if a denominator is a multiple of p."""
    ring = rings.IntegersMod(p)
    if f.ring.is_modular and f.ring != ring:
        raise ValueError(f"ring {f.ring}: cannot be reduced mod {p}.")
    return f.replace(ring=ring, **{k: _residues(getattr(f, k), p) for k in "uvw"})


def naive(sizes: tuple[int, int, int], ring: rings.Ring) -> Factorization:
    """The schoolbook algorithm with n·m·p multiplications."""
    n, m, p = sizes
    i, j, k = (x.ravel() for x in np.meshgrid(range(n), range(m), range(p), indexing="ij"))
    rank = np.arange(n * m * p)
    u, v, w = (np.zeros((s, len(rank)), np.int64) for s in (n * m, m * p, p * n))
    u[i * m + j, rank] = v[j * p + k, rank] = w[k * n + i, rank] = 1
    return from_arrays(sizes, ring, u, v, w, {"method": "naive"})


def strassen(ring: rings.Ring | None = None) -> Factorization:
    """Strassen's seven multiplications for 2×2 matrices (textbook; Strassen 1969)."""
    # Rows are a11 a12 a21 a22, b11 b12 b21 b22, c11 c21 c12 c22; columns are m1 .. m7.
    u = "1 0 1 0 1 -1 0 / 0 0 0 0 1 0 1 / 0 1 0 0 0 1 0 / 1 1 0 1 0 0 -1"
    v = "1 1 0 -1 0 1 0 / 0 0 1 0 0 1 0 / 0 0 0 1 0 0 1 / 1 0 -1 0 1 0 1"
    w = "1 0 0 1 -1 0 1 / 0 1 0 1 0 0 0 / 0 0 1 0 1 0 0 / 1 -1 1 0 0 1 0"
    u, v, w = ([list(map(int, row.split())) for row in x.split("/")] for x in (u, v, w))
    source = {"method": "textbook", "source": "Strassen 1969"}
    return from_arrays((2, 2, 2), ring or rings.Integers(), u, v, w, source)


def inverse(matrix: np.ndarray, ring: rings.Ring) -> np.ndarray:
    """The exact inverse over Q, or mod p. Raises `ValueError` for a singular matrix."""
    size = len(matrix)
    rows = [
        [*(ring.reduce(Fraction(x)) for x in row), *map(Fraction, unit)]
        for row, unit in zip(matrix.tolist(), np.eye(size, dtype=int).tolist(), strict=True)
    ]
    p = ring.modulus
    for c in range(size):
        pivot = next((r for r in range(c, size) if rows[r][c] != 0), None)
        if pivot is None:
            raise ValueError(f"singular matrix {matrix.tolist()}: expected an invertible one.")
        rows[c], rows[pivot] = rows[pivot], rows[c]
        scale = pow(int(rows[c][c]), -1, p) if p else 1 / rows[c][c]
        rows[c] = [ring.reduce(x * scale) for x in rows[c]]
        for r in range(size):
            if r != c and rows[r][c] != 0:
                factor = rows[r][c]
                rows[r] = [
                    ring.reduce(x - factor * y) for x, y in zip(rows[r], rows[c], strict=True)
                ]
    return exact_array(np.array([row[size:] for row in rows], object))


def _sizes(f: Factorization) -> tuple[int, int, int]:
    if f.sizes is None:
        raise ValueError(f"target {f.target.name}: expected a matrix multiplication.")
    return f.sizes


def _axis(axis: str) -> int:
    if axis not in AXES:
        raise ValueError(f"axis {axis!r}: expected 'n', 'm' or 'p'.")
    return AXES.index(axis)


def _direction(x: np.ndarray, ring: rings.Ring) -> tuple[int, ...] | None:
    """The d of a matrix d bᵀ of integers, first non-zero entry 1; None for other matrices."""
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
    """`f` in a basis where x, with first non-zero entry 1, and y are the last unit vectors."""
    first = next(i for i, entry in enumerate(x) if entry)
    unit = np.eye(len(x), dtype=np.int64)
    killing = [unit[i] - x[i] * unit[first] for i in range(len(x)) if i != first]
    bases = [np.eye(size, dtype=np.int64) for size in _sizes(f)]
    bases[k] = f.ring.reduce(np.array([*killing, y]))
    return sandwich(f, *bases)


def _same_ring(f: Factorization, g: Factorization) -> None:
    if f.ring != g.ring:
        raise ValueError(f"rings {f.ring} and {g.ring}: expected one ring.")


def _origins(*fs: Factorization) -> list[str]:
    return [f"{f.target.name}:{f.rank}" for f in fs]


def _embed(f: Factorization, sizes, offsets) -> list[np.ndarray]:
    """`f`'s matrices as blocks, from the given row and column on, of larger ones."""
    placed = []
    for i, x in enumerate(matrices(f)):
        j = (i + 1) % 3
        big = np.zeros((f.rank, sizes[i], sizes[j]), x.dtype)
        rows, columns = (slice(offsets[k], offsets[k] + f.sizes[k]) for k in (i, j))
        big[:, rows, columns] = x
        placed.append(big)
    return placed


def _concatenate(parts, sizes, ring, provenance) -> Factorization:
    stacks = [np.concatenate(x) for x in zip(*parts, strict=True)]
    stacks = [x.reshape(len(x), -1).T for x in stacks]
    return from_arrays(tuple(sizes), ring, *stacks, provenance)


def _square(matrix, size: int, ring: rings.Ring) -> np.ndarray:
    x = exact_array(matrix, "matrix")
    if x.shape != (size, size):
        raise ValueError(f"matrix of shape {x.shape}: expected ({size}, {size}).")
    return ring.reduce(x)


def _product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x @ y, in int64 where it provably fits, else with Python numbers."""
    if x.dtype != object and y.dtype != object and x.size and y.size:
        bound = int(np.abs(x).max()) * int(np.abs(y).max()) * x.shape[-1]
        if bound < 2**62:
            return x @ y
    return np.matmul(x.astype(object), y.astype(object))


def _unit(vector: list, ring: rings.Ring):
    """The factor that makes a vector canonical: primitive, with a positive first entry."""
    lead = next((x for x in vector if x != 0), None)
    if lead is None:
        return 1
    if ring.is_modular:
        return pow(lead, -1, ring.modulus)
    below = math.lcm(*(Fraction(x).denominator for x in vector))
    above = math.gcd(*(int(x * below) for x in vector))
    return Fraction(below, above) * (1 if lead > 0 else -1)


def _inverse_scalar(x, ring: rings.Ring):
    return pow(int(x), -1, ring.modulus) if ring.is_modular else 1 / Fraction(x)


def _times(x, y, ring: rings.Ring):
    z = ring.reduce(x * y)
    return int(z) if isinstance(z, Fraction) and z.denominator == 1 else z


def _residues(x: np.ndarray, p: int) -> np.ndarray:
    if x.dtype != object:
        return x % p
    flat = np.empty(x.size, np.int64)
    for i, value in enumerate(x.flat):
        value = Fraction(value)
        if value.denominator % p == 0:
            raise ValueError(f"coefficient {value}: has no residue mod {p}.")
        flat[i] = value.numerator * pow(value.denominator, -1, p) % p
    return flat.reshape(x.shape)
