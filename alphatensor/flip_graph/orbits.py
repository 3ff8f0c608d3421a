"""The inner loop over Z2 for walks that keep an involution, in which fixed terms are flipped too.

The involution s permutes the entries of each mode. A generator is a fixed term, all of whose
factors s leaves as they are, or one of a pair of terms that s exchanges. With x + sx written as
tr x, pairs and fixed terms have these flips, which leave the sum of all images as it is:

    pair   a⊗b⊗c, pair   a⊗b'⊗c'  ->  pair   a⊗(b + b')⊗c,     pair   a⊗b'⊗(c' - c)
    fixed  a⊗b⊗c, fixed  a⊗b'⊗c'  ->  fixed  a⊗(b + b')⊗c,     fixed  a⊗b'⊗(c' - c)
    fixed  a⊗b⊗c, pair   a⊗b'⊗c'  ->  fixed  a⊗(b + tr b')⊗c,  pair   a⊗b'⊗(c' - c)
    pair   a⊗b⊗c, fixed  a⊗b'⊗c'  ->  pair   a⊗(b + b')⊗c,     fixed  a⊗b'⊗(c' - tr c)

A pair that comes to share two factors that s fixes is one fixed term, a⊗b⊗(tr c); one whose three
factors s fixes adds up to nothing. A plus transition splits two pairs or two fixed terms into
three, or makes a pair of a fixed term. Ranks count terms, two for each pair.
"""

import inspect
import zlib
from typing import NamedTuple

import numba
import numpy as np
from numba import int64, uint32, uint64

from alphatensor.flip_graph import bitmasks, kernel, rows
from alphatensor.flip_graph.groups import Element
from alphatensor.flip_graph.kernel import AGE, ATTEMPTS, BEST_RANK, CHECKED, FLIPS, IDLE, RANK
from alphatensor.flip_graph.rows import inlined


class Orbits(NamedTuple):
    """What the involution fixes.

    Attributes:
      is_fixed: whether it fixes the factor of each row, bool [L].
      halves: for each mode one of each two entries that it exchanges, uint64 [3, K].
    """

    is_fixed: np.ndarray
    halves: np.ndarray


def orbits(slots: int, involution: Element, words: int) -> Orbits:
    """Makes the arrays for schemes of R = `slots` generators, with factors of K = `words` words."""
    halves = np.zeros((3, words), np.uint64)
    for mode, images in enumerate(involution.entries):
        for entry in np.flatnonzero(np.arange(len(images)) < images).tolist():
            word, place = divmod(entry, bitmasks.WORD_BITS)
            halves[mode, word] |= np.uint64(1 << place)
    return Orbits(is_fixed=np.zeros(3 * slots, np.bool_), halves=halves)


@inlined
def _image(w, row, element, to):
    """Writes a row, for element 0, or its image, for element 1, to another row."""
    mode = int64(w.modes[0, row])
    rows.permute(w, w.rows, row, w.elements[element, 1, mode], w.rows, to)


@inlined
def _add(w, to, row):
    for d in range(len(w.words)):
        w.rows[to, d] ^= w.rows[row, d]


@inlined
def _is_equal(w, x, y):
    differs = uint64(0)
    for d in range(len(w.words)):
        differs |= w.rows[x, d] ^ w.rows[y, d]
    return differs == uint64(0)


@inlined
def _is_less(w, x, y):
    for d in range(len(w.words)):
        if w.rows[x, d] != w.rows[y, d]:
            return w.rows[x, d] < w.rows[y, d]
    return False


@inlined
def _insert(w, o, row):
    """Links a row by its key, the lesser of its factor and its image."""
    image = len(w.rows) - 1
    _image(w, row, 1, image)
    o.is_fixed[row] = _is_equal(w, row, image)
    key = image if _is_less(w, image, row) else row
    for d in range(len(w.words)):
        w.keys[row, d] = w.rows[key, d]
    rows.link(w, row)


@inlined
def _replace(w, o, row, new):
    rows.unlink(w, row)
    rows.copy(w, row, new)
    _insert(w, o, row)


