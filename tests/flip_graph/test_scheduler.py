"""The scheduler: formats take turns, symmetries too, and what is found is kept."""

import collections
import itertools

import numpy as np
from memory import Memory, ticks

from alphatensor import rings
from alphatensor.factorization import naive, pairs, polygons, sandwich, strassen
from alphatensor.flip_graph import (
    KINDS,
    FlipSearchConfig,
    bitmasks,
    choices,
    origins,
    scheduler,
)
from alphatensor.flip_graph.config import TURNS
from alphatensor.flip_graph.lifts import LiftCache
from alphatensor.flip_graph.search_state import Formats, FormatState, SearchState
from alphatensor.flip_graph.symmetries import (
    Cycle,
    Reflection,
    Reversal,
    Rotation,
    Swap,
    Transposition,
)

Z2, Z = rings.IntegersMod(2), rings.Integers()
CONFIG = FlipSearchConfig(
    walkers=64, tries=1_500, patience=600, margin=2, slice_seconds=0.1, pool=8
)


def search(formats, config, memory=None, seconds=1e6):
    return scheduler.search(formats, memory or Memory(), config, ticks(), seconds)


def test_search_fills_a_memory_and_goes_on_from_it():
    memory, formats = Memory(), [(2, 2, 2), (1, 2, 2), (2, 2, 3)]
    turns = list(itertools.islice(search(formats, CONFIG, memory), 3))
    assert {t.target for t in turns} == set(formats)
    stored = memory.best((2, 2, 2), Z)
    assert stored.rank == 7 and stored.verify().ok and stored.provenance["engine"] == "flip graph"
    assert memory.best((1, 2, 2), Z2).rank == 4
    assert memory.best((2, 3, 2), Z2).rank <= 12
    assert any("were tried and" in line for t in turns for line in t.stored)
    again = next(search([(2, 2, 2)], CONFIG, memory))
    assert again.rank == 7 and again.stored == []
    assert list(search(formats, CONFIG, memory, seconds=1e-6)) == []


def test_searches_are_the_same_for_the_same_seed():
    formats = [(2, 2, 2), (2, 2, 3)]
    one, same = (list(itertools.islice(search(formats, CONFIG), 6)) for _ in range(2))
    assert one == same
    other = list(itertools.islice(search(formats, CONFIG.replace(seed=9)), 6))
    assert [turn.flips for turn in other] != [turn.flips for turn in one]


def test_starts_that_walkers_cannot_hold_are_left_out(monkeypatch):
    """Projections over the integers may have larger entries."""
    shear = np.array([[1, 2], [0, 1]])
    large = sandwich(strassen(Z), shear, shear, shear)
    assert not bitmasks.is_ternary(large) and large.verify().ok
    monkeypatch.setattr(origins, "products", lambda *_: {"large": [large]})
    turn = next(search([(2, 2, 2)], CONFIG.replace(ring="Z")))
    assert turn.reached in (7, 8)


def test_descents_start_from_each_origin_low_ones_more_often():
    schemes_of = {(2, 2, 2): [strassen(Z2)]}.get
    near = origins.neighbours((2, 2, 3), lambda sizes: schemes_of(sizes, []))
    ranks, used = {x: fs[0].rank for x, fs in near.items()} | {None: 12}, collections.Counter()
    for expected in [(2, 2, 2), (2, 2, 2), None, (2, 2, 2), (2, 2, 2), None]:
        assert scheduler.next_origin(ranks, used) == expected


def test_descents_start_from_pairs_first():
    ranks, used = {(2, 3, 4): 20, origins.PAIRS: 21}, collections.Counter()
    assert scheduler.next_origin(ranks, used) == origins.PAIRS


def test_descents_start_from_aggregation_and_contraction_first():
    contraction = origins.CONTRACTION, (4, 5, 5), ("n", "m")
    ranks, used = {(2, 3, 4): 20, origins.AGGREGATION: 22, contraction: 21}, collections.Counter()
    chosen = [scheduler.next_origin(ranks, used) for _ in range(3)]
    assert chosen == [contraction, contraction, origins.AGGREGATION]


