"""The walkers' inner loop, compiled by Numba: one walker after the other, on one core.

A try draws an active row and another one of its ring (see `rows`), and flips their generators.
"""

import inspect
import zlib
from typing import NamedTuple

import numba
from numba import int64, uint16, uint32, uint64

from alphatensor.flip_graph import rows
from alphatensor.flip_graph.rows import FOLLOWING, NONE, inlined

CHECKED = 4_096  # tries, then a scheme as good as the best replaces it
CHECKED_SPARSE = 256  # the same where the sparsest counts as best
ATTEMPTS = 100  # at a plus transition
RANK, BEST_RANK, BEST_WEIGHT, AGE, IDLE, FLIPS = range(6)  # of a walker


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
def _load(w, scheme, is_simple):
    """Takes over a scheme, uint64 [L, D]."""
    w.heads[:] = uint16(NONE)
    w.places[:] = uint16(NONE)
    w.counts[:] = uint32(0)
    for row in range(len(scheme)):
        for d in range(scheme.shape[1]):
            w.rows[row, d] = scheme[row, d]
    for generator in range(rows.slots(w)):
        if rows.is_zero(w, generator):
            w.free[w.counts[1]] = uint16(generator)
            w.counts[1] += uint32(1)
        else:
            for mode in range(3):
                row = mode * rows.slots(w) + generator
                rows.set_key(w, row, is_simple)
                rows.link(w, row)


@inlined
def store(w, scheme):
    """Writes the factors to a scheme, uint64 [L, D]."""
    for row in range(len(scheme)):
        for d in range(scheme.shape[1]):
            scheme[row, d] = w.rows[row, d]


@inlined
def _weight(w):
    """Counts the entries of all factors that are not zero."""
    weight = 0
    for row in range(3 * rows.slots(w)):
        weight += rows.entries(w, row)
    return weight


@inlined
def _matching(w, first, second, image):
    """Finds an element whose image of the second row is the first, up to sign; of several, any.

    The image is left in the spare row of that number.
    """
    mode, other = int64(w.modes[0, first]), int64(w.modes[0, second])
    element = rows.below(rows.random(w), len(w.elements))
    for _ in range(len(w.elements)):
        if w.elements[element, 0, other] == mode:
            rows.permute(w, w.rows, second, w.elements[element, 1, other], w.rows, image)
            if rows.is_same_up_to_sign(w, first, image):
                break
        element = element + 1 if element + 1 < len(w.elements) else 0
    return element


@inlined
def draw(w):
    """Draws an active row, and another one of its ring."""
    word = rows.random(w)
    first = w.active[rows.below(word, w.counts[0])]
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
    slots = rows.slots(w)
    new_b, new_c, image_b, image_c = range(3 * slots, 3 * slots + 4)
    first, second, is_opposite = draw(w)
    g = first - int64(w.modes[0, first]) * slots
    h = second - int64(w.modes[0, second]) * slots
    if g == h:
        return False, 0
    b_g, c_g = rows.turned(w, first, 1), rows.turned(w, first, 2)
    b_h, c_h = rows.turned(w, second, 1), rows.turned(w, second, 2)
    other_sign = is_opposite
    if options.is_simple:
        other_sign ^= rows.has_other_sign(w, first, second)
        large = rows.add(w, new_b, b_g, b_h, other_sign)
        large |= rows.add(w, new_c, c_h, c_g, not is_opposite)
    else:
        element = _matching(w, first, second, image_b)
        other_sign ^= rows.has_other_sign(w, first, image_b)
        inverse = w.elements[element, 2, 0]
        modes = w.elements[inverse, 0]
        in_b, in_c = int64(w.modes[0, b_g]), int64(w.modes[0, c_g])
        b_h, c_h = modes[in_b] * slots + h, modes[in_c] * slots + h
        rows.permute(w, w.rows, b_h, w.elements[element, 1, modes[in_b]], w.rows, image_b)
        rows.permute(w, w.rows, c_g, w.elements[inverse, 1, in_c], w.rows, image_c)
        large = rows.add(w, new_b, b_g, image_b, other_sign)
        large |= rows.add(w, new_c, c_h, image_c, not is_opposite)
    if large:
        return False, 0
    if options.prefer_sparse:
        added = (
            rows.entries(w, new_b)
            + rows.entries(w, new_c)
            - rows.entries(w, b_g)
            - rows.entries(w, c_h)
        )
        if added > 0 and rows.random(w) >> uint64(64 - min(added, 63)) != uint64(0):
            return False, 0
    vanished = 0
    if rows.is_zero(w, new_b):
        rows.remove(w, g)
        vanished += 1
    else:
        rows.replace(w, b_g, new_b, options.is_simple)
    if rows.is_zero(w, new_c):
        rows.remove(w, h)
        vanished += 1
    else:
        rows.replace(w, c_h, new_c, options.is_simple)
    if options.cancels:
        vanished += _cancel(w, g) + _cancel(w, h)
    return True, vanished


