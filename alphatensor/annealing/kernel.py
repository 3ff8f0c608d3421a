"""The inner loop of simulated annealing over points and triangles, compiled by Numba.

A state has up to C points of each type. A vector with entries -1, 0 and 1 is a support and the
signs in it, two bit masks. The energy is the rank of the algorithm that `triangles.from_points`
makes: with N points whose α ⊗ β span d dimensions mod 2, and triangles that span M more,

    2np + 2(N - d) - M.

Over the integers it is the larger of this and the same mod 3, since a state whose dimensions are
fewer mod 3 gives combinations with fractions. A step takes a point away, puts one, or both. New
points mostly complete two others to a triangle.
"""
# ruff: noqa: NPY002 (in compiled code these are Numba's own random numbers)

from typing import NamedTuple

import numba
import numpy as np
from numba import uint64

WORD_BITS = 64
ROW, ROW_SIGNS, COLUMN, COLUMN_SIGNS = range(4)  # of a point
ELSEWHERE = 8  # one of so many new points completes no triangle
_HASH = 0x9E3779B1


class Work(NamedTuple):
    """Arrays to work on, for vectors of K words.

    Attributes:
      vector, negative, spare: of one vector, uint64 [K].
      basis, negatives: of a basis, by leading bit, uint64 [64 K, K].
      is_used: which of its rows are used, bool [64 K].
      table: a hash table for the points of a type, int64, the length a power of two.
      found: the numbers of the first two points of each triangle, int64 [4 np, 2].
    """

    vector: np.ndarray
    negative: np.ndarray
    spare: np.ndarray
    basis: np.ndarray
    negatives: np.ndarray
    is_used: np.ndarray
    table: np.ndarray
    found: np.ndarray


@numba.njit(cache=True)
def _highest(word):
    """Returns the place of the highest bit of a word that is not 0."""
    place = 0
    for shift in (32, 16, 8, 4, 2, 1):
        if word >> uint64(shift):
            word >>= uint64(shift)
            place += shift
    return place


@numba.njit(cache=True)
def _insert(vector, basis, is_used):
    """Adds a vector mod 2, uint64 [K], to a basis [64 K, K]; returns how much the rank rises."""
    word = len(vector) - 1
    while word >= 0:
        if vector[word] == uint64(0):
            word -= 1
            continue
        lead = word * WORD_BITS + _highest(vector[word])
        if not is_used[lead]:
            is_used[lead] = True
            basis[lead] = vector
            return 1
        for k in range(word + 1):
            vector[k] ^= basis[lead, k]
    return 0


@numba.njit(cache=True)
def _insert_mod_3(vector, negative, basis, negatives, is_used):
    """Adds a vector mod 3, the entries that are not 0 and those that are -1, to a basis."""
    word = len(vector) - 1
    while word >= 0:
        if vector[word] == uint64(0):
            word -= 1
            continue
        place = _highest(vector[word])
        lead = word * WORD_BITS + place
        if not is_used[lead]:
            is_used[lead] = True
            basis[lead], negatives[lead] = vector, negative
            return 1
        bit = uint64(1) << uint64(place)
        is_same = (negative[word] & bit) == (negatives[lead, word] & bit)
        for k in range(word + 1):
            x, x_signs, y = vector[k], negative[k], basis[lead, k]
            y_signs = negatives[lead, k] ^ y if is_same else negatives[lead, k]
            both, differ = x & y, x_signs ^ y_signs
            vector[k] = (x ^ y) | (both & ~differ)
            negative[k] = ((x_signs | y_signs) & (x ^ y)) | (both & ~differ & ~x_signs)
    return 0


@numba.njit(cache=True)
def _outer(row, column, n, p, vector):
    """Writes the outer product of two vectors mod 2, [n] and [p]."""
    vector[:] = uint64(0)
    for i in range(n):
        if (row >> i) & 1:
            word, place = (i * p) // WORD_BITS, (i * p) % WORD_BITS
            vector[word] |= uint64(column) << uint64(place)
            if place + p > WORD_BITS:
                vector[word + 1] |= uint64(column) >> uint64(WORD_BITS - place)


@numba.njit(cache=True)
def _signed_outer(first, second, n, p, work):
    """Writes the outer product of the row vector of a point and the column vector of another."""
    _outer(first[ROW], second[COLUMN], n, p, work.vector)
    # Of the signs of a product, one is that of the row, the other that of the column.
    _outer(first[ROW_SIGNS], second[COLUMN], n, p, work.negative)
    _outer(first[ROW], second[COLUMN_SIGNS], n, p, work.spare)
    for k in range(len(work.spare)):
        work.negative[k] ^= work.spare[k]


