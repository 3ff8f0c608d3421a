"""Points and triangles: algorithms for n×2×p are exact and have the rank that is counted."""

import itertools

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import strassen_pairs
from alphatensor.factorization.triangles import Points, from_points, sums

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
UNIT = [(0, [1, 0], [1, 0]), (1, [0, 1], [0, 1]), (2, [1, -1], [1, 1])]


def points(listed) -> Points:
    return Points(*(np.array(x) for x in zip(*listed, strict=True)))


@pytest.mark.parametrize("ring", [Z, Z2])
def test_three_points_and_their_triangle_are_strassens_algorithm(ring):
    f = from_points(points(UNIT), ring)
    assert f.verify().ok and f.sizes == (2, 2, 2) and f.rank == 7
    assert f.largest_coefficient == 1


@pytest.mark.parametrize("signs", itertools.product((1, -1), repeat=3))
def test_signs_of_vectors_are_of_no_account(signs):
    turned = [
        (t, np.multiply(s, a), np.multiply(-s, b)) for s, (t, a, b) in zip(signs, UNIT, strict=True)
    ]
    assert from_points(points(turned), Z).rank == 7


@pytest.mark.parametrize("left_out", range(3))
def test_without_a_triangle_each_sum_takes_two_products(left_out):
    rest = UNIT[:left_out] + UNIT[left_out + 1 :]
    f = from_points(points(rest), Z)
    assert f.verify().ok and f.rank == 8


@pytest.mark.parametrize("ring", [Z, Z2])
def test_points_of_one_type_make_the_naive_algorithm(ring):
    f = from_points(points([(1, a, b) for _, a, b in UNIT]), ring)
    assert f.verify().ok and f.rank == 8


def test_three_points_whose_vectors_only_add_up_mod_2_are_no_triangle_over_the_integers():
    a, b, c = [1, 1, 0], [0, 1, 1], [1, 0, 1]
    bent = [(0, a, [1, 0]), (1, b, [0, 1]), (2, c, [1, 1])]
    assert from_points(points(bent), Z2).rank == 2 * 6 - 1
    assert from_points(points(bent), Z).rank == 2 * 6


def test_a_point_that_depends_on_others_of_its_type_is_left_out():
    again = [*UNIT, (0, [1, 0], [0, 1]), (0, [1, 0], [1, 1])]
    f = from_points(points(again), Z)
    assert f.verify().ok and f.rank == 2 * 4


def test_equal_rows_and_columns_give_the_algorithm_of_hopcroft_and_kerr():
    rows = [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, -1, 0], [1, 1, 1]]
    columns = [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, -1], [1, 1, 0], [1, 1, 1]]
    best = 18
    for types in itertools.product(range(3), repeat=6):
        listed = zip(types, rows, columns, strict=True)
        f = from_points(points(listed), Z2)
        assert f.verify().ok
        best = min(best, f.rank)
    assert best == strassen_pairs(3).rank == 15


def test_sums_with_fractions_are_refused():
    rows = [[1, 1, 1], [1, -1, 0], [1, 0, -1]]  # determinant 3
    listed = [(0, a, b) for a, b in itertools.product(rows, np.eye(3, dtype=int))]
    with pytest.raises(ValueError, match="3x2x3: expected combinations without fractions"):
        from_points(points(listed), Z)


def test_the_sums_of_points_and_triangles_come_first_and_are_a_basis():
    given = sums(points(UNIT), Z)
    np.testing.assert_array_equal(given[:3], [np.kron(a, b) for _, a, b in UNIT])
    assert given.shape == (4, 4) and abs(np.linalg.det(given)) == pytest.approx(1)
