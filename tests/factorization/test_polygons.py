"""Trilinear aggregation on polygons: exact, of the rank that is said, and it loses a dimension."""

import itertools

import numpy as np
import pytest

from alphatensor.factorization import polygons, reduced, strassen
from alphatensor.factorization.transforms import matrices

VARIANTS = list(itertools.product((0, 1), (0, 1)))


@pytest.mark.parametrize("half, turned", VARIANTS)
@pytest.mark.parametrize("n", range(2, 9))
def test_cubes_are_exact_and_of_the_rank_of_the_formula(n, half, turned):
    f = polygons.cube(n, half, turned)
    assert f.verify().ok and f.largest_coefficient == 1
    doubled = 2 * n**3 - (n - 1) ** 3
    assert f.rank in (doubled // 2, -(-doubled // 2))
    assert f.rank + polygons.cube(n, 1 - half, turned).rank == doubled


def test_the_smallest_cubes_are_the_algorithms_that_everyone_knows():
    assert [polygons.cube(n, 1).rank for n in range(2, 8)] == [7, 23, 50, 93, 153, 235]
    assert strassen().rank == polygons.cube(2, 1).rank


@pytest.mark.parametrize("n", [3, 5, 7])
def test_half_of_the_naive_products_are_aggregated_in_pairs(n):
    """(n-1)³/2 products have three factors of matrix rank two, as Strassen's first product has."""
    stacks = matrices(polygons.cube(n))
    aggregates = [
        all(np.linalg.matrix_rank(x) == 2 for x in term) for term in zip(*stacks, strict=True)
    ]
    assert sum(aggregates) == (n - 1) ** 3 // 2


@pytest.mark.parametrize("axis", "nmp")
@pytest.mark.parametrize("edge, onto", [(0, 1), (3, 2), (-1, 0), (2, -1)])
def test_an_edge_that_shrinks_takes_a_row_or_column(axis, edge, onto):
    f = polygons.contract(polygons.cube(4), axis, edge, onto)
    sizes = [4, 4, 4]
    sizes["nmp".index(axis)] = 3
    assert list(f.sizes) == sizes and f.verify().ok and f.rank < 51
    again = reduced(polygons.contract(f, axis, 0, 1))
    assert sum(again.sizes) == 10 and again.verify().ok


def test_edges_that_shrink_in_step_lose_no_multiplication():
    f = polygons.contract(polygons.contract(polygons.cube(7), "n", 1, 2), "m", 6, 7)
    assert f.sizes == (6, 6, 7)
    shorter = reduced(f)
    assert (f.rank, shorter.rank) == (181, 177) and shorter.verify().ok


@pytest.mark.parametrize("arguments", [(1,), (3, 2), (3, 0, -1)])
def test_cubes_that_do_not_exist_are_named(arguments):
    with pytest.raises(ValueError, match="expected n >= 2, and 0 or 1 twice"):
        polygons.cube(*arguments)


@pytest.mark.parametrize("n, edge, onto", [(3, 1, 1), (3, 1, 5), (1, 0, 1)])
def test_edges_that_cannot_shrink_are_named(n, edge, onto):
    f = polygons.cube(max(n, 2))
    if n == 1:
        f = polygons.contract(f, "n", 0, 1)
    with pytest.raises(ValueError, match="expected two edges"):
        polygons.contract(f, "n", edge, onto)


def test_coordinates_are_those_of_a_closed_polygon_and_its_dual():
    edges, duals = polygons._coordinates(5)
    assert not edges.sum(axis=0).any()
    assert np.array_equal(edges @ (duals - duals[2]).T, np.eye(5) - np.eye(5)[:, [2]])
