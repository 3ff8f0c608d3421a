"""The walkers' inner loop, compiled by Numba: one walker after the other, on one core.

A scheme lies in *rows* of 64-bit words: row m·R + g is the factor of mode m of generator g. Rows
with equal factors (up to sign, and to the images of a symmetry) have to be found at once, whatever
the number of terms. So each row has a *key*, the least of its factor's images. A hash table finds
equal keys, and the rows that share one form a ring; those that are not alone are *active*. A try
draws an active row and another one of its ring, whose generators it flips.

Numba counts references to arrays wherever it may free memory, which takes ten times as long as a
flip. Nothing here allocates, so `_core` is compiled without memory management.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import int64, uint16, uint32, uint64

NONE = 65_535  # in place of the number of a row
BUCKETS = 2_048  # of the hash table, for each list of rows that may share factors
SPARE = 7  # rows after those of the scheme: new factors (0, 1), images (2, 3), an image (4 to 6)
CHECKED = 4_096  # tries, then a scheme as good as the best replaces it
CHECKED_SPARSE = 256  # the same where the sparsest counts as best
ATTEMPTS = 100  # at a plus transition
BEFORE, AFTER, PREVIOUS, FOLLOWING = range(4)  # of a row in its bucket, and in its ring
RANK, BEST_RANK, BEST_WEIGHT, AGE, IDLE, FLIPS = range(6)  # of a walker

inlined = numba.njit(forceinline=True)


class Work(NamedTuple):
    """What the loop works on; for schemes of R slots, D words each, L = 3·R rows.

    Attributes:
      rows: the factors, the supports' words before those of the signs, uint64 [L + SPARE, D].
      keys: what rows with equal factors share, and one more for images, uint64 [L + SPARE, D].
      modes: the mode of each row, and where the buckets of its list begin, uint16 [2, L].
      links: the neighbours of each row in its bucket and its ring, uint16 [4, L].
      heads: the first row of each bucket, uint16 [3 * BUCKETS].
      active: the active rows, in any order, uint16 [L].
      places: where each row lies in `active`, else `NONE`, uint16 [L].
      counts: the number of active rows and that of free slots, uint32 [2].
      free: the free slots, uint16 [R].
      seed: the state of the random generator, not 0, uint64 [1].
      elements: for each element of the group that a walk keeps and each mode, the mode that its
        image lies in and the number of the table that permutes its entries, -1 for none; then the
        number of the inverse, int64 [E, 3, 3].
      lists: for each mode the first of those that it may share factors with, int64 [3].
      tables: the images of the values of each byte of a factor, uint64 [T, bytes, 256, K].
      planes: as many zeros as planes, P: one for supports, and one for signs.
      words: as many zeros as words in a plane, K.
    """

    rows: np.ndarray
    keys: np.ndarray
    modes: np.ndarray
    links: np.ndarray
    heads: np.ndarray
    active: np.ndarray
    places: np.ndarray
    counts: np.ndarray
    free: np.ndarray
    seed: np.ndarray
    elements: np.ndarray
    lists: np.ndarray
    tables: np.ndarray
    planes: tuple[int, ...]
    words: tuple[int, ...]


class Options(NamedTuple):
    """How a walker walks in one call.

    Attributes:
      tries: in the call.
      patience: tries without a change of rank before a plus transition.
      margin: ranks above its best from which a walker goes back before one.
      prefer_sparse: whether a flip that adds d entries is made with probability 2^-d alone, and the
        sparsest scheme of least rank counts as best.
      is_simple: whether no image permutes entries, and no factor has two images in its mode.
      cancels: whether a generator that equals its own image adds up to nothing.
    """

    tries: int
    patience: int
    margin: int
    prefer_sparse: bool
    is_simple: bool
    cancels: bool


@inlined
def _random(w):
    """Returns the next word of Marsaglia's xorshift64 generator."""
    x = w.seed[0]
    x ^= x << uint64(13)
    x ^= x >> uint64(7)
    x ^= x << uint64(17)
    w.seed[0] = x
    return x


@inlined
def _below(word, n):
    """Maps a random word to an integer below n, by its high bits."""
    return int64(((word >> uint64(32)) * uint64(n)) >> uint64(32))


@inlined
def _slots(w):
    return len(w.free)


@inlined
def _turned(w, row, modes):
    """Returns the same generator's row some modes further."""
    row = int64(row) + modes * _slots(w)
    return row - 3 * _slots(w) if row >= 3 * _slots(w) else row