@inlined
def _fixed_factors(w, o, generator):
    number = rows.slots(w)
    return (
        int64(o.is_fixed[generator])
        + int64(o.is_fixed[number + generator])
        + int64(o.is_fixed[2 * number + generator])
    )


@inlined
def _is_pair(w, o, generator):
    return _fixed_factors(w, o, generator) < 3


@inlined
def _load(w, o, scheme):
    """Takes over generators, uint64 [L, K]; returns their rank."""
    w.heads[:] = rows.NONE
    w.places[:] = rows.NONE
    w.counts[:] = uint32(0)
    rank, number = 0, rows.slots(w)
    for row in range(len(scheme)):
        for d in range(scheme.shape[1]):
            w.rows[row, d] = scheme[row, d]
    for generator in range(number):
        if rows.is_zero(w, generator):
            w.free[w.counts[1]] = generator
            w.counts[1] += uint32(1)
        else:
            for mode in range(3):
                _insert(w, o, mode * number + generator)
            rank += 1 + _is_pair(w, o, generator)
    return rank


@inlined
def _change(w, o, row, new):
    """Gives a generator a new factor; returns by how many terms its orbit becomes smaller."""
    generator = row - int64(w.modes[0, row]) * rows.slots(w)
    is_pair = _is_pair(w, o, generator)
    if rows.is_zero(w, new):
        rows.remove(w, generator)
        return 1 + is_pair
    _replace(w, o, row, new)
    return _merge(w, o, generator) if is_pair else 0


@inlined
def _merge(w, o, generator):
    """Merges a pair that shares two factors or more; returns how many terms vanish."""
    number = rows.slots(w)
    fixed = _fixed_factors(w, o, generator)
    if fixed == 3:
        rows.remove(w, generator)
        return 2
    if fixed < 2:
        return 0
    row, total = generator, len(w.rows) - 2
    while o.is_fixed[row]:
        row += number
    _image(w, row, 1, total)
    _add(w, total, row)
    _replace(w, o, row, total)
    return 1


@inlined
def _flip(w, o):
    """Flips two generators; returns by how many terms the rank fell."""
    number = rows.slots(w)
    new_b, new_c, image = 3 * number, 3 * number + 1, 3 * number + 2
    first, second, is_other = kernel.draw(w)
    mode = int64(w.modes[0, first])
    g, h = first - mode * number, second - mode * number
    # Where the factor is fixed, the generator's image may be flipped as well.
    element = int64(is_other) if o.is_fixed[first] else int64(not _is_equal(w, first, second))
    pair_g, pair_h = _is_pair(w, o, g), _is_pair(w, o, h)
    b_g, c_g = rows.turned(w, first, 1), rows.turned(w, first, 2)
    b_h, c_h = rows.turned(w, second, 1), rows.turned(w, second, 2)
    _image(w, b_h, element, new_b)
    _image(w, c_g, element, new_c)
    if pair_h and not pair_g:
        _image(w, b_h, 1 - element, image)
        _add(w, new_b, image)
    if pair_g and not pair_h:
        _image(w, c_g, 1 - element, image)
        _add(w, new_c, image)
    _add(w, new_b, b_g)
    _add(w, new_c, c_h)
    return _change(w, o, b_g, new_b) + _change(w, o, c_h, new_c)


@inlined
def _part(w, o, g, h, mode):
    """Makes a pair of a fixed term, with a factor x + sx; returns whether there is such an x.

    To one such x, y + sy is added, where y is the factor of another generator.
    """
    x, image = 3 * rows.slots(w), len(w.rows) - 2
    row, other = mode * rows.slots(w) + g, mode * rows.slots(w) + h
    for d in range(len(w.words)):
        w.rows[x, d] = w.rows[row, d] & o.halves[mode, d]
    rows.permute(w, w.rows, x, w.elements[1, 1, mode], w.rows, image)
    _add(w, image, x)
    if not _is_equal(w, image, row):
        return False
    _image(w, other, 1, image)
    _add(w, x, image)
    _add(w, x, other)
    _replace(w, o, row, x)
    return True