def test_descents_start_from_all_copies_alike():
    first, second = (origins.COPIES, (2, 2, 2), 0, ""), (origins.COPIES, (2, 2, 3), 1, "")
    ranks, used = {second: 20, first: 14, None: 16}, collections.Counter()
    chosen = [scheduler.next_origin(ranks, used) for _ in range(5)]
    assert chosen == [first, second, None, first, second]


def test_copies_are_made_of_schemes_that_walks_told_apart():
    memory = Memory(strassen(Z2), naive((2, 2, 3), Z2))
    config = CONFIG.replace(turns=("descent",), origins=("copies",), tries=20_000)
    turns = list(itertools.islice(search([(2, 2, 4)], config, memory), 2))
    assert [turn.rank for turn in turns] == [14, 14]
    walked = memory.pool((2, 2, 3), "Z2")
    assert len(walked) > 1 and {f.rank for f in walked} == {11}
    assert memory.best((2, 2, 3), Z2).provenance["engine"] == "flip graph"


def test_extensions_are_made_of_schemes_that_walks_told_apart():
    memory = Memory(naive((2, 2, 3), Z2))
    config = CONFIG.replace(turns=("descent",), origins=("extension",), tries=20_000)
    turns = list(itertools.islice(search([(2, 2, 4)], config, memory), 2))
    assert turns[-1].rank == 14
    walked = memory.pool((2, 2, 3), "Z2")
    assert len(walked) > 1 and {f.rank for f in walked} == {11}


def test_projections_start_from_known_schemes_where_walked_ones_leave_the_ternary_entries(
    monkeypatch,
):
    known, tried = naive((2, 2, 3), Z), []

    def is_ternary(f):  # of the walked scheme alone, the known ones are asked first
        tried.append(f)
        return len(tried) == 1

    monkeypatch.setattr(scheduler, "is_ternary", is_ternary)
    config = CONFIG.replace(ring="Z", turns=("descent",), origins=("projection",))
    memory = Memory(strassen(Z), known)
    (turn,) = itertools.islice(search([(2, 2, 2)], config, memory), 1)
    assert turn.reached == 7 and len(tried) > 1


def test_swaps_start_from_copies():
    config = CONFIG.replace(turns=("symmetric",), symmetries=("swap (0, 0, 2)",))
    (turn,) = itertools.islice(search([(2, 2, 4)], config, Memory(strassen(Z2))), 1)
    assert turn.kind == "symmetric swap (0, 0, 2)" and turn.reached == 14


def test_what_a_rule_gives_is_not_called_found():
    memory, sizes = Memory(naive((2, 2, 7), Z2)), (2, 2, 7)
    (turn,) = itertools.islice(search([sizes], CONFIG.replace(turns=("best",)), memory), 1)
    assert turn.rank <= 25
    for ring in (Z2, Z):
        stored = memory.best(sizes, ring)
        assert stored.rank == 25 and stored.provenance == {"method": pairs.METHOD}
    found = naive(sizes, Z2).replace(provenance={"engine": "flip graph"})
    state = SearchState(config=CONFIG, memory=memory, clock=ticks(), lifts=LiftCache(ticks()))
    assert scheduler.credited(state, sizes, found).rank == 25
    assert scheduler.credited(state, (2, 2, 6), naive((2, 2, 6), Z2)).rank == 24


def test_descents_start_from_trilinear_aggregation():
    config = CONFIG.replace(ring="Z", turns=("descent",), origins=("aggregation",))
    memory, sizes = Memory(), (4, 5, 5)
    (turn,) = itertools.islice(search([sizes], config, memory), 1)
    stored = memory.best(sizes, Z)
    assert turn.reached <= 76 and stored.rank == turn.reached and stored.verify().ok
    assert turn.reached < 76 or stored.provenance == {"method": polygons.METHOD}


def test_a_scheme_that_lifts_is_stored_where_those_of_less_rank_do_not():
    seven, eight = strassen(Z2), naive((2, 2, 2), Z2)
    lifts = LiftCache(ticks(), lift=lambda f: naive((2, 2, 2), Z) if f is eight else None)
    lifts.lifting([seven, eight], seconds=1.0)
    memory = Memory()
    state = SearchState(config=CONFIG, memory=memory, clock=ticks(), lifts=lifts)
    state.formats[2, 2, 2] = FormatState(pool=[seven])
    lines = scheduler.store(state, (2, 2, 2), [eight], {"engine": "flip graph"})
    assert memory.best((2, 2, 2), Z2).rank == 7
    assert memory.best((2, 2, 2), Z).rank == 8
    assert memory.best((2, 2, 2), Z).provenance["lifted_from"] == "Z2"
    assert len(lines) == 3 and "1 were tried and 0 lift" in lines[2], "even where tried before"


