"""Decides whether two matrix multiplication factorizations are the same up to symmetries."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphatensor import rings
from alphatensor.factorization import linear, transforms
from alphatensor.factorization.analysis import invariants
from alphatensor.factorization.analysis.invariants import Graph, graph_of, mix, refine_colours
from alphatensor.factorization.core import Factorization

TRIES = 40  # of random matrices where a matching leaves some freedom
WORDS = 60  # products of terms besides U_r V_r W_r that a decision compares


class Equivalence(NamedTuple):
    """The answer for two factorizations.

    Attributes:
      verdict: True or False if proven, None if the search was given up.
      message: the answer in one line.
      matrices: (A, B, C) whose sandwich takes the first, in `orientation`, to the second; None
        unless the verdict is True.
      orientation: the orientation in which the first is taken, once it has the second's sizes.
    """

    verdict: bool | None
    message: str
    matrices: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    orientation: transforms.Orientation = transforms.ORIENTATIONS[0]


def equivalent(f: Factorization, g: Factorization, limit: int = 20_000) -> Equivalence:
    """Decides whether two factorizations are equivalent over the rationals or mod p.

    Terms are matched by individualisation and refinement; for a complete matching, A, B, C follow
    from linear equations, as A conjugates U_r V_r W_r to its partner, and are checked exactly.

    Args:
      f, g: matrix multiplications.
      limit: matchings tried before giving up.

    Raises:
      ValueError: for other targets, Gaussian coefficients, or ones beyond 2^30.
    """
    if f.sizes is None or g.sizes is None:
        raise ValueError("equivalence: expected matrix multiplications.")
    if not (f.is_real and g.is_real):
        raise ValueError("equivalence: expected real coefficients, got Gaussian ones.")
    if sorted(f.sizes) != sorted(g.sizes) or f.ring != g.ring or f.rank != g.rank:
        return Equivalence(verdict=False, message="not equivalent: another format, ring or rank.")
    f_permuted = transforms.permute_sizes(f, g.sizes)
    if invariants.invariant(f_permuted) != invariants.invariant(g):
        return Equivalence(verdict=False, message="not equivalent: the invariants differ.")
    goal = transforms.canonical(g)
    fields, other = invariants.fields_of(f_permuted), graph_of(invariants.fields_of(g))
    tried, certain = 0, True
    for orientation in transforms.orientations_keeping(g.sizes):
        candidate = transforms.orient(f_permuted, orientation)
        graph = graph_of(invariants.oriented_fields(fields, orientation))
        for match in _matchings(graph, other):
            tried += 1
            if tried > limit:
                return Equivalence(verdict=None, message=f"undecided after {limit} matchings.")
            matrices, sure = _sandwich_between(candidate, g, match, goal)
            if matrices is not None:
                return Equivalence(
                    verdict=True, message="equivalent.", matrices=matrices, orientation=orientation
                )
            certain &= sure
    if certain:
        return Equivalence(
            verdict=False, message=f"not equivalent: none of {tried} matchings extends to matrices."
        )
    return Equivalence(verdict=None, message=f"undecided: {tried} matchings leave free matrices.")


def _matchings(a: Graph, b: Graph) -> Iterator[np.ndarray]:
    """Yields matchings (R,) of term r of a with match[r] of b that respect refined colours."""

    def search(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
        cells = 0
        while True:
            if not np.array_equal(np.sort(x), np.sort(y)):
                return
            values, counts = np.unique(x, return_counts=True)
            if len(values) == len(x):
                yield np.argsort(y)[np.argsort(np.argsort(x))]
                return
            if len(values) == cells:
                break
            cells = len(values)
            x, y = refine_colours(x, a.edges), refine_colours(y, b.edges)
        cell = values[np.argmin(np.where(counts > 1, counts, len(x) + 1))]
        r = int(np.flatnonzero(x == cell)[0])
        for s in np.flatnonzero(y == cell):
            x_next, y_next = x.copy(), y.copy()
            x_next[r] = y_next[s] = mix(cell ^ np.uint64(1))
            yield from search(x_next, y_next)

    yield from search(a.nodes, b.nodes)


def _sandwich_between(f, g, match, goal) -> tuple[tuple[np.ndarray, ...] | None, bool]:
    """Returns A, B, C that take term r of `f` to match[r] of `g`, or None; and if that is sure."""
    g = g.replace(u=g.u[:, match], v=g.v[:, match], w=g.w[:, match])
    rng = np.random.default_rng(0)
    triples = [(r, r, r) for r in range(f.rank)]
    triples += [tuple(t) for t in rng.integers(0, f.rank, (WORDS, 3)).tolist()]
    spaces = []
    for times in range(3):
        x, y = (_words(transforms.rotate(h, times), triples) for h in (f, g))
        spaces.append(_conjugators(x, y, f.ring))
        if not spaces[-1]:
            return None, True
    free = any(len(space) > 1 for space in spaces)
    for _ in range(TRIES if free else 1):
        matrices = []
        for space in spaces:
            weights = rng.integers(1, 7, len(space)) if free else [1]
            total = sum(int(c) * x for c, x in zip(weights, space, strict=True))
            matrices.append(f.ring.reduce(total))
        try:
            moved = transforms.canonical(transforms.sandwich(f, *matrices))
        except ValueError:  # a singular choice
            continue
        if all(np.array_equal(p, q) for p, q in zip(moved.factors, goal.factors, strict=True)):
            return tuple(matrices), True
    return None, not free


def _words(f: Factorization, triples) -> list[np.ndarray]:
    """Returns products that a sandwich conjugates by A whatever the scales of the terms are."""
    u, v, w = (x.astype(object) for x in transforms.matrices(f))
    reduce = f.ring.reduce
    words = []
    for r, s, t in triples:
        word = reduce(u[r] @ v[s] @ w[t])
        if not r == s == t:
            word = reduce(word @ reduce(u[s] @ v[t] @ w[r]) @ reduce(u[t] @ v[r] @ w[s]))
        words.append(word)
    return words


def _conjugators(x: list[np.ndarray], y: list[np.ndarray], ring: rings.Ring) -> list[np.ndarray]:
    """Returns a basis of the matrices A with A x_i = y_i A for all i, over Q or GF(p)."""
    size = len(x[0])
    identity = np.eye(size, dtype=int).astype(object)
    equations = (
        row
        for a, b in zip(x, y, strict=True)
        if a.any() or b.any()
        for row in (np.kron(identity, a.T) - np.kron(b, identity)).tolist()
    )
    basis = linear.null_space(equations, size * size, ring)
    return [vector.reshape(size, size) for vector in basis]
