"""The rows of a scheme, among which equal factors are found at once; compiled by Numba.

A scheme lies in *rows* of 64-bit words: row m·R + g is the factor of mode m of generator g. Rows
with equal factors (up to sign, and to the images of a symmetry) have to be found at once, whatever
the number of terms. So each row has a *key*, the least of its factor's images. A hash table finds
equal keys, and the rows that share one form a ring; those that are not alone are *active*.

Numba counts references to arrays wherever it may free memory, which takes ten times as long as a
flip. Nothing here allocates, so `kernel` calls it without memory management.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import int64, uint16, uint32, uint64

from alphatensor.flip_graph.groups import Tables

NONE = 65_535  # in place of the number of a row
BUCKETS = 2_048  # of the hash table, for each list of rows that may share factors
SPARE = 7  # rows after those of the scheme: new factors (0, 1), images (2, 3), an image (4 to 6)
BEFORE, AFTER, PREVIOUS, FOLLOWING = range(4)  # of a row in its bucket, and in its ring

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
      wraps: one zero where 1 + 1 = -1, over Z3; else nothing.
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
    wraps: tuple[int, ...]


def work(slots: int, planes: int, words: int, group: Tables, wraps: bool = False) -> Work:
    """Makes the arrays for schemes of R = `slots` terms, with P planes of K words each.

    With `wraps` two planes are those of Z3.
    """
    length, size = 3 * slots, planes * words
    modes = np.repeat([[0, 1, 2], group.lists * BUCKETS], slots, axis=1)
    return Work(
        rows=np.zeros((length + SPARE, size), np.uint64),
        keys=np.zeros((length + SPARE, size), np.uint64),
        modes=modes.astype(np.uint16),
        links=np.zeros((4, length), np.uint16),
        heads=np.zeros(3 * BUCKETS, np.uint16),
        active=np.zeros(length, np.uint16),
        places=np.zeros(length, np.uint16),
        counts=np.zeros(2, np.uint32),
        free=np.zeros(slots, np.uint16),
        seed=np.ones(1, np.uint64),
        elements=group.elements,
        lists=group.lists,
        tables=group.tables,
        planes=(0,) * planes,
        words=(0,) * words,
        wraps=(0,) * wraps,
    )


@inlined
def random(w):
    """Returns the next word of Marsaglia's xorshift64 generator."""
    x = w.seed[0]
    x ^= x << uint64(13)
    x ^= x >> uint64(7)
    x ^= x << uint64(17)
    w.seed[0] = x
    return x


@inlined
def below(word, n):
    """Maps a random word to an integer below n, by its high bits."""
    return int64(((word >> uint64(32)) * uint64(n)) >> uint64(32))


@inlined
def slots(w):
    return len(w.free)


@inlined
def turned(w, row, modes):
    """Returns the same generator's row some modes further."""
    row = int64(row) + modes * slots(w)
    return row - 3 * slots(w) if row >= 3 * slots(w) else row


@inlined
def bucket_of(w, row):
    mixed = uint64(0)
    for d in range(len(w.planes) * len(w.words)):
        mixed = (mixed ^ (mixed >> uint64(29)) ^ w.keys[row, d]) * uint64(0x9E3779B97F4A7C15)
    return int64(mixed >> uint64(53)) + int64(w.modes[1, row])


@inlined
def is_zero(w, row):
    found = uint64(0)
    for k in range(len(w.words)):
        found |= w.rows[row, k]
    return found == uint64(0)


@inlined
def same_key(w, x, y):
    differs = uint64(0)
    for d in range(len(w.planes) * len(w.words)):
        differs |= w.keys[x, d] ^ w.keys[y, d]
    return differs == uint64(0)


@inlined
def copy(w, to, row):
    for d in range(len(w.planes) * len(w.words)):
        w.rows[to, d] = w.rows[row, d]


@inlined
def entries(w, row):
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
def add(w, to, x, y, negated):
    """Adds two factors, or subtracts them; says whether an entry leaves {-1, 0, 1}.

    Over Z3 none does.
    """
    overflow, number = uint64(0), len(w.words)
    for k in range(number):
        xs, ys = w.rows[x, k], w.rows[y, k]
        if len(w.planes) == 2:
            xn, yn = w.rows[x, number + k], w.rows[y, number + k]
            if negated:
                yn ^= ys
            doubled = xs & ys & ~(xn ^ yn)
            if len(w.wraps) == 1:
                w.rows[to, number + k] = ((xn | yn) & (xs ^ ys)) | (doubled & ~xn)
                w.rows[to, k] = (xs ^ ys) | doubled
            else:
                overflow |= doubled
                w.rows[to, number + k] = (xn | yn) & (xs ^ ys)
                w.rows[to, k] = xs ^ ys
        else:
            w.rows[to, k] = xs ^ ys
    return overflow != uint64(0)