def test_a_search_takes_the_symmetries_of_a_format_in_turn():
    def kinds(sizes, number, turns=TURNS[:3], symmetries=tuple(KINDS)):
        config = CONFIG.replace(turns=turns, symmetries=symmetries)
        return [choices.kind_of_turn(config, sizes, turn) for turn in range(number)]

    first, cube = Reversal((3,)), (3, 3, 3)
    swaps = [Swap(cube, x) for x in [(1, 1, 1), (0, 1, 1), (0, 0, 1)]]
    relabellings = [Cycle(cube), Transposition(cube), *swaps]
    assert kinds((3, 3, 3), 3) == [("descent", None), ("best", None), ("symmetric", first)]
    rotations = [Rotation((3,)), Rotation((2, 1)), Rotation((1, 1, 1))]
    rotations = [first, Reversal((2, 1)), *rotations]
    expected = [*rotations, *relabellings, first]
    assert [symmetry for _, symmetry in kinds((3, 3, 3), 33)[2::3]] == expected
    two = [Reversal((2,)), Rotation((2,)), Rotation((1, 1)), Transposition((2, 2, 2))]
    two += [Swap((2, 2, 2), x) for x in [(1, 1, 1), (0, 1, 1), (0, 0, 1)]]
    assert kinds((2, 2, 2), 8, ("symmetric",)) == [("symmetric", x) for x in [*two, two[0]]]
    assert kinds((2, 3, 3), 2, ("symmetric",))[1] == (
        "symmetric",
        Reflection(sizes=(2, 3, 3), blocks=(2, 1)),
    )
    pairs = [kinds(sizes, 2, ("symmetric",))[1][1] for sizes in [(3, 3, 5), (3, 5, 5)]]
    assert pairs == [Transposition((5, 3, 3)), Transposition((3, 5, 5))]
    assert (
        kinds((3, 3, 5), 2, ("symmetric",), ("swap (0, 1, 2)",))
        == [("symmetric", Swap((3, 3, 5), (0, 1, 2)))] * 2
    )
    over_z = CONFIG.replace(turns=("symmetric",), ring="Z", symmetries=("swap",))
    assert choices.kind_of_turn(over_z, (3, 3, 5), 0) == ("descent", None), "walks are over Z2"
    assert kinds((3, 3, 5), 1, ("symmetric",), ("rotation",)) == [("descent", None)]
    assert kinds((3, 4, 5), 1, ("symmetric",)) == [("symmetric", Cycle((3, 4, 5)))]
    assert kinds((1, 1, 1), 1, ("symmetric",)) == [("descent", None)], "has no orbits"
    assert kinds((1, 3, 3), 3) == [("descent", None), ("best", None), ("descent", None)]


def test_the_next_format_is_the_one_furthest_from_the_best_known_that_moved_last():
    """The rule by hand: (1 + gap in percent) * (1 + wait) / (1 + idle)."""
    memory = Memory(naive((2, 2, 2), Z2), strassen(Z2), known={(2, 2, 2): 7, (2, 2, 3): 10})
    config = CONFIG.replace(order="gaps", turns=("best",))
    state = SearchState(config=config, memory=memory, clock=ticks(), lifts=LiftCache(ticks()))
    square, wide, unknown = (2, 2, 2), (2, 2, 3), (2, 2, 4)
    formats = [square, wide, unknown]
    assert choices.priority(state, wide, 0) == 1 + 20, "12 of the naive algorithm, 10 known"
    assert choices.priority(state, square, 0) == choices.priority(state, unknown, 0) == 1
    assert choices.choose_turn(state, formats, 0).asked == wide
    state.formats[wide].idle, state.formats[wide].last = 9, 10
    assert choices.priority(state, wide, 12) == 21 * 3 / 10
    assert choices.choose_turn(state, formats, 12).asked == square, "13, and the first of two"
    turns = list(itertools.islice(search(formats, config, memory), 9))
    assert {turn.target for turn in turns} == set(formats), "each has a turn sooner or later"
    assert turns[0].target == wide


