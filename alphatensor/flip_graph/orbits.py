"""The inner loop over Z2 for walks that keep a group of permutations and flip all terms.

The group is abelian, of order 2, 4 or 8, and permutes the entries of each mode. A generator stands
for the different images of one term: as many as the group has elements for each one in its
*stabilizer*, the subgroup whose elements leave all three factors as they are. Two generators with
the stabilizers G and H, K = G ∩ H, that share a factor a have this flip, which leaves the sum of
all images as it is; tr_G/K x is the sum of the images of x under representatives of G/K:

    a⊗b⊗c, a⊗b'⊗c'  ->  a⊗(b + tr_G/K b')⊗c, a⊗b'⊗(c' - tr_H/K c)

Where two factors come to share a larger stabilizer H than the whole term, G, it becomes one with
the third factor tr_H/G c and fewer images; one whose three factors do adds up to nothing, as it
counts an even number of times. A plus transition splits two generators of one stabilizer into
three, or gives a generator a stabilizer half as large. Ranks count terms, not generators.
"""

import inspect
import zlib

import numba
from numba import int64, uint32, uint64

from alphatensor.flip_graph import kernel, rows
from alphatensor.flip_graph.kernel import AGE, ATTEMPTS, BEST_RANK, CHECKED, FLIPS, IDLE, RANK
from alphatensor.flip_graph.rows import inlined


@inlined
def _image(w, row, element, to):
    """Writes the image of a row under an element to another row."""
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
def _is_below_key(w, x, row):
    for d in range(len(w.words)):
        if w.rows[x, d] != w.keys[row, d]:
            return w.rows[x, d] < w.keys[row, d]
    return False


@inlined
def _trace(w, o, row, larger, smaller, mode, to):
    """Writes the sum of a row's images, one for each coset, to another row."""
    image = len(w.rows) - 1
    rows.copy(w, to, row)
    for number in range(1, o.index[larger, smaller]):
        element = o.cosets[larger, smaller, number]
        rows.permute(w, w.rows, row, w.elements[element, 1, mode], w.rows, image)
        _add(w, to, image)


@inlined
def _insert(w, o, row):
    """Links a row by its key, the least of its factor's images."""
    image, stabilizer = len(w.rows) - 1, 1
    for d in range(len(w.words)):
        w.keys[row, d] = w.rows[row, d]
    for element in range(1, len(w.elements)):
        _image(w, row, element, image)
        if _is_equal(w, row, image):
            stabilizer |= 1 << element
        elif _is_below_key(w, image, row):
            for d in range(len(w.words)):
                w.keys[row, d] = w.rows[image, d]
    o.of_rows[row] = o.numbers[stabilizer]
    rows.link(w, row)


@inlined
def _replace(w, o, row, new):
    rows.unlink(w, row)
    rows.copy(w, row, new)
    _insert(w, o, row)


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
            o.of_generators[generator] = _common(w, o, generator)
            rank += o.images[o.of_generators[generator]]
    return rank


@inlined
def _common(w, o, generator):
    """Returns the subgroup that fixes all three factors of a generator."""
    number = rows.slots(w)
    first = o.meet[o.of_rows[generator], o.of_rows[number + generator]]
    return o.meet[first, o.of_rows[2 * number + generator]]


@inlined
def _change(w, o, row, new):
    """Gives a generator a new factor; returns by how many terms its orbit becomes smaller."""
    generator = row - int64(w.modes[0, row]) * rows.slots(w)
    if rows.is_zero(w, new):
        rows.remove(w, generator)
        return o.images[o.of_generators[generator]]
    _replace(w, o, row, new)
    return _settle(w, o, generator)


@inlined
def _settle(w, o, generator):
    """Merges images of a generator that share two factors; returns how many terms vanish."""
    number, total = rows.slots(w), len(w.rows) - 2
    fallen, mode = 0, 0
    held = o.of_generators[generator]
    a, b = o.of_rows[generator], o.of_rows[number + generator]
    c = o.of_rows[2 * number + generator]
    if o.meet[a, b] == held and o.meet[b, c] == held and o.meet[c, a] == held:
        return 0
    if o.meet[o.meet[a, b], c] != held:
        rows.remove(w, generator)
        return o.images[held]
    while mode < 3:
        row = mode * number + generator
        x, y = rows.turned(w, row, 1), rows.turned(w, row, 2)
        both = o.meet[o.of_rows[x], o.of_rows[y]]
        if both == held:
            mode += 1
            continue
        _trace(w, o, row, both, held, mode, total)
        if rows.is_zero(w, total):
            rows.remove(w, generator)
            return fallen + o.images[held]
        _replace(w, o, row, total)
        fallen += o.images[held] - o.images[both]
        held = both
        o.of_generators[generator] = held
        mode = 0
        if _common(w, o, generator) != held:
            rows.remove(w, generator)
            return fallen + o.images[held]
    return fallen


