"""Searches over targets that are no formats, with a memory without files."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from memory import ticks

from alphatensor import rings, targets
from alphatensor.factorization import entrywise
from alphatensor.flip_graph import FlipSearchConfig
from alphatensor.flip_graph.symmetries.index_symmetry import IndexSymmetry
from alphatensor.flip_graph.target_search import search_targets

CONFIG = FlipSearchConfig(
    walkers=64, tries=1_200, patience=300, margin=2, slice_seconds=1.0, pool=8
)


class Memory:
    """The best algorithm of each target and ring that was added."""

    def __init__(self, *factorizations):
        self.held = {(f.target.name, f.ring): f for f in factorizations}

    def best(self, target, ring):
        return self.held.get((target.name, ring))

    def add(self, f):
        assert f.verify().ok
        held = self.best(f.target, f.ring)
        if held is not None and held.rank <= f.rank:
            return None
        self.held[f.target.name, f.ring] = f
        return f"{f.target.name} over {f.ring}: rank {f.rank}."


def test_targets_take_turns_and_what_lifts_is_kept():
    names, memory = ["st2", "complex1"], Memory()
    found = search_targets([*map(targets.parse, names)], memory, CONFIG, ticks(), 1e6)
    turns = list(itertools.islice(found, 4))
    assert [(turn.name, turn.kind) for turn in turns] == [
        (name, kind) for kind in ("descent", "best") for name in names
    ]
    ranks = {key: f.rank for key, f in memory.held.items()}
    assert ranks == {
        (name, rings.parse(r)): k for name, k in (("st2", 4), ("complex1", 3)) for r in ("Z", "Z2")
    }
    assert "st2 over Z2: rank 4." in turns[0].stored[0]
    assert memory.best(targets.parse("st2"), rings.Integers()).provenance["lifted_from"] == "Z2"


def test_a_search_goes_on_from_its_memory_and_ends():
    target = targets.parse("st2")
    memory = Memory(entrywise(target, rings.Integers()))
    (turn,) = search_targets([target], memory, CONFIG.replace(ring="Z"), ticks(), 1.0)
    assert turn.rank == turn.reached == 4 == memory.best(target, rings.Integers()).rank


def test_halves_come_from_walks_over_z3():
    """Symmetric 2x2 matrices take six multiplications over Z and five with halves."""
    target, memory = targets.parse("ss2"), Memory()
    (turn,) = search_targets([target], memory, CONFIG.replace(ring="Z3"), ticks(), 1.0)
    lifted = memory.held["ss2", rings.Integers()]
    assert turn.rank == lifted.rank == 5 and lifted.domain == "Q"
    entries = {abs(Fraction(x)) for factor in lifted.factors for x in factor.flat}
    assert Fraction(1, 2) in entries and entries <= {0, 1, 2, Fraction(1, 2)}


def test_symmetric_turns_keep_a_swap_of_indices():
    target, memory = targets.parse("ss3"), Memory()
    config = CONFIG.replace(turns=("symmetric", "best"))
    turns = list(itertools.islice(search_targets([target], memory, config, ticks(), 1e6), 2))
    assert [turn.kind for turn in turns] == ["symmetric swap (1, 1, 1)", "best"]
    assert turns[0].reached < entrywise(target, rings.IntegersMod(2)).rank


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("ss4", {(2, 2, 2), (1, 1, 1)}),
        ("kk3", {(1, 1, 1)}),
        ("sg2", {(1, 1, 1), (1, 1, 0), (0, 0, 1)}),
        ("us2", set()),
        ("ug2", {(0, 0, 1)}),
        ("gt4", set()),
        ("poly3", set()),
    ],
)
def test_swaps_that_a_product_has(name, pairs):
    target = targets.parse(name)
    swaps = IndexSymmetry.of_target(target)
    assert {x.numbers for x in swaps if x.name == "swap"} == pairs
    assert [str(x) for x in swaps if x.name == "fours"] == ["fours (1, 1, 1)"] * (name == "ss4")
    naive = entrywise(target, rings.IntegersMod(2))
    for swap in swaps:
        generators = swap.split(naive)
        assert generators.rank < naive.rank
        whole = swap.expand(generators)
        assert whole.rank == naive.rank and whole.verify().ok
        u = np.array(whole.u)
        u[:, -1] = 1  # the last term is the image of another one
        assert swap.split(whole.replace(u=u)) is None


def test_symmetric_turns_take_one_symmetry_after_the_other():
    config = CONFIG.replace(
        turns=("symmetric", "symmetric", "best"), symmetries=("swap (2, 2, 2)", "fours")
    )
    turns = search_targets([targets.parse("ss4")], Memory(), config, ticks(), 1e6)
    kinds = [turn.kind for turn in itertools.islice(turns, 4)]
    assert kinds[:3] == ["symmetric swap (2, 2, 2)", "symmetric fours (1, 1, 1)", "best"]
    assert kinds[3] == kinds[0]


def test_a_search_without_swaps_has_no_symmetric_turns():
    config = CONFIG.replace(turns=("symmetric", "best"), symmetries=("rotation",))
    turns = search_targets([targets.parse("ss3")], Memory(), config, ticks(), 1e6)
    assert [turn.kind for turn in itertools.islice(turns, 2)] == ["best", "best"]