@numba.njit(cache=True)
def _combined(x, x_signs, y, y_signs, is_difference):
    """Returns x + y or x - y: (whether entries stay in -1, 0, 1, support, signs).

    Where supports meet, it is the one of the two that cancels there.
    """
    both = x & y
    differ = (x_signs ^ y_signs) & both
    if differ != 0 and differ != both:
        return False, 0, 0
    if both != 0:
        is_difference = differ == 0
    if is_difference:
        y_signs ^= y
    support = x ^ y
    return True, support, (x_signs | y_signs) & ~both & support


@numba.njit(cache=True)
def _is_combined(x, x_signs, y, y_signs, z_signs):
    """Returns whether x + y or x - y is, up to sign, the vector with these signs."""
    for is_difference in (False, True):
        is_ternary, support, signs = _combined(x, x_signs, y, y_signs, is_difference)
        if is_ternary and (signs == z_signs or signs == z_signs ^ support):
            return True
    return False


@numba.njit(cache=True)
def _slot(row, column, p, slots):
    return (((row << p) | column) * _HASH >> 7) & (slots - 1)


@numba.njit(cache=True)
def _find_triangles(points, counts, p, is_signed, table, found):
    """Writes the numbers of the first two points of each triangle; returns how many there are."""
    table[:] = -1
    for i in range(counts[2]):
        slot = _slot(points[2, i, ROW], points[2, i, COLUMN], p, len(table))
        while table[slot] >= 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot] = i
    number = 0
    for i in range(counts[0]):
        for j in range(counts[1]):
            x, y = points[0, i], points[1, j]
            row, column = x[ROW] ^ y[ROW], x[COLUMN] ^ y[COLUMN]
            if row == 0 or column == 0 or number == len(found):
                continue
            slot = _slot(row, column, p, len(table))
            while table[slot] >= 0:
                z = points[2, table[slot]]
                if z[ROW] == row and z[COLUMN] == column:
                    if not is_signed or (
                        _is_combined(x[0], x[1], y[0], y[1], z[ROW_SIGNS])
                        and _is_combined(x[2], x[3], y[2], y[3], z[COLUMN_SIGNS])
                    ):
                        found[number] = i, j
                        number += 1
                    break
                slot = (slot + 1) & (len(table) - 1)
    return number


@numba.njit(cache=True)
def _gain(points, counts, n, p, triangles, work):
    """Returns the dimensions mod 2 of all sums, less two for each point that adds none."""
    is_used = work.is_used
    is_used[:] = False
    gain = 0
    for kind in range(3):
        for i in range(counts[kind]):
            _outer(points[kind, i, ROW], points[kind, i, COLUMN], n, p, work.vector)
            gain += 2 * _insert(work.vector, work.basis, is_used) - 2
    for i, j in triangles:
        _outer(points[0, i, ROW], points[1, j, COLUMN], n, p, work.vector)
        gain += _insert(work.vector, work.basis, is_used)
    return gain


@numba.njit(cache=True)
def _gain_mod_3(points, counts, n, p, triangles, work):
    """Returns the same mod 3; one function for both takes 1.3 times as long."""
    is_used = work.is_used
    is_used[:] = False
    gain = 0
    for kind in range(3):
        for i in range(counts[kind]):
            _signed_outer(points[kind, i], points[kind, i], n, p, work)
            gain += (
                2 * _insert_mod_3(work.vector, work.negative, work.basis, work.negatives, is_used)
                - 2
            )
    for i, j in triangles:
        _signed_outer(points[0, i], points[1, j], n, p, work)
        gain += _insert_mod_3(work.vector, work.negative, work.basis, work.negatives, is_used)
    return gain


@numba.njit(cache=True)
def _energy(points, counts, sizes, is_signed, most, work):
    """Returns the energy; where it is above `most`, a number above it that may be less."""
    n, p = sizes
    number = _find_triangles(points, counts, p, is_signed, work.table, work.found)
    triangles = work.found[:number]
    rank = 2 * n * p - _gain(points, counts, n, p, triangles, work)
    if is_signed and rank <= most:
        rank = max(rank, 2 * n * p - _gain_mod_3(points, counts, n, p, triangles, work))
    return rank