def test_a_search_over_residues_walks_over_the_integers_where_nothing_lifts():
    memory = Memory(strassen(Z2), naive((2, 2, 2), Z))
    config = CONFIG.replace(turns=("integers",), tries=6_000)
    (turn,) = itertools.islice(search([(2, 2, 2)], config, memory), 1)
    assert turn.kind == "integers" and turn.reached == 7 == memory.best((2, 2, 2), Z).rank
    assert memory.best((2, 2, 2), Z).provenance["family"] == "integers"
    assert {f.rank for f in memory.pools[(2, 2, 2), "Z"]} == {7}
    again = next(search([(2, 2, 2)], config, memory))
    assert again.kind == "descent", "nothing is missing over the integers now"


def test_a_search_that_was_stopped_goes_on_from_its_pools():
    memory = Memory()
    config = CONFIG.replace(turns=("symmetric", "descent"), symmetries=("rotation",), tries=300)
    first = list(itertools.islice(search([(3, 3, 3)], config, memory), 2))
    assert [turn.kind for turn in first] == ["symmetric rotation (3,)", "descent"]
    symmetry, names = Rotation((3,)), {name for _, name in memory.pools}
    assert {"Z2", "Z2 rotation (3,)", "Z2 descent rotation (3,)"} <= names
    state = SearchState(config=config, memory=memory, clock=ticks(), lifts=LiftCache(ticks()))
    here = state.formats[3, 3, 3]
    assert {f.rank for f in here.symmetric[symmetry]} == {first[0].reached}
    assert {f.rank for f in here.pool} == {first[1].rank}
    descent = here.descents[symmetry]
    assert descent.rank == first[0].reached and descent.walkers is None
    assert all(symmetry.expand(f).verify().ok for f in descent.starts)
    again = next(search([(3, 3, 3)], config, memory))
    assert again.reached <= first[0].reached, "not from the generators again"
    wrong = Memory()
    wrong.pools[(3, 3, 3), "Z2 rotation (3,)"] = [naive((3, 3, 3), Z2)]
    assert Formats(wrong, Z2)[3, 3, 3].symmetric == {}, "it keeps no rotation"


def test_a_search_comes_to_a_format_from_smaller_ones():
    memory = Memory()
    kinds = {"turns": ("symmetric",), "symmetries": ("cycle", "transposition")}
    config = CONFIG.replace(tries=3_000, patience=1_200, margin=3, **kinds)
    found = search([(3, 4, 4)], config, memory)
    turns = [next(found) for _ in range(5)]
    cycles = [turn for turn in turns if turn.kind == "symmetric cycle"]
    assert [turn.target for turn in cycles] == [(3, 3, 3), (3, 3, 4), (3, 4, 4)]
    assert cycles[2].reached <= cycles[1].reached + 12 < 48, "starts from 3x3x4, extended"
    others = [turn for turn in turns if turn.kind == "symmetric transposition"]
    assert [turn.target for turn in others] == [(3, 3, 3), (3, 4, 4)]
    assert others[1].reached <= others[0].reached + 21 < 48, "starts from 3x3x3, extended twice"


def test_reflections_come_from_reversals():
    memory = Memory()
    config = CONFIG.replace(
        tries=3_000, patience=300, margin=3, turns=("symmetric",), symmetries=("reflection",)
    )
    found = search([(2, 2, 3)], config, memory)
    turns = [next(found) for _ in range(8)]
    kinds = [(turn.target, turn.kind.removeprefix("symmetric ")) for turn in turns]
    assert kinds[:2] == [((3, 3, 3), "reversal (3,)"), ((3, 3, 3), "reversal (2, 1)")]
    assert ((2, 3, 3), "reflection (2, 1)") in kinds and ((2, 2, 3), "reflection (3,)") in kinds
    assert memory.best((2, 3, 3), Z2).rank <= 16


def test_a_symmetric_search_fills_a_memory():
    memory = Memory()
    config = CONFIG.replace(patience=20, margin=3, turns=("symmetric",))
    turn = next(search([(2, 2, 2)], config, memory))
    assert turn.rank == 7
    assert memory.best((2, 2, 2), Z).rank == 7
