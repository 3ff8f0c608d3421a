"""Trilinear aggregation on polygons: n×n×n in n³ - (n-1)³/2 multiplications.

Seven multiplications for n = 2, 23 for n = 3, 93 for n = 5, 153 for n = 6, 235 for n = 7, all over
the integers with the coefficients -1, 0, 1; half a multiplication is rounded down.

*The polygon.* Write the trace form Σ a_ij b_jk c_ki as id_X ⊗ id_Y ⊗ id_Z, A in X⊗Y*, B in Y⊗Z*,
C in Z⊗X*. Take n + 1 = L points e_0, …, e_{L-1} in general position in X, a closed polygon with the
edges p_i = e_{i+1} - e_i, and dual points g_0, …, g_{L-1}, one on each edge, of which only the
differences count: ⟨p_i, g_j - g_l⟩ = δ_ij - δ_il. With q_i = g_i - g_{i-1}, around the vertex e_i,
and any points e and g,

    id_X  =  Σ_i p_i ⊗ (g_i - g)  =  -Σ_i (e_i - e) ⊗ q_i                              (1)

since the edges, and the q_i, sum to zero. The same for Y and Z; all indices are mod L.

*The products.* For i, j, k mod L let

    a_ij = p_i ⊗ (g_j - g_{-i}),   u_ki = (e_{i+1} - e_{-k}) ⊗ q_{-i}      in X⊗Y*,

and likewise b_jk, v_ij in Y⊗Z* and c_ki, w_jk in Z⊗X*. An edge i of X is told about a vertex -i of
Y, an edge of Y about one of Z, one of Z about one of X. By (1) the sum of a_ij b_jk c_ki over all
i, j, k is the trace form, and that of u_ki v_ij w_jk is it once more. Half of the triples is
enough:

    trace form  =  Σ_{(i, j, k) in D} (a_ij + u_ki) ⊗ (b_jk + v_ij) ⊗ (c_ki + w_jk),     (2)

D being all (i, j, k) with r(i+j) + r(j+k) + r(k+i) ≡ 2(i + j + k) mod 2L, r(x) the remainder mod L.
For the other half, the same holds.

*Why.* For given i and k the j in D, and those not in D, are what one meets from -i to -k, and from
-k to -i. With F_j = (e_j - e_{-i}) ⊗ (g_k - g_{-j}), which is zero for j = -i and j = -k,

    b_jk + v_ij  =  F_{j+1} - F_j,

so Σ_j (b_jk + v_ij) = 0 over either part, and all the mixed products u b c, u v c cancel; by the
symmetry of the three spaces so do a b w, u b w and a v c, a v w. What is left is Σ_D a b c + Σ_D
u v w. That the second sum is the one of a b c over the other half was checked exactly for every n
up to 16; a proof for all n is missing.

Products in which a factor is zero are dropped. For odd n, (n-1)³/2 of the others have three factors
of matrix rank two, Pan's aggregates (Pan 1978) of two products of the naive algorithm each, and one
step more in the round trip X, Y, Z, X (`turned`) gives other schemes.

*Fewer dimensions.* An edge that shrinks to a point leaves a polygon of one dimension less, where
its dual point may be put on that of any other edge (`contract`). `aggregation` uses that.
"""

import numpy as np

from alphatensor import rings
from alphatensor.factorization.composition import AXES, drop_zeros
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.transforms import from_matrices, matmul_sizes, matrices

METHOD = "trilinear aggregation on polygons"


def cube(n: int, half: int = 0, turned: int = 0) -> Factorization:
    """Returns the scheme (2) for n×n×n over the integers.

    Rows and columns stand for the edges 0 .. n-1 and the dual points relative to the last one.

    Args:
      n: the size, 2 or more.
      half: 0 for the triples in D, 1 for the others. One of the two has a multiplication more for
        even n.
      turned: 1 for vertices -k-1 instead of -k of X, with D changed accordingly.
    """
    if n < 2 or half not in (0, 1) or turned not in (0, 1):
        raise ValueError(f"cube({n}, {half}, {turned}): expected n >= 2, and 0 or 1 twice.")
    length = n + 1
    i, j, k = (x.ravel() for x in np.meshgrid(*[np.arange(length)] * 3, indexing="ij"))
    turns = (i + j) % length + (j + k) % length + (k + i + turned) % length
    in_half = ((turns - 2 * (i + j + k) - turned) % (2 * length) != 0) == bool(half)
    i, j, k = i[in_half], j[in_half], k[in_half]
    of_y, of_z, of_x = -i, -j, -k - turned  # the vertices that the edges are told about
    factors = (
        _factor(length, i, j, of_y, of_x),
        _factor(length, j, k, of_z, of_y),
        _factor(length, k, i, of_x, of_z),
    )
    columns = (x.reshape(len(x), -1).T for x in factors)
    return drop_zeros(from_arrays((n, n, n), rings.Integers(), *columns, {"method": METHOD}))


def _factor(length: int, edge, dual, flanked, vertex) -> np.ndarray:
    """Returns p_edge ⊗ (g_dual - g_flanked) + (e_{edge+1} - e_vertex) ⊗ q_flanked, (R, n, n)."""
    edges, duals = _coordinates(length)
    vertices = np.vstack([np.zeros_like(edges[:1]), np.cumsum(edges, axis=0)[:-1]])

    def outer(x, y, along, beside):
        left = along[x[0] % length] - along[x[1] % length]
        right = beside[y[0] % length] - beside[y[1] % length]
        return left[:, :, None] * right[:, None, :]

    first = outer((edge + 1, edge), (dual, flanked), vertices, duals)
    return first + outer((edge + 1, vertex), (flanked, flanked - 1), vertices, duals)


def _coordinates(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the edges in the basis of all but the last, and the dual points, (L, L-1) each."""
    unit = np.eye(length - 1, dtype=np.int64)
    return np.vstack([unit, -np.ones_like(unit[:1])]), np.vstack([unit, np.zeros_like(unit[:1])])


def contract(f: Factorization, axis: str, edge: int, onto: int) -> Factorization:
    """Shrinks an edge of one polygon to a point: one row or column of `axis` less.

    Args:
      f: in the coordinates of `cube`.
      axis: `'n'`, `'m'` or `'p'`, for the polygon of X, Y or Z.
      edge: the edge, counted round the polygon that `f` has there.
      onto: another edge, whose dual point the edge's own falls on.

    Returns:
      A factorization, with the edges after `edge` counted one less; terms that vanish are dropped.
    """
    k = AXES.index(axis)
    sizes = list(matmul_sizes(f))
    length = sizes[k] + 1
    edge, onto = edge % length, onto % length
    if length == 2 or edge == onto:
        raise ValueError(f"edge {edge} onto {onto}: expected two edges of a polygon of 3 or more.")
    edges, duals = _coordinates(length - 1)
    left = np.insert(edges, edge, 0, axis=0)
    right = np.insert(duals, edge, duals[onto - (onto > edge)], axis=0)
    stacks = list(matrices(f))
    stacks[k] = np.einsum("rij,ia->raj", stacks[k], left[:-1])
    stacks[k - 1] = np.einsum("rji,ia->rja", stacks[k - 1], (right - right[-1])[:-1])
    sizes[k] -= 1
    return drop_zeros(from_matrices(f, sizes, *stacks))
