"""Annealed additions: moves keep the product, sets stay closed, programs give the matrices."""

import itertools

import numpy as np
import pytest

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization.analysis import programs, straight_line
from alphatensor.flip_graph import fewer_additions
from alphatensor.flip_graph.additions import annealing, moves, search, states, sums
from alphatensor.flip_graph.additions.sums import FORMS, RELATIONS

STRASSEN, Z = fz.strassen(), rings.Integers()


def total(f):
    return sum(straight_line.additions(f))


def begin(f, seed=0):
    state, work = states.start(f, seed)
    for mode in range(3):
        sums.relate_all(state, work, mode)
    return state, work


def forms_of(state, work, mode):
    inputs = work.inputs[mode]
    return state.entries[mode, : state.counts[mode, FORMS], :inputs].astype(int)


def relations_by_hand(forms, modulus):
    """All sets of three forms with x = ±y ± z, and x = ±2y, by trying all."""
    found = set()
    for x, y, z in itertools.combinations(range(len(forms)), 3):
        for s, t in itertools.product((1, -1), repeat=2):
            total = forms[x] + s * forms[y] + t * forms[z]
            if not (total % modulus if modulus else total).any():
                found.add(frozenset((x, y, z)))
    for x, y in itertools.permutations(range(len(forms)), 2):
        if not modulus and any((forms[x] == s * 2 * forms[y]).all() for s in (1, -1)):
            found.add(frozenset((x, y)))
    return found


def relations_of(state, mode):
    rows = state.relations[mode, : state.counts[mode, RELATIONS]].tolist()
    found = [frozenset(row) for row in rows]
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("ring", ["Z", "Z2"])
def test_relations_are_those_found_by_hand_after_moves(ring):
    f = STRASSEN if ring == "Z" else fz.reduce_mod(STRASSEN, 2)
    state, work = begin(f)
    made = 0
    for _ in range(300):
        before = next(iter(states.copies(state, 1)))
        drawn = sums.below(work, 3)
        move = (moves.flip, moves.add_helper, moves.change_basis)[drawn]
        if not move(state, work, 2):
            state = before
            continue
        made += 1
        for mode in range(3):
            sums.settle(state, work, mode)
            modulus = 2 if ring == "Z2" else 0
            forms = forms_of(state, work, mode)
            assert relations_of(state, mode) == relations_by_hand(forms, modulus)
        u, v, w = states.matrices(state, work)
        g = f.replace(u=f.ring.reduce(u), v=f.ring.reduce(v), w=f.ring.reduce(w))
        assert g.verify().ok
    assert made > 30


def test_settled_sets_are_closed_and_need_every_helper():
    state, work = begin(fz.naive((2, 3, 2), Z))
    for _ in range(60):
        moves.add_helper(state, work, 1)
    helpers = [
        (state.uses[m, work.inputs[m] : state.counts[m, FORMS]] == 0).sum() for m in range(3)
    ]
    assert min(helpers) > 0
    for mode in range(3):
        sums.settle(state, work, mode)
        # The naive algorithm multiplies entries: it needs no sums of A and B.
        assert state.counts[mode, FORMS] == work.inputs[mode]
    assert [len(p.steps) for p in states.programs(state, work)] == [0, 0, 8]


def test_strassen_comes_to_winograds_fifteen_additions():
    found = fewer_additions(STRASSEN, steps=20_000)
    assert total(STRASSEN) == 18 and total(found) == programs.kept_additions(found) == 15
    assert found.verify().ok and found.rank == 7


def test_the_same_seed_finds_the_same():
    one, same, other = (fewer_additions(STRASSEN, steps=20_000, seed=s) for s in (3, 3, 4))
    assert (one.u == same.u).all() and one.provenance == same.provenance
    assert any((getattr(one, x) != getattr(other, x)).any() for x in "uvw")


def test_calls_of_the_kernel_may_be_of_any_length(monkeypatch):
    whole = fewer_additions(STRASSEN, steps=5_000, seed=1)
    monkeypatch.setattr(search, "CALL", 700)
    parts = fewer_additions(STRASSEN, steps=5_000, seed=1)
    assert (whole.u == parts.u).all() and whole.provenance == parts.provenance


def test_what_cannot_be_bettered_is_returned_itself():
    assert fewer_additions(STRASSEN, steps=0) is STRASSEN
    best = fewer_additions(STRASSEN, steps=20_000)
    assert fewer_additions(best, steps=2_000) is best


def test_programs_mod_two_give_the_matrices():
    f = fz.reduce_mod(STRASSEN, 2)
    found = fewer_additions(f, steps=20_000)
    assert found.verify().ok and found.ring.name == "Z2" and programs.kept_additions(found) == 15


def test_other_tensors_than_matrix_products_are_annealed_by_flips():
    f = fz.entrywise(targets.named("poly3"), Z)
    found = fewer_additions(f, steps=20_000)
    assert found.verify().ok and found.rank == f.rank and total(found) <= total(f)


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_large_coefficients_become_sums_of_multiples(factor):
    """Terms scaled by c and 1/c have coefficients that no program of plain additions has."""
    change = np.array([[1, factor], [0, 1]])
    f = fz.sandwich(STRASSEN, change, np.eye(2, dtype=int), np.eye(2, dtype=int))
    assert f.largest_coefficient >= factor
    state, work = begin(f)
    for mode in range(3):
        sums.settle(state, work, mode)
    kept = states.programs(state, work)
    u, v, w = states.matrices(state, work)
    assert f.replace(u=u, v=v, w=w).verify().ok
    for p, matrix in zip(kept, (u.T, v.T, w), strict=True):
        assert np.array_equal(programs.matrix(p), matrix)
    found = fewer_additions(f, steps=50_000)
    assert total(found) < total(f)


def test_room_is_never_exceeded():
    state, work = begin(fz.naive((2, 2, 2), Z))
    before, best = states.copies(state, 2)
    hot = annealing.Options(3_000, hot=1e6, cold=1e6, basis=0.1, helpers=0.5, largest=3)
    annealing.anneal(state, before, best, work, hot, 0, 3_000)
    assert (state.counts[:, FORMS] <= state.keys.shape[1]).all()
    u, v, w = states.matrices(state, work)
    assert STRASSEN.replace(u=u, v=v, w=w).verify().ok


def test_wrong_rings_fractions_and_large_coefficients_are_refused():
    with pytest.raises(ValueError, match="Z or Z2"):
        fewer_additions(fz.reduce_mod(STRASSEN, 3))
    large = fz.sandwich(
        STRASSEN, np.array([[1, 61], [0, 1]]), np.eye(2, dtype=int), np.eye(2, dtype=int)
    )
    with pytest.raises(ValueError, match="up to 60"):
        fewer_additions(large)
