"""Walks on quadratic maps: schemes of the same map, and shorter than bilinear ones."""

from alphatensor import rings, targets
from alphatensor.factorization import entrywise
from alphatensor.flip_graph import (
    FlipSearchConfig,
    WalkOptions,
    after_calls,
    bitmasks,
    walk,
    walkers,
)
from alphatensor.flip_graph.exchange import Exchange

Z = rings.Integers()
CONFIG = FlipSearchConfig(walkers=64, tries=1_200, patience=300, margin=2, pool=8)


def test_a_walk_finds_what_no_bilinear_algorithm_has():
    f = entrywise(targets.parse("gq2"), Z)  # A Aᵀ of 2x2 matrices whose entries commute
    assert f.rank == 6
    walked = walk([f], CONFIG, after_calls(3), seed=0, symmetry=Exchange())
    assert walked.schemes[0].rank == 5 and all(g.verify().ok for g in walked.schemes)
    bilinear = targets.parse("gt2")
    assert not any(g.replace(target=bilinear).verify().ok for g in walked.schemes)


def test_every_scheme_on_the_way_is_exact():
    f = entrywise(targets.parse("gq2"), Z)
    options = WalkOptions(tries=6, margin=2, patience=3, symmetry=Exchange())
    state = walkers.run(walkers.start([f], 64, 16, seed=1), options)
    found = [bitmasks.from_masks(terms, f.target, f.ring) for terms in state.terms]
    assert all(g.verify().ok for g in found)
    moved = [not g.replace(target=targets.parse("gt2")).verify().ok for g in found]
    assert any(moved)  # to another tensor of the same map


def test_schemes_that_differ_in_the_order_of_factors_look_alike():
    f = entrywise(targets.parse("sq2"), Z)
    other = Exchange().expand(f.replace(u=f.v, v=f.u))
    assert bitmasks.scheme_key(other) == bitmasks.scheme_key(Exchange().expand(f))
    assert other.verify().ok