@numba.njit(cache=True)
def _draw(points, counts, kind, n, p, new):
    """Draws a vector pair for a point of a type; returns whether there is one."""
    others = (kind + 1) % 3, (kind + 2) % 3
    if np.random.randint(ELSEWHERE) > 0 and counts[others[0]] > 0 and counts[others[1]] > 0:
        x = points[others[0], np.random.randint(counts[others[0]])]
        y = points[others[1], np.random.randint(counts[others[1]])]
        coins = np.random.randint(4)
        ok, new[ROW], new[ROW_SIGNS] = _combined(x[0], x[1], y[0], y[1], coins & 1 == 1)
        fits, new[COLUMN], new[COLUMN_SIGNS] = _combined(x[2], x[3], y[2], y[3], coins & 2 == 2)
        return ok and fits and new[ROW] != 0 and new[COLUMN] != 0
    new[ROW], new[COLUMN] = np.random.randint(1, 1 << n), np.random.randint(1, 1 << p)
    new[ROW_SIGNS] = np.random.randint(1 << n) & new[ROW]
    new[COLUMN_SIGNS] = np.random.randint(1 << p) & new[COLUMN]
    other = np.random.randint(3)
    if np.random.randint(2) == 0 and counts[other] > 0:  # with one vector of another point
        x, part = points[other, np.random.randint(counts[other])], 2 * np.random.randint(2)
        new[part], new[part + 1] = x[part], x[part + 1]
    return True


@numba.njit(cache=True)
def _add(points, counts, sizes, is_signed, new):
    """Puts a point; returns its type, -1 where none was put."""
    kind = np.random.randint(3)
    if not _draw(points, counts, kind, sizes[0], sizes[1], new):
        return -1
    number = counts[kind]
    for i in range(number):
        if points[kind, i, ROW] == new[ROW] and points[kind, i, COLUMN] == new[COLUMN]:
            return -1
    if number == points.shape[1]:
        return -1
    if not is_signed:
        new[ROW_SIGNS] = new[COLUMN_SIGNS] = 0
    points[kind, number] = new
    counts[kind] += 1
    return kind


@numba.njit(cache=True)
def _remove(points, counts, old):
    """Takes a point away and writes it to `old`; returns (type, place), (-1, 0) without points."""
    if counts.sum() == 0:
        return -1, 0
    place, kind = np.random.randint(counts.sum()), 0
    while place >= counts[kind]:
        place -= counts[kind]
        kind += 1
    old[:] = points[kind, place]
    counts[kind] -= 1
    points[kind, place] = points[kind, counts[kind]]
    return kind, place


@numba.njit(cache=True)
def _work(sizes, most):
    """Returns arrays to work on, for at most so many points of a type."""
    entries = sizes[0] * sizes[1]
    words = -(-entries // WORD_BITS)
    slots = 4
    while slots < 4 * most:
        slots *= 2
    return Work(
        vector=np.zeros(words, np.uint64),
        negative=np.zeros(words, np.uint64),
        spare=np.zeros(words, np.uint64),
        basis=np.zeros((words * WORD_BITS, words), np.uint64),
        negatives=np.zeros((words * WORD_BITS, words), np.uint64),
        is_used=np.zeros(words * WORD_BITS, np.bool_),
        table=np.zeros(slots, np.int64),
        found=np.zeros((4 * entries, 2), np.int64),
    )


@numba.njit(cache=True, nogil=True)
def anneal(points, counts, sizes, is_signed, temperatures, steps, seed):
    """Makes some steps, at temperatures that fall geometrically.

    Args:
      points: the state, int64 [3, C, 4]; changed.
      counts: its points of each type, int64 [3]; changed.
      sizes: (n, p).
      is_signed: whether signs count; otherwise vectors are over Z2.
      temperatures: at the first and after the last step.
      steps: their number.
      seed: of the random numbers.

    Returns:
      The least energy met, and the last state of that energy or the first below all others, as
      points and counts.
    """
    np.random.seed(seed)
    work = _work(sizes, points.shape[1])
    at = least = _energy(points, counts, sizes, is_signed, np.inf, work)
    best, best_counts = points.copy(), counts.copy()
    old, new = np.zeros(4, np.int64), np.zeros(4, np.int64)
    for step in range(steps):
        move, removed, place, added = np.random.randint(4), -1, 0, -1
        if move != 0:
            removed, place = _remove(points, counts, old)
        if move != 1:
            added = _add(points, counts, sizes, is_signed, new)
        if removed < 0 and added < 0:
            continue
        # The step is made if the energy after it is at most this.
        temperature = temperatures[0] * (temperatures[1] / temperatures[0]) ** (step / steps)
        most = at - temperature * np.log(1.0 - np.random.random())
        after = _energy(points, counts, sizes, is_signed, most, work)
        if after <= most:
            at = after
            if at < least:
                least = at
                best[:], best_counts[:] = points, counts
            continue
        if added >= 0:
            counts[added] -= 1
        if removed >= 0:
            points[removed, counts[removed]] = old
            counts[removed] += 1
    if at == least:
        best[:], best_counts[:] = points, counts
    return least, best, best_counts