@inlined
def negate(w, row):
    if len(w.planes) == 2:
        for k in range(len(w.words)):
            w.rows[row, len(w.words) + k] ^= w.rows[row, k]


@inlined
def permute(w, source, row, table, out, to):
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
def sign_key(w, row):
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
def set_key(w, row, is_simple):
    """Sets the key of a row: the least of its images in the first mode of its list."""
    size = len(w.planes) * len(w.words)
    if is_simple:
        for d in range(size):
            w.keys[row, d] = w.rows[row, d]
        sign_key(w, row)
        return
    mode, image, is_first = int64(w.modes[0, row]), len(w.keys) - 1, True
    for e in range(len(w.elements)):
        if w.elements[e, 0, mode] != w.lists[mode]:
            continue
        permute(w, w.rows, row, w.elements[e, 1, mode], w.keys, image)
        sign_key(w, image)
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
def activate(w, row):
    number = w.counts[0]
    w.places[row] = uint16(number)
    w.active[number] = uint16(row)
    w.counts[0] = number + uint32(1)


@inlined
def deactivate(w, row):
    number = w.counts[0] - uint32(1)
    place, last = w.places[row], w.active[number]
    w.active[place] = last
    w.places[last] = place
    w.places[row] = uint16(NONE)
    w.counts[0] = number


@inlined
def unlink(w, row):
    """Takes a row out of its bucket and its ring."""
    before, after = w.links[BEFORE, row], w.links[AFTER, row]
    if before != NONE:
        w.links[AFTER, before] = after
    else:
        w.heads[bucket_of(w, row)] = after
    if after != NONE:
        w.links[BEFORE, after] = before
    following = w.links[FOLLOWING, row]
    if following != row:
        previous = w.links[PREVIOUS, row]
        w.links[FOLLOWING, previous] = following
        w.links[PREVIOUS, following] = previous
        deactivate(w, row)
        if following == previous:
            deactivate(w, following)


@inlined
def link(w, row):
    """Puts a row with its key into its bucket and its ring."""
    bucket = bucket_of(w, row)
    first = w.heads[bucket]
    other = first
    while other != NONE and not same_key(w, other, row):
        other = w.links[AFTER, other]
    if other != NONE:
        following = w.links[FOLLOWING, other]
        if following == other:
            activate(w, other)
        w.links[FOLLOWING, row], w.links[PREVIOUS, row] = following, other
        w.links[FOLLOWING, other], w.links[PREVIOUS, following] = uint16(row), uint16(row)
        activate(w, row)
    else:
        w.links[PREVIOUS, row] = w.links[FOLLOWING, row] = uint16(row)
    w.links[BEFORE, row], w.links[AFTER, row] = uint16(NONE), first
    if first != NONE:
        w.links[BEFORE, first] = uint16(row)
    w.heads[bucket] = uint16(row)


@inlined
def replace(w, row, new, is_simple):
    """Gives a row the factor of another one."""
    unlink(w, row)
    copy(w, row, new)
    set_key(w, row, is_simple)
    link(w, row)


@inlined
def remove(w, generator):
    """Frees the slot of a generator."""
    for mode in range(3):
        row = mode * slots(w) + generator
        unlink(w, row)
        for d in range(len(w.planes) * len(w.words)):
            w.rows[row, d] = uint64(0)
    w.free[w.counts[1]] = uint16(generator)
    w.counts[1] += uint32(1)


@inlined
def is_same_up_to_sign(w, x, y):
    differs, same, opposite = uint64(0), uint64(0), uint64(0)
    for k in range(len(w.words)):
        differs |= w.rows[x, k] ^ w.rows[y, k]
        if len(w.planes) == 2:
            sign = w.rows[x, len(w.words) + k] ^ w.rows[y, len(w.words) + k]
            same |= sign
            opposite |= sign ^ w.rows[x, k]
    return differs == uint64(0) and (same == uint64(0) or opposite == uint64(0))


@inlined
def has_other_sign(w, x, y):
    """Says whether two factors that are equal up to sign differ in it."""
    differs = uint64(0)
    if len(w.planes) == 2:
        for k in range(len(w.words)):
            differs |= w.rows[x, len(w.words) + k] ^ w.rows[y, len(w.words) + k]
    return differs != uint64(0)
