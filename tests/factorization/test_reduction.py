"""Dependent terms that share a factor go, and the sum stays."""

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import naive, reduced, strassen

RINGS = [rings.Integers(), rings.IntegersMod(2), rings.IntegersMod(3)]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_dependent_terms_are_merged(ring):
    """a⊗b⊗c = -(-a)⊗b⊗(c-g) + a⊗(b+e)⊗g - a⊗e⊗g: three terms for one."""
    f = naive((2, 2, 2), ring)
    (a, b, c), rest = (x[:, :1] for x in f.factors), [x[:, 1:] for x in f.factors]
    e, g = np.array([[0, 0, 1, 1], [1, 0, 1, 0]])[:, :, None]
    new = ([-a, a, a], [b, b + e, e], [g - c, g, -g])
    u, v, w = (ring.reduce(np.hstack([*x, old])) for x, old in zip(new, rest, strict=True))
    longer = f.replace(u=u, v=v, w=w)
    assert longer.rank == 10 and longer.verify().ok
    shorter = reduced(longer)
    assert shorter.rank == 8 and shorter.verify().ok
    assert reduced(strassen(ring)).rank == 7


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize("s, t", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_signs_do_not_hide_dependent_terms(ring, s, t):
    """One term becomes two: a⊗b⊗c = s a⊗s b⊗(c+g) - t a⊗t b⊗g."""
    f = strassen(ring)
    (a, b, c), rest = (x[:, :1] for x in f.factors), [x[:, 1:] for x in f.factors]
    g = np.array([[1], [1], [1], [1]])
    new = ([s * a, t * a], [s * b, t * b], [c + g, -g])
    u, v, w = (ring.reduce(np.hstack([*x, old])) for x, old in zip(new, rest, strict=True))
    longer = f.replace(u=u, v=v, w=w)
    assert longer.rank == 8 and longer.verify().ok
    assert reduced(longer).rank == 7
