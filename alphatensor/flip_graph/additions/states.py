"""States of the annealing from factorizations, and back."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import straight_line
from alphatensor.factorization.analysis.programs import Program
from alphatensor.flip_graph.additions import sums
from alphatensor.flip_graph.additions.sums import FORMS, RELATIONS, State, Work

LARGEST = 60  # coefficient of a factor; forms are kept in eight bits
MOST_FORMS = 2**15 - 1
SPARE = 0.6  # forms that moves may add in a mode, as a share of those at the start
RELATIONS_EACH = 12  # relations for each form that there is room for


def start(f: Factorization, seed: int) -> tuple[State, Work]:
    """Returns a state with the sums that `straight_line.soon` finds.

    Args:
      f: over Z or Z2, with coefficients up to `LARGEST`.
      seed: of the annealing.
    """
    rows = [x.T.astype(np.int64) for x in (f.u, f.v, f.w)]
    found = straight_line.soon(f)
    found = (*found[:2], straight_line.transposed(found[2]))
    forms = [_forms(x, p, f.ring.is_modular) for x, p in zip(rows, found, strict=True)]
    inputs = np.array([x.shape[1] for x in rows])
    length = int(max(map(len, forms)) * (1 + SPARE)) + 40 + int(inputs.max())
    if length > MOST_FORMS:
        raise ValueError(f"{length} forms are too many, expected at most {MOST_FORMS}.")
    state, work = _empty(length, inputs, f)
    work.seed[0] = np.random.default_rng(seed).integers(1, 2**63, dtype=np.uint64)
    for mode, (x, chosen) in enumerate(zip(rows, forms, strict=True)):
        number = {}
        for k, form in enumerate(chosen):
            state.entries[mode, k, : inputs[mode]] = form
            sign = sums.hashed(state, work, mode, k)
            number |= {form.tobytes(): (k, sign), (-form).tobytes(): (k, -sign)}
        state.counts[mode, FORMS] = len(chosen)
        for term, row in enumerate(x):
            k, sign = number[row.tobytes()]
            state.factors[mode, term] = k
            state.uses[mode, k] += 1
            state.signs[term] *= sign
    return state, work


def _empty(length: int, inputs: np.ndarray, f: Factorization) -> tuple[State, Work]:
    width, rng = int(inputs.max()), np.random.default_rng(0)
    buckets = 1 << (4 * length).bit_length()
    state = State(
        keys=np.zeros((3, length), np.uint64),
        entries=np.zeros((3, length, width), np.int8),
        uses=np.zeros((3, length), np.int64),
        table=np.zeros((3, buckets), np.int16),
        relations=np.zeros((3, RELATIONS_EACH * length, 3), np.int16),
        counts=np.zeros((3, 2), np.int64),
        factors=np.zeros((3, f.rank), np.int64),
        signs=np.ones(f.rank, np.int64),
    )
    work = Work(
        inputs=inputs,
        sizes=np.array(f.sizes or (0, 0, 0)),
        weights=2 * rng.integers(0, 2**62, width, dtype=np.uint64) + np.uint64(1),
        vector=np.zeros(width, np.int64),
        is_reached=np.zeros(length, bool),
        ways=np.zeros((2, length), np.int64),
        is_touched=np.ones(3, bool),
        seed=np.ones(1, np.uint64),
        binary=(0,) if f.ring.is_modular else (),
    )
    return state, work


def copies(state: State, number: int) -> Iterable[State]:
    """Returns states with room for what a state has."""
    return (State(*(x.copy() for x in state)) for _ in range(number))


def _forms(rows: np.ndarray, program: Program, is_binary: bool) -> list[np.ndarray]:
    """Returns a closed set that holds the rows, the inputs first.

    It follows a program that gives the rows. Steps x + c·y take the multiples of both that make
    them integral; rows that no multiple of an integral form gives are summed up by themselves.
    """
    units = list(np.eye(rows.shape[1], dtype=np.int64))
    symbols = [(form, Fraction(1)) for form in units]  # multiples of what each stands for
    forms = list(units)
    for i, j, c in program.steps:
        (x, scale), (y, other) = symbols[i], symbols[j]
        ratio = c * scale / other
        p, q = ratio.numerator, ratio.denominator
        forms += [*_multiples(x, q), *_multiples(y, p), q * x + p * y]
        symbols.append((forms[-1], q * scale))
    for row, (symbol, factor) in zip(rows, program.outputs, strict=True):
        form, scale = symbols[symbol]
        if (factor / scale).denominator == 1:
            forms += _multiples(form, int(factor / scale))
        else:
            total = 0 * row
            for i in np.flatnonzero(row):
                forms += _multiples(units[i], int(row[i]))
                total = total + row[i] * units[i]
                forms.append(total)
    return _different(forms, is_binary)


def _multiples(form: np.ndarray, c: int) -> list[np.ndarray]:
    """Returns forms that lead from a form to c times it, by doublings and additions of it."""
    forms, factor = [], 1
    for bit in bin(abs(c))[3:]:
        factor *= 2
        forms.append(factor * form)
        if bit == "1":
            factor += 1
            forms.append(factor * form)
    return forms


def _different(forms: Sequence[np.ndarray], is_binary: bool) -> list[np.ndarray]:
    """Returns the forms that are not zero, the first of those that are equal up to sign."""
    seen: dict[bytes, np.ndarray] = {}
    for form in forms:
        form = np.asarray(form, np.int64) % 2 if is_binary else np.asarray(form, np.int64)
        if form.any() and (-form).tobytes() not in seen:
            seen.setdefault(form.tobytes(), form)
    return list(seen.values())


def matrices(state: State, work: Work) -> list[np.ndarray]:
    """Returns u, v and w."""
    found = []
    for mode in range(3):
        x = state.entries[mode, state.factors[mode], : work.inputs[mode]].astype(np.int64)
        found.append(x.T * state.signs if mode == 2 else x.T)
    return found


def programs(state: State, work: Work) -> tuple[Program, Program, Program]:
    """Returns the programs of u.T, v.T and w for the matrices of a state.

    Over Z2 they are those of matrices that are equal to these mod 2.
    """
    found = [_program(state, work, mode) for mode in range(3)]
    return found[0], found[1], straight_line.transposed(found[2])


def _program(state: State, work: Work, mode: int) -> Program:
    """Returns the program that forms the factors of a mode, the last ones with the terms' signs."""
    inputs = int(work.inputs[mode])
    forms = state.entries[mode, : state.counts[mode, FORMS], :inputs].astype(np.int64)
    relations = state.relations[mode, : state.counts[mode, RELATIONS]].tolist()
    symbols = {i: (i, 1) for i in range(inputs)}  # of each form that is reached, with a sign
    steps: list[tuple[int, int, int]] = []
    while len(symbols) < len(forms):
        reached = len(symbols)
        for relation in relations:
            for k in range(3):
                x, (y, z) = relation[k], relation[:k] + relation[k + 1 :]
                if x in symbols or y not in symbols or z not in symbols:
                    continue
                sign, c = _signs(forms[x], forms[y], forms[z], bool(work.binary))
                (i, first), (j, second) = symbols[y], symbols[z]
                steps.append((i, j, first * second * c))
                symbols[x] = (inputs + len(steps) - 1, sign * first)
        if len(symbols) == reached:
            raise RuntimeError("additions: a set of forms is not closed.")
    signs = state.signs if mode == 2 else np.ones_like(state.signs)
    terms = zip(state.factors[mode].tolist(), signs.tolist(), strict=True)
    outputs = tuple((symbols[x][0], symbols[x][1] * sign) for x, sign in terms)
    return Program(inputs, tuple(steps), outputs)


def _signs(x: np.ndarray, y: np.ndarray, z: np.ndarray, is_binary: bool) -> tuple[int, int]:
    """Returns s and c with x = s·(y + c·z)."""
    if is_binary:
        return 1, 1
    return next((s, c) for s in (1, -1) for c in (1, -1) if np.array_equal(x, s * (y + c * z)))
