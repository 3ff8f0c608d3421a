"""Closed sets of linear forms, which say how many additions a scheme takes; compiled by Numba.

The factors of one mode of a scheme are linear *forms* in its inputs. A set of forms is *closed* if
all can be reached from the inputs by single additions: each is the sum or the difference of two
that are reached before it. So a closed set that holds the factors is a straight-line program for
them, with as many additions as it has forms beside the inputs. Forms that are no factor of a term
are *helpers*. For the third mode the transposed program, with R - inputs additions more, forms the
entries of C (Tellegen's principle; see `analysis.straight_line`).

A form and its opposite are one. Forms have hash values that are linear, so that x ± y is looked up
without its entries: a *relation* is three forms with x = ±y ± z, or x = ±2y, where the last two are
one. Any two of them give the third. With the list of all relations a pass or two over it tells
whether a set is closed.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import int64, uint64

from alphatensor.flip_graph import rows

FORMS, RELATIONS = range(2)  # of a mode, in `counts`
compiled = numba.njit(_nrt=False)  # Numba's counting of references would take most of the time


class State(NamedTuple):
    """A scheme with a closed set of forms for each mode.

    A term is sign · x ⊗ y ⊗ z for forms x, y, z of the three modes. There is room for N forms and T
    relations in a mode; a scheme has R terms, and no mode more than E inputs.

    Attributes:
      keys: hash values of the forms, the inputs first, uint64 [3, N].
      entries: their coefficients, int8 [3, N, E].
      uses: the number of terms whose factor a form is, int64 [3, N].
      table: a hash table of the forms; -1 is empty, int16 [3, a power of two].
      relations: three forms each, int16 [3, T, 3].
      counts: the number of forms and that of relations, int64 [3, 2].
      factors: the forms of each term, int64 [3, R].
      signs: of the terms, int64 [R].
    """

    keys: np.ndarray
    entries: np.ndarray
    uses: np.ndarray
    table: np.ndarray
    relations: np.ndarray
    counts: np.ndarray
    factors: np.ndarray
    signs: np.ndarray


class Work(NamedTuple):
    """What does not change, and arrays to work on.

    Attributes:
      inputs: the number of inputs of each mode, int64 [3].
      sizes: n, m and p where factors are n×m, m×p and p×n matrices; else zeros, int64 [3].
      weights: the hash values of inputs, odd and less than 2^63, uint64 [E].
      vector: the coefficients of one form, int64 [E].
      is_reached: bool [N].
      ways: the number of relations that have a form, and of those that are left, int64 [2, N].
      is_touched: whether a move may have changed a mode, bool [3].
      seed: the state of the random generator, not 0, uint64 [1].
      binary: one zero over Z2; else nothing.
    """

    inputs: np.ndarray
    sizes: np.ndarray
    weights: np.ndarray
    vector: np.ndarray
    is_reached: np.ndarray
    ways: np.ndarray
    is_touched: np.ndarray
    seed: np.ndarray
    binary: tuple[int, ...]


@compiled
def below(work, n):
    """Returns a random integer below n."""
    return rows.below(rows.random(work), n)


@compiled
def _unsigned(work, value):
    """Returns one hash value for a form and its opposite."""
    if len(work.binary):
        return value
    opposite = uint64(0) - value
    return value if value < opposite else opposite


@compiled
def _sum(work, value, other):
    return value ^ other if len(work.binary) else value + other


@compiled
def _bucket(key, length):
    return int64((key * uint64(0x9E3779B97F4A7C15)) >> uint64(32)) & (length - 1)


@compiled
def find(state, mode, key):
    """Returns the number of the form with a key, or -1."""
    length = state.table.shape[1]
    place = _bucket(key, length)
    while True:
        number = int64(state.table[mode, place])
        if number < 0 or state.keys[mode, number] == key:
            return number
        place = (place + 1) & (length - 1)


@compiled
def _enter(state, mode, number):
    length = state.table.shape[1]
    place = _bucket(state.keys[mode, number], length)
    while state.table[mode, place] >= 0:
        place = (place + 1) & (length - 1)
    state.table[mode, place] = number


@compiled
def _relate(state, mode, x, y, z):
    count = state.counts[mode, RELATIONS]
    if count < state.relations.shape[1]:
        state.relations[mode, count, 0] = x
        state.relations[mode, count, 1] = y
        state.relations[mode, count, 2] = z
        state.counts[mode, RELATIONS] = count + 1


@compiled
def _relate_with(state, work, mode, x):
    """Adds the relations of a form with the forms before it."""
    key = state.keys[mode, x]
    for y in range(x):
        other = state.keys[mode, y]
        z = find(state, mode, _unsigned(work, _sum(work, key, other)))
        if y < z < x:
            _relate(state, mode, x, y, z)
        if len(work.binary):
            continue
        z = find(state, mode, _unsigned(work, key - other))
        if y < z < x:
            _relate(state, mode, x, y, z)
        if _unsigned(work, key + key) == other:
            _relate(state, mode, y, x, x)
        if _unsigned(work, other + other) == key:
            _relate(state, mode, x, y, y)


@compiled
def hashed(state, work, mode, number):
    """Sets the key of a form by its entries, which are negated where needed; returns the sign."""
    value = uint64(0)
    for i in range(work.inputs[mode]):
        coefficient = uint64(int64(state.entries[mode, number, i]))
        value = _sum(work, value, coefficient * work.weights[i])
    key = _unsigned(work, value)
    state.keys[mode, number] = key
    if key == value:
        return 1
    for i in range(work.inputs[mode]):
        state.entries[mode, number, i] = -state.entries[mode, number, i]
    return -1


@compiled
def add(state, work, mode):
    """Returns the number of the form `work.vector`, a new one where needed, and its sign."""
    number = state.counts[mode, FORMS]
    work.is_touched[mode] = True
    for i in range(work.inputs[mode]):
        state.entries[mode, number, i] = work.vector[i]
    sign = hashed(state, work, mode, number)
    known = find(state, mode, state.keys[mode, number])
    if known >= 0:
        return known, sign
    state.uses[mode, number] = 0
    _relate_with(state, work, mode, number)
    _enter(state, mode, number)
    state.counts[mode, FORMS] = number + 1
    return number, sign


@compiled
def enter_all(state, mode):
    """Makes the table of a mode again."""
    for place in range(state.table.shape[1]):
        state.table[mode, place] = -1
    for number in range(state.counts[mode, FORMS]):
        _enter(state, mode, number)


@compiled
def relate_all(state, work, mode):
    """Makes the table and the relations of a mode again."""
    enter_all(state, mode)
    state.counts[mode, RELATIONS] = 0
    for number in range(state.counts[mode, FORMS]):
        _relate_with(state, work, mode, number)


@compiled
def _remove(state, work, mode, number):
    """Takes a helper out of its mode; the last form gets its number."""
    last = state.counts[mode, FORMS] - 1
    count = 0
    for k in range(state.counts[mode, RELATIONS]):
        x = int64(state.relations[mode, k, 0])
        y = int64(state.relations[mode, k, 1])
        z = int64(state.relations[mode, k, 2])
        if number in (x, y, z):
            continue
        state.relations[mode, count, 0] = number if x == last else x
        state.relations[mode, count, 1] = number if y == last else y
        state.relations[mode, count, 2] = number if z == last else z
        count += 1
    state.counts[mode, RELATIONS] = count
    rename(state, work, mode, last, number)
    state.counts[mode, FORMS] = last
    enter_all(state, mode)


@compiled
def rename(state, work, mode, old, new):
    """Gives a form another number, that of a form without uses; relations and table are left."""
    if old == new:
        return
    state.keys[mode, new] = state.keys[mode, old]
    state.uses[mode, new] = state.uses[mode, old]
    for i in range(work.inputs[mode]):
        state.entries[mode, new, i] = state.entries[mode, old, i]
    use_instead(state, mode, old, new)


@compiled
def use_instead(state, mode, old, new):
    """Makes one form the factor of all terms whose factor is another."""
    for term in range(len(state.signs)):
        if state.factors[mode, term] == old:
            state.factors[mode, term] = new


@compiled
def _count_ways(state, work, mode):
    for x in range(state.counts[mode, FORMS]):
        work.ways[0, x] = 0
    for k in range(state.counts[mode, RELATIONS]):
        for i in range(3):
            work.ways[0, state.relations[mode, k, i]] += 1


@compiled
def _is_missed(state, work, mode, number):
    """Tells whether another form has no relations without a form; `ways` are counted before."""
    for x in range(state.counts[mode, FORMS]):
        work.ways[1, x] = work.ways[0, x]
    for k in range(state.counts[mode, RELATIONS]):
        x = int64(state.relations[mode, k, 0])
        y = int64(state.relations[mode, k, 1])
        z = int64(state.relations[mode, k, 2])
        if number in (x, y, z):
            work.ways[1, x] -= 1
            work.ways[1, y] -= 1
            work.ways[1, z] -= 1
    for x in range(work.inputs[mode], state.counts[mode, FORMS]):
        if work.ways[1, x] == 0 and x != number:
            return True
    return False


@compiled
def _is_closed_without(state, work, mode, number):
    """Tells whether all other forms of a mode can be reached from its inputs."""
    if _is_missed(state, work, mode, number):
        return False
    inputs, count = work.inputs[mode], state.counts[mode, FORMS]
    for x in range(count):
        work.is_reached[x] = x < inputs
    missing = count - inputs - 1
    goes_on = True
    while goes_on and missing > 0:
        goes_on = False
        for k in range(state.counts[mode, RELATIONS]):
            x = int64(state.relations[mode, k, 0])
            y = int64(state.relations[mode, k, 1])
            z = int64(state.relations[mode, k, 2])
            known = int64(work.is_reached[x]) + work.is_reached[y] + work.is_reached[z]
            if known == 2 and number not in (x, y, z):
                work.is_reached[x] = work.is_reached[y] = work.is_reached[z] = True
                missing -= 1
                goes_on = True
    return missing == 0


@compiled
def settle(state, work, mode):
    """Takes out helpers, from a random one on, until the others need all that are left."""
    inputs = work.inputs[mode]
    left = state.counts[mode, FORMS] - inputs
    number = inputs + below(work, max(left, 1))
    _count_ways(state, work, mode)
    while left > 0:
        if number >= state.counts[mode, FORMS]:
            number = inputs
        is_helper = state.uses[mode, number] == 0
        if is_helper and _is_closed_without(state, work, mode, number):
            _remove(state, work, mode, number)
            _count_ways(state, work, mode)
            left = state.counts[mode, FORMS] - inputs  # what it was made of may go, too
        else:
            number += 1
            left -= 1


@compiled
def copy(state, to, work):
    """Copies the modes that were touched, and the terms."""
    for mode in range(3):
        if not work.is_touched[mode]:
            continue
        for x in range(state.counts[mode, FORMS]):
            to.keys[mode, x] = state.keys[mode, x]
            to.uses[mode, x] = state.uses[mode, x]
            for i in range(work.inputs[mode]):
                to.entries[mode, x, i] = state.entries[mode, x, i]
        for k in range(state.counts[mode, RELATIONS]):
            for i in range(3):
                to.relations[mode, k, i] = state.relations[mode, k, i]
        for place in range(state.table.shape[1]):
            to.table[mode, place] = state.table[mode, place]
        for k in range(2):
            to.counts[mode, k] = state.counts[mode, k]
    for term in range(len(state.signs)):
        to.signs[term] = state.signs[term]
        for mode in range(3):
            to.factors[mode, term] = state.factors[mode, term]
