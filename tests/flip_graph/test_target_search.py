"""Searches over targets that are no formats, with a memory without files."""

import itertools

from memory import ticks

from alphatensor import rings, targets
from alphatensor.factorization import entrywise
from alphatensor.flip_graph import FlipSearchConfig
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