@inlined
def _cancel(w, generator):
    """Removes a generator whose images are an even number of copies of each; returns whether."""
    if rows.is_zero(w, generator):
        return 0
    slots, copies = rows.slots(w), 0
    image = 3 * slots + 2
    for e in range(len(w.elements)):
        is_same = True
        for mode in range(3):
            if is_same:
                row = mode * slots + generator
                rows.permute(w, w.rows, row, w.elements[e, 1, mode], w.rows, image)
                other = w.elements[e, 0, mode] * slots + generator
                is_same = rows.is_same_up_to_sign(w, image, other)
        copies += is_same
    if copies % 2 == 1:
        return 0
    rows.remove(w, generator)
    return 1


@inlined
def _plus(w, options):
    """Splits two random terms into three: a plus transition; returns whether a slot was free.

    a⊗b⊗c + a'⊗b'⊗c'  =  a⊗(b+b')⊗c + a⊗b'⊗(c'-c) + (a'-a)⊗b'⊗c', the second one an image.
    """
    slots = rows.slots(w)
    new_a, new_b, image = 3 * slots, 3 * slots + 1, 3 * slots + 4
    new_c = 3 * slots + 2
    for _ in range(ATTEMPTS):
        g, h = rows.below(rows.random(w), slots), rows.below(rows.random(w), slots)
        mode, element = rows.below(rows.random(w), 3), rows.below(rows.random(w), len(w.elements))
        is_negated = rows.random(w) & uint64(1) == uint64(1)
        if w.counts[1] == 0 or g == h or rows.is_zero(w, g) or rows.is_zero(w, h):
            continue
        for m in range(3):
            to = image + w.elements[element, 0, m]
            rows.permute(w, w.rows, m * slots + h, w.elements[element, 1, m], w.rows, to)
        in_b, in_c = (mode + 1) % 3, (mode + 2) % 3
        a_g, b_g, c_g = mode * slots + g, in_b * slots + g, in_c * slots + g
        if is_negated:
            rows.negate(w, image + in_b)
            rows.negate(w, image + in_c)
        large = rows.add(w, new_a, image + mode, a_g, True)
        large |= rows.add(w, new_b, b_g, image + in_b, False)
        large |= rows.add(w, new_c, image + in_c, c_g, True)
        # Terms that share a factor would give a zero one: leave those to flips.
        if large or rows.is_zero(w, new_a) or rows.is_zero(w, new_b) or rows.is_zero(w, new_c):
            continue
        w.counts[1] -= uint32(1)
        x = int64(w.free[w.counts[1]])
        for m, row in ((mode, a_g), (in_b, image + in_b), (in_c, new_c)):
            rows.copy(w, m * slots + x, row)
            rows.set_key(w, m * slots + x, options.is_simple)
            rows.link(w, m * slots + x)
        rows.replace(w, b_g, new_b, options.is_simple)
        rows.replace(w, mode * slots + h, new_a, options.is_simple)
        rows.replace(w, in_b * slots + h, image + in_b, options.is_simple)
        rows.replace(w, in_c * slots + h, image + in_c, options.is_simple)
        return True
    return False


@numba.njit(_nrt=False)
def _core(w, options, scheme, best, state):
    """Walks with one walker; its schemes, uint64 [L, D], and state, int64 [6], are changed."""
    _load(w, scheme, options.is_simple)
    if options.cancels:
        for generator in range(rows.slots(w)):
            _cancel(w, generator)
    rank = rows.slots(w) - int64(w.counts[1])
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
                store(w, best)
                state[BEST_RANK], state[BEST_WEIGHT] = rank, weight
        if state[AGE] >= options.patience or w.counts[0] == 0:
            if rank >= state[BEST_RANK] + options.margin:
                _load(w, best, options.is_simple)
                rank = rows.slots(w) - int64(w.counts[1])
            rank += _plus(w, options)
            state[AGE] = 0
    state[IDLE] += options.tries
    state[RANK] = rank
    store(w, scheme)


def _compiled(source: int):
    """Compiles `walk`; the checksum of `rows` is part of the key of Numba's cache on disk.

    Numba itself looks for changes in this file alone.
    """

    @numba.njit(nogil=True, cache=True)
    def walk(work, options, terms, best, seeds, states):
        """Walks with some walkers, one after the other, on the calling thread.

        Args:
          work: arrays to work on, for this thread alone.
          options: of the walk.
          terms, best: the current and the best schemes, uint64 [W, 3·R, P·K]; they are changed.
          seeds: states of the random generators, uint64 [W]; they are changed.
          states: ranks and counters of each walker, int64 [W, 6]; they are changed.

        Returns:
          The checksum.
        """
        for number in range(len(terms)):
            work.seed[0] = seeds[number]
            _core(work, options, terms[number], best[number], states[number])
            seeds[number] = work.seed[0]
        return source

    return walk


walk = _compiled(zlib.crc32(inspect.getsource(rows).encode()))
