"""Invariants of matrix multiplication factorizations under the symmetry group, and counting.

The group: sandwiches (A U B⁻¹, B V C⁻¹, C W A⁻¹) with invertible matrices over the field (Q, or
Z/p), order and scales of the terms, and the rotations and transpositions that keep the sizes (de
Groote 1978). AlphaTensor counts by the ranks of the factors and, where it applies, a set of
characteristic polynomials (supplement B). Here the invariant is finer and always applies: the terms
become a complete graph whose nodes carry the ranks of U_r, V_r, W_r and the traces of the powers of
U_r V_r W_r, and whose edges carry the ranks of U_r V_s, V_r W_s, W_r U_s and of the pairs
[U_r U_s], ... side by side and stacked; its colours are refined (Weisfeiler and Leman 1968) and
hashed. Different invariants prove inequivalence; equal ones prove nothing.
"""

import collections
import functools
import hashlib
import multiprocessing
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.factorization import matrix_rank, transforms
from alphatensor.factorization.core import Factorization, from_arrays
from alphatensor.factorization.sums import integer_columns

ROUNDS = 3  # of colour refinement in an invariant
MAX_ENTRY = 2**30
MAX_ENTRIES = 20_000_000  # of all products of two factors


class Count(NamedTuple):
    """Says into how many classes a list of factorizations falls.

    Attributes:
      certified: number of different invariants; at least so many are inequivalent.
      representatives: the position of the first factorization of each class.
    """

    certified: int
    representatives: list[int]


class Fields(NamedTuple):
    """Ranks and traces that a sandwich keeps; lists hold one array for each of U, V, W.

    Attributes:
      ranks: int64 (R,), ranks of the matrices.
      traces: for each term a tuple of the traces of the powers of U_r V_r W_r, as text.
      products: int64 (R, R), ranks of U_r V_s, V_r W_s, W_r U_s.
      beside: int64 (R, R), ranks of two matrices side by side, [U_r U_s], ...
      below: int64 (R, R), ranks of two matrices stacked.
    """

    ranks: list[np.ndarray]
    traces: list[tuple]
    products: list[np.ndarray]
    beside: list[np.ndarray]
    below: list[np.ndarray]


class Graph(NamedTuple):
    """Invariant data of one factorization as a complete graph whose nodes are the terms.

    Attributes:
      nodes: uint64 (R,), colours of the terms.
      edges: uint64 (R, R), colours of the ordered pairs of terms.
    """

    nodes: np.ndarray
    edges: np.ndarray


def rank_distribution(f: Factorization) -> dict[tuple[int, int, int], int]:
    """Counts how many terms have each (rank U_r, rank V_r, rank W_r)."""
    triples = np.stack([_ranks(x, f) for x in _small_matrices(f)], axis=1)
    return dict(sorted(collections.Counter(map(tuple, triples.tolist())).items()))


def invariant(f: Factorization) -> str:
    """Returns a text that equivalent factorizations share; 32 hexadecimal digits.

    Raises:
      ValueError: for other targets than matrix products, or coefficients beyond 2^30.
    """
    if f.sizes is None or f.rank**2 * max(f.target.shape) > MAX_ENTRIES:
        raise ValueError(f"{f.target.name} in rank {f.rank}: expected a small matrix product.")
    fields = fields_of(f)
    keeping = transforms.orientations_keeping(f.sizes)
    return min(_summary(graph_of(oriented_fields(fields, x)), f) for x in keeping)


def count_inequivalent(fs: Sequence[Factorization], workers: int = 1) -> Count:
    """Counts the different invariants in a list.

    Args:
      fs: matrix multiplications.
      workers: processes that share a list of more than 100.
    """
    if workers > 1 and len(fs) > 100:
        tasks = [(f.sizes, f.ring, *f.factors) for f in fs]
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            found = pool.map(_invariant_of, tasks, chunksize=50)
    else:
        found = [invariant(f) for f in fs]
    first = {}
    for i, value in enumerate(found):
        first.setdefault(value, i)
    return Count(len(first), sorted(first.values()))


def _invariant_of(task: tuple) -> str:
    return invariant(from_arrays(*task))


def _small_matrices(f: Factorization) -> list[np.ndarray]:
    """Returns U, V, W of each term, each scaled to integers: int64 (R, rows, columns)."""
    if not f.is_real:
        raise ValueError(f"{f.target.name}: Gaussian coefficients have no invariants here.")
    stacks = []
    for factor, x in zip(f.factors, transforms.matrices(f), strict=True):
        if x.dtype == object:
            x = integer_columns(factor)[0].T.reshape(x.shape)
        if int(abs(x).max()) ** 2 * max(f.sizes) > MAX_ENTRY:
            raise ValueError(f"{f.target.name}: coefficients too large for invariants.")
        stacks.append(x.astype(np.int64))
    return stacks