@inlined
def _flip(w, o):
    """Flips two generators; returns by how many terms the rank fell."""
    number = rows.slots(w)
    new_b, new_c, image_b, image_c = range(3 * number, 3 * number + 4)
    first, second, _ = kernel.draw(w)
    mode = int64(w.modes[0, first])
    g, h = first - mode * number, second - mode * number
    element = 0
    if o.of_rows[first] != 0:  # of several that map one to the other, any
        element = rows.below(rows.random(w), len(w.elements))
    for _ in range(len(w.elements)):
        _image(w, second, element, image_b)
        if _is_equal(w, first, image_b):
            break
        element = element + 1 if element + 1 < len(w.elements) else 0
    of_g, of_h = o.of_generators[g], o.of_generators[h]
    of_both = o.meet[of_g, of_h]
    b_g, c_g = rows.turned(w, first, 1), rows.turned(w, first, 2)
    b_h, c_h = rows.turned(w, second, 1), rows.turned(w, second, 2)
    _image(w, b_h, element, image_b)
    _image(w, c_g, w.elements[element, 2, 0], image_c)
    if of_g != of_both:
        _trace(w, o, image_b, of_g, of_both, int64(w.modes[0, b_g]), new_b)
        image_b = new_b
    if of_h != of_both:
        _trace(w, o, image_c, of_h, of_both, int64(w.modes[0, c_g]), new_c)
        image_c = new_c
    _add(w, image_b, b_g)
    _add(w, image_c, c_h)
    return _change(w, o, b_g, image_b) + _change(w, o, c_h, image_c)


@inlined
def _part(w, o, g, h, mode, smaller):
    """Gives a generator a stabilizer half as large; returns by how many terms the rank rose.

    One factor becomes an x of which it is the trace. To one such x, tr y is added, where y comes
    from the factor of another generator.
    """
    number = rows.slots(w)
    x, y, total = 3 * number, 3 * number + 1, len(w.rows) - 2
    row, other, held = mode * number + g, mode * number + h, o.of_generators[g]
    for d in range(len(w.words)):
        w.rows[x, d] = w.rows[row, d] & o.halves[held, smaller, mode, d]
    _trace(w, o, x, held, smaller, mode, total)
    if not _is_equal(w, total, row):
        return 0
    _trace(w, o, other, smaller, o.meet[smaller, o.of_rows[other]], mode, y)
    _trace(w, o, y, held, smaller, mode, total)
    _add(w, x, total)
    _replace(w, o, row, x)
    o.of_generators[g] = smaller
    return o.images[smaller] - o.images[held]


@inlined
def _split(w, o, g, h, mode, element):
    """Splits two generators of one stabilizer into three; returns by how many terms the rank rose.

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
    for row, new in ((a_g, a_g), (b_g, image_b), (c_g, new_c)):
        rows.copy(w, row - g + x, new)
        _insert(w, o, row - g + x)
    o.of_generators[x] = o.of_generators[g]
    _replace(w, o, b_g, new_b)
    _replace(w, o, a_h, new_a)
    _replace(w, o, b_h, image_b)
    _replace(w, o, c_h, image_c)
    rise = o.images[o.of_generators[g]]
    return rise - _settle(w, o, x) - _settle(w, o, g) - _settle(w, o, h)


@inlined
def _plus(w, o):
    """Splits random generators; returns by how many terms the rank rose."""
    number = rows.slots(w)
    for _ in range(ATTEMPTS):
        g, h = rows.below(rows.random(w), number), rows.below(rows.random(w), number)
        mode, word = rows.below(rows.random(w), 3), rows.random(w)
        if g == h or rows.is_zero(w, g) or rows.is_zero(w, h):
            continue
        of_g, is_alike = o.of_generators[g], o.of_generators[g] == o.of_generators[h]
        risen = 0
        if of_g != 0 and (not is_alike or word & uint64(3) == uint64(0)):
            smaller = rows.below(word, len(o.images))
            if o.index[of_g, smaller] == 2:
                risen = _part(w, o, g, h, mode, smaller)
        elif is_alike and w.counts[1] > 0:
            risen = _split(w, o, g, h, mode, rows.below(word, len(w.elements)))
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