@inlined
def _bucket(w, row):
    mixed = uint64(0)
    for d in range(len(w.planes) * len(w.words)):
        mixed = (mixed ^ (mixed >> uint64(29)) ^ w.keys[row, d]) * uint64(0x9E3779B97F4A7C15)
    return int64(mixed >> uint64(53)) + int64(w.modes[1, row])


@inlined
def _is_zero(w, row):
    found = uint64(0)
    for k in range(len(w.words)):
        found |= w.rows[row, k]
    return found == uint64(0)


@inlined
def _same_key(w, x, y):
    differs = uint64(0)
    for d in range(len(w.planes) * len(w.words)):
        differs |= w.keys[x, d] ^ w.keys[y, d]
    return differs == uint64(0)


@inlined
def _copy(w, to, row):
    for d in range(len(w.planes) * len(w.words)):
        w.rows[to, d] = w.rows[row, d]


@inlined
def _entries(w, row):
    """Counts the entries of a factor that are not zero."""
    count = uint64(0)
    for k in range(len(w.words)):
        x = w.rows[row, k]
        x -= (x >> uint64(1)) & uint64(0x5555555555555555)
        x = (x & uint64(0x3333333333333333)) + ((x >> uint64(2)) & uint64(0x3333333333333333))
        x = (x + (x >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
        count += (x * uint64(0x0101010101010101)) >> uint64(56)
    return int64(count)


@inlined
def _add(w, to, x, y, negated):
    """Adds two factors, or subtracts them; says whether an entry leaves {-1, 0, 1}."""
    overflow, number = uint64(0), len(w.words)
    for k in range(number):
        xs, ys = w.rows[x, k], w.rows[y, k]
        if len(w.planes) == 2:
            xn, yn = w.rows[x, number + k], w.rows[y, number + k]
            if negated:
                yn ^= ys
            overflow |= xs & ys & ~(xn ^ yn)
            w.rows[to, number + k] = (xn | yn) & (xs ^ ys)
        w.rows[to, k] = xs ^ ys
    return overflow != uint64(0)


@inlined
def _negate(w, row):
    if len(w.planes) == 2:
        for k in range(len(w.words)):
            w.rows[row, len(w.words) + k] ^= w.rows[row, k]


@inlined
def _permute(w, source, row, table, out, to):
    """Writes the image of a row of one array, by tables of its bytes, to one of another."""
    number = len(w.words)
    for d in range(len(w.planes) * number):
        moved = source[row, d]
        if table >= 0:
            moved, first = uint64(0), d - d % number
            for byte in range(w.tables.shape[1]):
                word = source[row, first + (byte >> 3)] >> uint64(8 * (byte & 7))
                moved |= w.tables[table, byte, int64(word & uint64(255)), d % number]
        out[to, d] = moved


@inlined
def _sign_key(w, row):
    """Negates a key whose first entry is negative."""
    if len(w.planes) == 2:
        number = len(w.words)
        for k in range(number):
            support = w.keys[row, k]
            if support != uint64(0):
                lowest = support & (~support + uint64(1))
                if w.keys[row, number + k] & lowest != uint64(0):
                    for j in range(number):
                        w.keys[row, number + j] ^= w.keys[row, j]
                break


@inlined
def _set_key(w, row, is_simple):
    """Sets the key of a row: the least of its images in the first mode of its list."""
    size = len(w.planes) * len(w.words)
    if is_simple:
        for d in range(size):
            w.keys[row, d] = w.rows[row, d]
        _sign_key(w, row)
        return
    mode, image, is_first = int64(w.modes[0, row]), len(w.keys) - 1, True
    for e in range(len(w.elements)):
        if w.elements[e, 0, mode] != w.lists[mode]:
            continue
        _permute(w, w.rows, row, w.elements[e, 1, mode], w.keys, image)
        _sign_key(w, image)
        is_less = is_first
        if not is_first:
            for d in range(size):
                if w.keys[image, d] != w.keys[row, d]:
                    is_less = w.keys[image, d] < w.keys[row, d]
                    break
        if is_less:
            for d in range(size):
                w.keys[row, d] = w.keys[image, d]
        is_first = False


@inlined
def _activate(w, row):
    number = w.counts[0]
    w.places[row] = uint16(number)
    w.active[number] = uint16(row)
    w.counts[0] = number + uint32(1)


@inlined
def _deactivate(w, row):
    number = w.counts[0] - uint32(1)
    place, last = w.places[row], w.active[number]
    w.active[place] = last
    w.places[last] = place
    w.places[row] = uint16(NONE)
    w.counts[0] = number


@inlined
def _unlink(w, row):
    """Takes a row out of its bucket and its ring."""
    before, after = w.links[BEFORE, row], w.links[AFTER, row]
    if before != NONE:
        w.links[AFTER, before] = after
    else:
        w.heads[_bucket(w, row)] = after
    if after != NONE:
        w.links[BEFORE, after] = before
    following = w.links[FOLLOWING, row]
    if following != row:
        previous = w.links[PREVIOUS, row]
        w.links[FOLLOWING, previous] = following
        w.links[PREVIOUS, following] = previous
        _deactivate(w, row)
        if following == previous:
            _deactivate(w, following)


@inlined
def _link(w, row):
    """Puts a row with its key into its bucket and its ring."""
    bucket = _bucket(w, row)
    first = w.heads[bucket]
    other = first
    while other != NONE and not _same_key(w, other, row):
        other = w.links[AFTER, other]
    if other != NONE:
        following = w.links[FOLLOWING, other]
        if following == other:
            _activate(w, other)
        w.links[FOLLOWING, row], w.links[PREVIOUS, row] = following, other
        w.links[FOLLOWING, other], w.links[PREVIOUS, following] = uint16(row), uint16(row)
        _activate(w, row)
    else:
        w.links[PREVIOUS, row] = w.links[FOLLOWING, row] = uint16(row)
    w.links[BEFORE, row], w.links[AFTER, row] = uint16(NONE), first
    if first != NONE:
        w.links[BEFORE, first] = uint16(row)
    w.heads[bucket] = uint16(row)


@inlined
def _replace(w, row, new, is_simple):
    """Gives a row the factor of another one."""
    _unlink(w, row)
    _copy(w, row, new)
    _set_key(w, row, is_simple)
    _link(w, row)


@inlined
def _remove(w, generator):
    """Frees the slot of a generator."""
    for mode in range(3):
        row = mode * _slots(w) + generator
        _unlink(w, row)
        for d in range(len(w.planes) * len(w.words)):
            w.rows[row, d] = uint64(0)
    w.free[w.counts[1]] = uint16(generator)
    w.counts[1] += uint32(1)


@inlined
def _load(w, scheme, is_simple):
    """Takes over a scheme, uint64 [L, D]."""
    w.heads[:] = uint16(NONE)
    w.places[:] = uint16(NONE)
    w.counts[:] = uint32(0)
    for row in range(len(scheme)):
        for d in range(scheme.shape[1]):
            w.rows[row, d] = scheme[row, d]
    for generator in range(_slots(w)):
        if _is_zero(w, generator):
            w.free[w.counts[1]] = uint16(generator)
            w.counts[1] += uint32(1)
        else:
            for mode in range(3):
                row = mode * _slots(w) + generator
                _set_key(w, row, is_simple)
                _link(w, row)


@inlined
def _store(w, scheme):
    for row in range(len(scheme)):
        for d in range(scheme.shape[1]):
            scheme[row, d] = w.rows[row, d]


@inlined
def _weight(w):
    """Counts the entries of all factors that are not zero."""
    weight = 0
    for row in range(3 * _slots(w)):
        weight += _entries(w, row)
    return weight


@inlined
def _is_same_up_to_sign(w, x, y):
    differs, same, opposite = uint64(0), uint64(0), uint64(0)
    for k in range(len(w.words)):
        differs |= w.rows[x, k] ^ w.rows[y, k]
        if len(w.planes) == 2:
            sign = w.rows[x, len(w.words) + k] ^ w.rows[y, len(w.words) + k]
            same |= sign
            opposite |= sign ^ w.rows[x, k]
    return differs == uint64(0) and (same == uint64(0) or opposite == uint64(0))


@inlined
def _has_other_sign(w, x, y):
    """Says whether two factors that are equal up to sign differ in it."""
    differs = uint64(0)
    if len(w.planes) == 2:
        for k in range(len(w.words)):
            differs |= w.rows[x, len(w.words) + k] ^ w.rows[y, len(w.words) + k]
    return differs != uint64(0)


@inlined
def _matching(w, first, second, image):
    """Finds an element whose image of the second row is the first, up to sign; of several, any.

    The image is left in the spare row of that number.
    """
    mode, other = int64(w.modes[0, first]), int64(w.modes[0, second])
    element = _below(_random(w), len(w.elements))
    for _ in range(len(w.elements)):
        if w.elements[element, 0, other] == mode:
            _permute(w, w.rows, second, w.elements[element, 1, other], w.rows, image)
            if _is_same_up_to_sign(w, first, image):
                break
        element = element + 1 if element + 1 < len(w.elements) else 0
    return element


@inlined
def _draw(w):
    """Draws an active row, and another one of its ring."""
    word = _random(w)
    first = w.active[_below(word, w.counts[0])]
    second = w.links[FOLLOWING, first]
    for _ in range(int64(word & uint64(3))):
        second = w.links[FOLLOWING, second]
    if second == first:
        second = w.links[FOLLOWING, second]
    return int64(first), int64(second), (word >> uint64(2)) & uint64(1) == uint64(1)


@inlined
def _flip(w, options):
    """Tries a flip of two generators; returns (whether it was made, terms that vanished).

    a⊗b⊗c + a⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c), the second generator's image where a lies.
    """
    slots = _slots(w)
    new_b, new_c, image_b, image_c = range(3 * slots, 3 * slots + 4)
    first, second, is_opposite = _draw(w)
    g = first - int64(w.modes[0, first]) * slots
    h = second - int64(w.modes[0, second]) * slots
    if g == h:
        return False, 0
    b_g, c_g = _turned(w, first, 1), _turned(w, first, 2)
    b_h, c_h = _turned(w, second, 1), _turned(w, second, 2)
    other_sign = is_opposite
    if options.is_simple:
        other_sign ^= _has_other_sign(w, first, second)
        large = _add(w, new_b, b_g, b_h, other_sign)
        large |= _add(w, new_c, c_h, c_g, not is_opposite)
    else:
        element = _matching(w, first, second, image_b)
        other_sign ^= _has_other_sign(w, first, image_b)
        inverse = w.elements[element, 2, 0]
        modes = w.elements[inverse, 0]
        in_b, in_c = int64(w.modes[0, b_g]), int64(w.modes[0, c_g])
        b_h, c_h = modes[in_b] * slots + h, modes[in_c] * slots + h
        _permute(w, w.rows, b_h, w.elements[element, 1, modes[in_b]], w.rows, image_b)
        _permute(w, w.rows, c_g, w.elements[inverse, 1, in_c], w.rows, image_c)
        large = _add(w, new_b, b_g, image_b, other_sign)
        large |= _add(w, new_c, c_h, image_c, not is_opposite)
    if large:
        return False, 0
    if options.prefer_sparse:
        added = _entries(w, new_b) + _entries(w, new_c) - _entries(w, b_g) - _entries(w, c_h)
        if added > 0 and _random(w) >> uint64(64 - min(added, 63)) != uint64(0):
            return False, 0
    vanished = 0
    if _is_zero(w, new_b):
        _remove(w, g)
        vanished += 1
    else:
        _replace(w, b_g, new_b, options.is_simple)
    if _is_zero(w, new_c):
        _remove(w, h)
        vanished += 1
    else:
        _replace(w, c_h, new_c, options.is_simple)
    if options.cancels:
        vanished += _cancel(w, g) + _cancel(w, h)
    return True, vanished


@inlined
def _cancel(w, generator):
    """Removes a generator whose images are an even number of copies of each; returns whether."""
    if _is_zero(w, generator):
        return 0
    slots, copies = _slots(w), 0
    image = 3 * slots + 2
    for e in range(len(w.elements)):
        is_same = True
        for mode in range(3):
            if is_same:
                row = mode * slots + generator
                _permute(w, w.rows, row, w.elements[e, 1, mode], w.rows, image)
                other = w.elements[e, 0, mode] * slots + generator
                is_same = _is_same_up_to_sign(w, image, other)
        copies += is_same
    if copies % 2 == 1:
        return 0
    _remove(w, generator)
    return 1


@inlined
def _plus(w, options):
    """Splits two random terms into three: a plus transition; returns whether a slot was free.

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c', the second one an image.
    """
    slots = _slots(w)
    new_a, new_b, image = 3 * slots, 3 * slots + 1, 3 * slots + 4
    new_c = 3 * slots + 2
    for _ in range(ATTEMPTS):
        g, h = _below(_random(w), slots), _below(_random(w), slots)
        mode, element = _below(_random(w), 3), _below(_random(w), len(w.elements))
        is_negated = _random(w) & uint64(1) == uint64(1)
        if w.counts[1] == 0 or g == h or _is_zero(w, g) or _is_zero(w, h):
            continue
        for m in range(3):
            to = image + w.elements[element, 0, m]
            _permute(w, w.rows, m * slots + h, w.elements[element, 1, m], w.rows, to)
        in_b, in_c = (mode + 1) % 3, (mode + 2) % 3
        a_g, b_g, c_g = mode * slots + g, in_b * slots + g, in_c * slots + g
        if is_negated:
            _negate(w, image + in_b)
            _negate(w, image + in_c)
        large = _add(w, new_a, image + mode, a_g, True)
        large |= _add(w, new_b, b_g, image + in_b, False)
        large |= _add(w, new_c, image + in_c, c_g, True)
        # Terms that share a factor would give a zero one: leave those to flips.
        if large or _is_zero(w, new_a) or _is_zero(w, new_b) or _is_zero(w, new_c):
            continue
        w.counts[1] -= uint32(1)
        x = int64(w.free[w.counts[1]])
        for m, row in ((mode, a_g), (in_b, image + in_b), (in_c, new_c)):
            _copy(w, m * slots + x, row)
            _set_key(w, m * slots + x, options.is_simple)
            _link(w, m * slots + x)
        _replace(w, b_g, new_b, options.is_simple)
        _replace(w, mode * slots + h, new_a, options.is_simple)
        _replace(w, in_b * slots + h, image + in_b, options.is_simple)
        _replace(w, in_c * slots + h, image + in_c, options.is_simple)
        return True
    return False


@numba.njit(_nrt=False)
def _core(w, options, scheme, best, state):
    """Walks with one walker; its schemes, uint64 [L, D], and state, int64 [6], are changed."""
    _load(w, scheme, options.is_simple)
    if options.cancels:
        for generator in range(_slots(w)):
            _cancel(w, generator)
    rank = _slots(w) - int64(w.counts[1])
    checked = (CHECKED_SPARSE if options.prefer_sparse else CHECKED) - 1
    for number in range(1, options.tries + 1):
        state[AGE] += 1
        vanished = 0
        if w.counts[0] > 0:
            is_made, vanished = _flip(w, options)
            state[FLIPS] += is_made
        if vanished > 0:
            rank -= vanished
            state[AGE] = 0
        if rank < state[BEST_RANK] or (
            rank == state[BEST_RANK] and (number & checked == 0 or number == options.tries)
        ):
            weight = _weight(w)
            is_better = rank < state[BEST_RANK]
            if is_better or not options.prefer_sparse or weight <= state[BEST_WEIGHT]:
                if is_better or (options.prefer_sparse and weight < state[BEST_WEIGHT]):
                    state[IDLE] = -number
                _store(w, best)
                state[BEST_RANK], state[BEST_WEIGHT] = rank, weight
        if state[AGE] >= options.patience or w.counts[0] == 0:
            if rank >= state[BEST_RANK] + options.margin:
                _load(w, best, options.is_simple)
                rank = _slots(w) - int64(w.counts[1])
            rank += _plus(w, options)
            state[AGE] = 0
    state[IDLE] += options.tries
    state[RANK] = rank
    _store(w, scheme)


@numba.njit(nogil=True, cache=True)
def walk(group, sizes, options, terms, best, seeds, states):
    """Walks with some walkers, one after the other, on the calling thread.

    Args:
      group: (elements, lists, tables) as in `Work`.
      sizes: (P zeros, K zeros), see `Work`.
      options: of the walk.
      terms, best: the current and the best schemes, uint64 [W, 3·R, P·K]; they are changed.
      seeds: states of the random generators, uint64 [W]; they are changed.
      states: ranks and counters of each walker, int64 [W, 6]; they are changed.
    """
    rows, size = terms.shape[1], terms.shape[2]
    work = Work(
        np.zeros((rows + SPARE, size), np.uint64),
        np.zeros((rows + SPARE, size), np.uint64),
        np.zeros((2, rows), np.uint16),
        np.zeros((4, rows), np.uint16),
        np.zeros(3 * BUCKETS, np.uint16),
        np.zeros(rows, np.uint16),
        np.zeros(rows, np.uint16),
        np.zeros(2, np.uint32),
        np.zeros(rows // 3, np.uint16),
        np.zeros(1, np.uint64),
        group[0],
        group[1],
        group[2],
        sizes[0],
        sizes[1],
    )
    for row in range(rows):
        mode = row // (rows // 3)
        work.modes[0, row], work.modes[1, row] = mode, group[1][mode] * BUCKETS
    for number in range(len(terms)):
        work.seed[0] = seeds[number]
        _core(work, options, terms[number], best[number], states[number])
        seeds[number] = work.seed[0]
