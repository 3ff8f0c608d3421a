"""The compiled annealing: its energy is a rank, and signs are kept."""

import itertools

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.annealing import kernel
from alphatensor.annealing.search import _vectors
from alphatensor.factorization.triangles import Points, from_points

TERNARY = list(itertools.product((-1, 0, 1), repeat=3))


def masks(vector):
    support = sum(1 << i for i, x in enumerate(vector) if x)
    return support, sum(1 << i for i, x in enumerate(vector) if x < 0)


def test_vectors_are_read_from_their_masks():
    supports, signs = np.array([masks(x) for x in TERNARY]).T
    np.testing.assert_array_equal(_vectors(supports, signs, 3), TERNARY)


@pytest.mark.parametrize("is_difference", [False, True])
def test_sums_and_differences_keep_to_three_entries(is_difference):
    for x, y in itertools.product(TERNARY, TERNARY):
        fits, support, signs = kernel._combined(*masks(x), *masks(y), is_difference)
        both = [np.add(x, y), np.subtract(x, y)]
        clean = [z for z in both if not np.any(np.logical_and(x, y) & (z != 0))]
        assert fits == bool(clean)
        if fits:
            got = _vectors(np.array([support]), np.array([signs]), 3)[0]
            wanted = clean if len(clean) == 1 else [both[is_difference]]
            assert any(np.array_equal(got, z) for z in wanted)


@pytest.mark.parametrize("modulus", [2, 3])
def test_ranks_are_those_of_elimination(modulus):
    rng = np.random.default_rng(0)
    for size in (3, 70, 130):
        vectors = rng.integers(-1, 2, (40, size)) * (rng.random((40, size)) < 4 / size)
        vectors[20:30] = vectors[:10] - vectors[10:20]
        words = -(-size // 64)
        basis, negatives = (np.zeros((64 * words, words), np.uint64) for _ in range(2))
        is_used, rank = np.zeros(64 * words, bool), 0
        for vector in vectors.clip(-1, 1):
            support, negative = (
                np.packbits(np.pad(x, (0, 64 * words - size)), bitorder="little").view("<u8").copy()
                for x in (vector != 0, vector < 0)
            )
            if modulus == 2:
                rank += kernel._insert(support, basis, is_used)
            else:
                rank += kernel._insert_mod_3(support, negative, basis, negatives, is_used)
        assert rank == rank_mod(vectors.clip(-1, 1), modulus)


def rank_mod(matrix, modulus):
    matrix, rank = matrix % modulus, 0
    for column in range(matrix.shape[1]):
        rows = np.flatnonzero(matrix[rank:, column]) + rank
        if len(rows):
            matrix[[rank, rows[0]]] = matrix[[rows[0], rank]]
            matrix[rank] = matrix[rank] * matrix[rank, column] % modulus
            rest = [r for r in range(len(matrix)) if r != rank]
            matrix[rest] = (matrix[rest] - np.outer(matrix[rest, column], matrix[rank])) % modulus
            rank += 1
    return rank


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_energy_is_the_rank_of_the_algorithm(is_signed, seed):
    n, p = 3, 5
    state = np.zeros((3, n * p, 4), np.int64), np.zeros(3, np.int64)
    least, points, counts = kernel.anneal(*state, (n, p), is_signed, (0.5, 0.2), 2_000, seed)
    parts = [(t, x) for t in range(3) for x in points[t, : counts[t]]]
    x = np.array([x for _, x in parts])
    types = np.array([t for t, _ in parts])
    made = Points(types, _vectors(x[:, 0], x[:, 1], n), _vectors(x[:, 2], x[:, 3], p))
    f = from_points(made, rings.Integers() if is_signed else rings.IntegersMod(2))
    assert f.verify().ok and f.rank == least < 2 * n * p


def test_the_same_seed_takes_the_same_steps():
    def run(seed):
        state = np.zeros((3, 16, 4), np.int64), np.zeros(3, np.int64)
        return kernel.anneal(*state, (4, 4), True, (0.4, 0.1), 3_000, seed)

    for x, y in zip(run(1), run(1), strict=True):
        np.testing.assert_array_equal(x, y)
    assert not np.array_equal(run(1)[1], run(2)[1])