@inlined
def _split(w, o, g, h, mode, element):
    """Splits two pairs, or two fixed terms, into three; returns by how many terms the rank rose.

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c', the second one an image.
    """
    number = rows.slots(w)
    new_a, new_b, new_c, image_b, image_c = range(3 * number, 3 * number + 5)
    a_g, a_h = mode * number + g, mode * number + h
    b_g, c_g = rows.turned(w, a_g, 1), rows.turned(w, a_g, 2)
    b_h, c_h = rows.turned(w, a_h, 1), rows.turned(w, a_h, 2)
    _image(w, a_h, element, new_a)
    _image(w, b_h, element, image_b)
    _image(w, c_h, element, image_c)
    rows.copy(w, new_b, image_b)
    rows.copy(w, new_c, image_c)
    _add(w, new_a, a_g)
    _add(w, new_b, b_g)
    _add(w, new_c, c_g)
    # Terms that share a factor would give a zero one: leave those to flips.
    if rows.is_zero(w, new_a) or rows.is_zero(w, new_b) or rows.is_zero(w, new_c):
        return 0
    w.counts[1] -= uint32(1)
    x = int64(w.free[w.counts[1]])
    is_pair = _is_pair(w, o, g)
    for row, new in ((a_g, a_g), (b_g, image_b), (c_g, new_c)):
        rows.copy(w, row - g + x, new)
        _insert(w, o, row - g + x)
    _replace(w, o, b_g, new_b)
    _replace(w, o, a_h, new_a)
    _replace(w, o, b_h, image_b)
    _replace(w, o, c_h, image_c)
    if not is_pair:
        return 1
    return 2 - _merge(w, o, x) - _merge(w, o, g) - _merge(w, o, h)


@inlined
def _plus(w, o):
    """Splits random generators; returns by how many terms the rank rose."""
    number = rows.slots(w)
    for _ in range(ATTEMPTS):
        g, h = rows.below(rows.random(w), number), rows.below(rows.random(w), number)
        mode, word = rows.below(rows.random(w), 3), rows.random(w)
        if g == h or rows.is_zero(w, g) or rows.is_zero(w, h):
            continue
        pair, is_alike = _is_pair(w, o, g), _is_pair(w, o, g) == _is_pair(w, o, h)
        risen = 0
        if not pair and (not is_alike or word & uint64(3) == uint64(0)):
            risen = int64(_part(w, o, g, h, mode))
        elif is_alike and w.counts[1] > 0:
            risen = _split(w, o, g, h, mode, int64(word >> uint64(2) & uint64(1)))
        if risen != 0:
            return risen
    return 0


@numba.njit(_nrt=False)
def _core(w, o, options, scheme, best, state):
    """Walks with one walker; its generators, uint64 [L, K], and state, int64 [6], are changed."""
    rank = _load(w, o, scheme)
    for number in range(1, options.tries + 1):
        state[AGE] += 1
        fallen = 0
        if w.counts[0] > 0:
            fallen = _flip(w, o)
            state[FLIPS] += 1
        if fallen > 0:
            rank -= fallen
            state[AGE] = 0
        if rank < state[BEST_RANK] or (
            rank == state[BEST_RANK] and (number % CHECKED == 0 or number == options.tries)
        ):
            if rank < state[BEST_RANK]:
                state[IDLE] = -number
            kernel.store(w, best)
            state[BEST_RANK] = rank
        if state[AGE] >= options.patience or w.counts[0] == 0:
            if rank >= state[BEST_RANK] + options.margin:
                rank = _load(w, o, best)
            rank += _plus(w, o)
            state[AGE] = 0
    state[IDLE] += options.tries
    state[RANK] = rank
    kernel.store(w, scheme)


def _compiled(source: int):
    """Compiles `walk`; the checksum of what it calls is part of the key of Numba's cache."""

    @numba.njit(nogil=True, cache=True)
    def walk(work, orbits, options, terms, best, seeds, states):
        """Walks with some walkers, one after the other; the arguments are those of `kernel.walk`.

        Returns:
          The checksum.
        """
        for number in range(len(terms)):
            work.seed[0] = seeds[number]
            _core(work, orbits, options, terms[number], best[number], states[number])
            seeds[number] = work.seed[0]
        return source

    return walk


walk = _compiled(zlib.crc32((inspect.getsource(rows) + inspect.getsource(kernel)).encode()))