def _ranks(x: np.ndarray, f: Factorization) -> np.ndarray:
    """Returns exact ranks over Q or GF(p) of (..., a, b) integer matrices; int64."""
    if x.shape[-1] > x.shape[-2]:
        x = x.swapaxes(-1, -2)
    bound = 1 << int(np.abs(x).max()).bit_length()
    flat = x.reshape(-1, *x.shape[-2:]).astype(np.int32)
    return np.asarray(_jitted_rank(flat, f.ring, bound), np.int64).reshape(x.shape[:-2])


@functools.partial(jax.jit, static_argnums=(1, 2))
def _jitted_rank(x, ring, bound):
    return matrix_rank.rank(jnp.asarray(x), ring, bound)


def fields_of(f: Factorization) -> Fields:
    """Returns the ranks and traces of a matrix multiplication factorization."""
    stacks = _small_matrices(f)
    rows, columns = np.triu_indices(f.rank)
    products, beside, below = [], [], []
    for x, y in zip(stacks, stacks[1:] + stacks[:1], strict=True):
        products.append(_ranks(f.ring.reduce(x[:, None] @ y[None]), f))
        for found, axis in ((beside, 2), (below, 1)):
            square = np.zeros((f.rank, f.rank), np.int64)
            square[rows, columns] = _ranks(np.concatenate([x[rows], x[columns]], axis), f)
            found.append(np.maximum(square, square.T))
    return Fields(
        ranks=[_ranks(x, f) for x in stacks],
        traces=_traces(f),
        products=products,
        beside=beside,
        below=below,
    )


def oriented_fields(x: Fields, orientation: transforms.Orientation) -> Fields:
    """Returns the fields of `transforms.orient(f, orientation)` from those of `f`."""
    transposed, times = orientation
    if transposed:  # U, V, W become Vᵀ, Uᵀ, Wᵀ
        x = Fields(
            ranks=[x.ranks[k] for k in (1, 0, 2)],
            traces=x.traces,
            products=[x.products[k].T for k in (0, 2, 1)],
            beside=[x.below[k] for k in (1, 0, 2)],
            below=[x.beside[k] for k in (1, 0, 2)],
        )
    return x._replace(
        ranks=_rotated(x.ranks, times),
        products=_rotated(x.products, times),
        beside=_rotated(x.beside, times),
        below=_rotated(x.below, times),
    )


def _rotated(x: list, times: int) -> list:
    return x[times:] + x[:times]


def graph_of(x: Fields) -> Graph:
    """Returns the complete graph that the fields colour."""
    code = np.zeros(x.products[0].shape, np.uint64)
    for ranks in (*x.products, *x.beside, *x.below):
        code = code * np.uint64(64) + ranks.astype(np.uint64)
    terms = zip(*(y.tolist() for y in x.ranks), x.traces, strict=True)
    return Graph(np.array([_digest(term) for term in terms], np.uint64), mix(code))


def _traces(f: Factorization) -> list[tuple]:
    """Returns tr (U_r V_r W_r)^k for k = 1 .. n of each term, exactly."""
    products = _term_products(f)
    power, found = products, []
    for _ in range(products.shape[1]):
        found.append([str(Fraction(x)) for x in f.ring.reduce(np.trace(power, axis1=1, axis2=2))])
        power = f.ring.reduce(power @ products)
    return list(zip(*found, strict=True))


def _term_products(f: Factorization) -> np.ndarray:
    """Returns U_r V_r W_r, (R, n, n), as Python numbers."""
    u, v, w = (x.astype(object) for x in transforms.matrices(f))
    return f.ring.reduce(f.ring.reduce(u @ v) @ w)


def _digest(x) -> int:
    return int.from_bytes(hashlib.blake2b(repr(x).encode(), digest_size=8).digest(), "little")


def mix(x: np.ndarray) -> np.ndarray:
    """Scrambles uint64 one to one (splitmix64)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def refine_colours(colours: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Returns new colours from the old ones and the multisets of (edge, neighbour) both ways."""
    with np.errstate(over="ignore"):
        out = mix(mix(colours)[None, :] + edges).sum(axis=1, dtype=np.uint64)
        back = mix(mix(colours)[None, :] + ~edges.T).sum(axis=1, dtype=np.uint64)
        return mix(mix(mix(colours) + out) + back)


def _summary(graph: Graph, f: Factorization) -> str:
    colours = graph.nodes
    for _ in range(ROUNDS):
        colours = refine_colours(colours, graph.edges)
    return hashlib.blake2b(
        repr((f.sizes, f.ring.modulus)).encode() + np.sort(colours).tobytes(), digest_size=16
    ).hexdigest()
