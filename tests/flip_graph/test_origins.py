"""Origins: schemes of neighbouring formats are brought to a format and stay exact."""

from memory import Memory

from alphatensor import rings
from alphatensor.factorization import aggregated, naive, strassen
from alphatensor.flip_graph import origins
from alphatensor.flip_graph.symmetries import Swap

Z, Z2 = rings.Integers(), rings.IntegersMod(2)


def schemes_of(sizes):
    f = Memory(strassen(Z2)).best(sizes, Z2)
    return [f] if f else []


def test_schemes_of_smaller_formats_are_extended_and_of_larger_ones_projected():
    near = origins.neighbours((2, 2, 3), schemes_of)
    assert list(near) == [(2, 2, 2)]
    (eleven,) = near[2, 2, 2]
    assert eleven.rank == 11 and eleven.verify().ok, "seven, and four for a column"
    near = origins.neighbours((1, 2, 2), schemes_of)
    assert list(near) == [(2, 2, 2)]
    assert all(f.sizes == (1, 2, 2) and f.verify().ok for f in near[2, 2, 2])
    (last,) = origins.neighbours((1, 2, 2), schemes_of, directions=0)[2, 2, 2]
    assert last.verify().ok and last.rank <= 7


def test_sums_of_two_formats_are_origins():
    sums = origins.sums((2, 2, 5), schemes_of, Z2)
    ((f,),) = sums.values()
    assert list(sums) == [((2, 2, 2), (2, 2, 3))]
    assert f.rank == 7 + 12 and f.target.sizes == (2, 2, 5) and f.verify().ok
    assert len(origins.sums((4, 4, 4), schemes_of, Z2)) == 1, "all sizes are equal"
    assert origins.sums((2, 3, 3), schemes_of, Z2) == {}


def test_copies_of_a_scheme_share_its_factors():
    three = naive((2, 2, 3), Z2)
    known = {(2, 2, 2): [strassen(Z2)], (2, 2, 3): [three]}
    found = origins.copies((2, 2, 4), lambda sizes: known.get(sizes, []))
    (twice,) = found[origins.COPIES, (2, 2, 2), 0, ""]
    assert twice.rank == 14 and twice.verify().ok and len(set(map(tuple, twice.u.T))) == 7
    unequal = origins.copies((2, 2, 5), lambda sizes: known.get(sizes, []))
    unequal = unequal[origins.COPIES, (2, 2, 3), 1, ""]
    assert len(unequal) == origins.NEIGHBOURS
    for f in unequal:
        assert f.sizes == (2, 2, 5) and f.verify().ok and f.rank == 12 + 8
        assert len(set(map(tuple, f.u.T))) == 4
    assert origins.copies((2, 2, 4), lambda _: []) == {}


def test_products_of_two_formats_are_origins():
    made = origins.products((4, 2, 4), schemes_of)
    assert made == {}, "no 1x2x2 or 2x1x2 is known"
    made = origins.products((4, 4, 4), schemes_of)
    ((pair, (f,)),) = made.items()
    assert pair == ("product", (2, 2, 2), (2, 2, 2))
    assert f.rank == 49 and f.sizes == (4, 4, 4) and f.verify().ok
    parts = {(1, 2, 2): [naive((1, 2, 2), Z2)], (2, 2, 2): [strassen(Z2)]}
    made = origins.products((2, 4, 4), lambda sizes: parts.get(sizes, []))
    assert {tuple(sorted(outer)) for _, outer, _ in made} == {(1, 2, 2), (2, 2, 2)}
    assert all(f.rank == 28 and f.verify().ok for fs in made.values() for f in fs)


def test_pairs_are_an_origin_beside_two():
    for sizes in [(2, 7, 7), (7, 2, 7), (7, 7, 2)]:
        ((origin, (f,)),) = origins.pairs(sizes, Z2).items()
        assert origin == origins.PAIRS and f.sizes == sizes and f.rank == 77 and f.verify().ok
    for sizes in [(2, 6, 6), (3, 7, 7), (1, 2, 9)]:
        assert origins.pairs(sizes, Z2) == {}


def test_schemes_are_brought_to_another_order_of_sizes():
    (f,) = origins.permuted([naive((2, 3, 4), Z2)], (4, 2, 3))
    assert f.sizes == (4, 2, 3) and f.verify().ok


def test_every_origin_has_a_kind():
    sizes, ring = (2, 4, 8), rings.IntegersMod(2)

    def known(key):
        return [naive(key, ring)]

    found = origins.neighbours(sizes, known) | origins.sums(sizes, known, ring)
    found |= origins.products(sizes, known) | origins.pairs(sizes, ring)
    found |= origins.copies(sizes, known)
    kinds = {origin: origins.kind_of(origin, sizes) for origin in found}
    assert kinds[2, 4, 7] == "extension" and kinds[2, 4, 9] == "projection"
    assert set(kinds.values()) == {"extension", "projection", "sum", "product", "pairs", "copies"}
    parts = {kinds[origin]: origins.part_of(origin) for origin in found}
    assert parts["product"] is parts["sum"] is parts["pairs"] is None
    assert origins.part_of((2, 4, 7)) == (2, 4, 7) and len(parts["copies"]) == 3
    assert origins.kind_of(None, sizes) == "naive"
    assert origins.kind_of(Swap(sizes, (1, 1, 1)), sizes) == "symmetric"


def test_aggregation_is_an_origin_over_every_ring():
    for ring in (Z, Z2):
        ((origin, (f,)),) = origins.aggregation((5, 4, 5), ring).items()
        assert (f.sizes, f.rank, f.ring) == ((5, 4, 5), 76, ring) and f.verify().ok
        assert origins.kind_of(origin, (5, 4, 5)) == "aggregation"
    assert origins.aggregation((2, 4, 5), Z) == {}
    assert list(origins.by_rule((3, 3, 4), Z, ("aggregation",))) == ["aggregation"]
    assert origins.by_rule((3, 3, 4), Z, ("naive",)) == {}


def test_schemes_lose_a_row_or_column_in_two_sizes_at_once():
    known = {(5, 5, 5): [aggregated((5, 5, 5))], (5, 6, 6): [naive((5, 6, 6), Z)]}
    made = origins.contractions((4, 4, 5), lambda sizes: known.get(sizes, []))
    assert list(made) == [(origins.CONTRACTION, (5, 5, 5), ("n", "m"))]
    ((origin, (f,)),) = made.items()
    assert f.sizes == (4, 4, 5) and f.rank == 62 and f.verify().ok
    assert origins.kind_of(origin, f.sizes) == "contraction" and origins.part_of(origin) is None
    turned = origins.contractions((5, 5, 5), lambda sizes: known.get(sizes, []))
    assert len(turned) == 3
    assert all(f.sizes == (5, 5, 5) and f.verify().ok for fs in turned.values() for f in fs)


def test_schemes_that_would_have_to_be_transposed_are_not_contracted():
    known = {(3, 4, 6): [naive((3, 4, 6), Z)]}
    made = origins.contractions((3, 3, 5), lambda sizes: known.get(sizes, []))
    assert [pair for _, _, pair in made] == [("m", "p")]  # not 4x3x6 for ("n", "p")
    assert origins.contractions((2, 3, 6), lambda sizes: known.get(sizes, [])) == {}
