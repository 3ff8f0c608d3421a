"""Lifts: each scheme is tried once, and walks go on from schemes that may lift."""

from fractions import Fraction

import numpy as np
from memory import ticks

from alphatensor import rings
from alphatensor.factorization import naive, sandwich, strassen
from alphatensor.flip_graph.lifts import LiftCache

Z2, Z = rings.IntegersMod(2), rings.Integers()
SCHEMES = [naive((1, 1, size), Z2) for size in range(1, 6)]


def cache(lifting=(), failing=()):
    """A cache in which some schemes were tried."""
    found = LiftCache(lambda: 0.0, lift=lambda f: f if any(f is g for g in lifting) else None)
    found.lifting([*lifting, *failing], seconds=1.0)
    return found


def test_each_scheme_is_tried_once():
    lifts = LiftCache(ticks())
    f = strassen(Z2)
    assert not lifts.was_tried(f) and lifts.lift_of(f) is None and not lifts.has_failed(f)
    assert lifts.lifting([f], seconds=1.0) == [f]
    assert lifts.was_tried(f) and lifts.lift_of(f).ring == Z and lifts.lift_of(f).verify().ok
    assert len(lifts) == 1
    assert lifts.lifting([f, f], seconds=0.0) == [f, f] and len(lifts) == 1
    assert lifts.lifting([naive((1, 1, 2), Z)], seconds=1.0) == [], "not over Z2"
    assert len(lifts) == 1


def test_one_scheme_is_tried_and_more_until_the_seconds_are_over():
    lifts = LiftCache(ticks(seconds=1.0))
    assert lifts.lifting(SCHEMES, seconds=0.5) == SCHEMES[:1] and len(lifts) == 1
    assert lifts.lifting(SCHEMES, seconds=0.5) == SCHEMES[:2] and len(lifts) == 2
    assert lifts.lifting(SCHEMES, seconds=1.5) == SCHEMES[:4] and len(lifts) == 4


def test_symmetric_walks_go_on_from_schemes_that_may_lift():
    first, rest = SCHEMES[:2], SCHEMES[2:]
    assert cache().promising(SCHEMES, []) == SCHEMES
    assert cache(first).promising(SCHEMES, first) == SCHEMES
    assert cache(first, rest[:1]).promising(SCHEMES, first) == [*first, *rest[1:]]
    assert cache(first, rest).promising(SCHEMES, first) == first, "most do not lift"
    assert cache((), SCHEMES).promising(SCHEMES, []) == SCHEMES, "none lifts"


def test_shares_that_lift_are_told_by_family_and_fractions_count():
    seven, eight = strassen(Z2), naive((2, 2, 2), Z2)
    third = np.diag([Fraction(1, 3), Fraction(1)])
    rational = sandwich(naive((2, 2, 2), Z), third, np.eye(2, dtype=int), np.eye(2, dtype=int))
    lifts = LiftCache(ticks(), lift=lambda f: rational if f.rank == 8 else None)
    families = [f.replace(provenance={"family": x}) for f, x in ((seven, "best"), (eight, "swap"))]
    assert lifts.lifting([*families, naive((1, 2, 2), Z2)], seconds=9.0) == [families[1]]
    assert lifts.shares((2, 2, 2)) == "best 0 of 1, swap 1 of 1"
    assert lifts.shares((1, 2, 2)) == "others 0 of 1"
    assert lifts.lift_of(eight).domain == "Q"
