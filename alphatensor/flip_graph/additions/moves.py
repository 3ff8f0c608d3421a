"""Moves between schemes with closed sets of forms; compiled by Numba.

Each keeps the sets closed, and adds few forms: a flip makes two factors from forms that are there.
A move returns whether it could be made. Where it could not, the state may be half-changed, and the
caller goes back to a copy.
"""

from numba import int64

from alphatensor.flip_graph.additions import sums
from alphatensor.flip_graph.additions.sums import FORMS, compiled

LARGEST_HELPER = 3  # coefficient of a form that no term uses; or as large as those of factors


@compiled
def most_new(work):
    """Returns how many forms a move may add to a mode before the closed set is settled."""
    return len(work.vector) + 2


@compiled
def _combine(state, work, mode, x, y, sign, largest):
    """Makes `work.vector` the form x + sign·y; returns whether it may be one, and is not zero."""
    greatest = 0
    for i in range(work.inputs[mode]):
        value = int64(state.entries[mode, x, i]) + sign * int64(state.entries[mode, y, i])
        if len(work.binary):
            value &= 1
        work.vector[i] = value
        greatest = max(greatest, abs(value))
    return 0 < greatest <= largest


@compiled
def _set(state, work, term, mode):
    """Makes `work.vector` the factor of a term."""
    number, sign = sums.add(state, work, mode)
    state.uses[mode, state.factors[mode, term]] -= 1
    state.factors[mode, term] = number
    state.uses[mode, number] += 1
    state.signs[term] *= sign


@compiled
def flip(state, work, largest):
    """Flips two terms that share a factor.

    s·a⊗b⊗c + s'·a⊗b'⊗c'  =  s·a⊗(b ± b')⊗c + s'·a⊗b'⊗(c' ∓ s s' c)
    """
    mode, first = sums.below(work, 3), sums.below(work, len(state.signs))
    shared = state.factors[mode, first]
    others = state.uses[mode, shared] - 1
    if others < 1:
        return False
    left = sums.below(work, others)
    second = -1
    for term in range(len(state.signs)):
        if state.factors[mode, term] == shared and term != first:
            if left == 0:
                second = term
            left -= 1
    word = sums.below(work, 4)
    sign = 1 - 2 * (word & 1)
    b = (mode + 1 + (word >> 1)) % 3
    c = 3 - mode - b
    opposite = -sign * state.signs[first] * state.signs[second]
    old = state.factors[c, first]
    if not _combine(state, work, c, state.factors[c, second], old, opposite, largest):
        return False
    if not _combine(
        state, work, b, state.factors[b, first], state.factors[b, second], sign, largest
    ):
        return False
    _set(state, work, first, b)
    _combine(state, work, c, state.factors[c, second], old, opposite, largest)
    _set(state, work, second, c)
    return True


@compiled
def add_helper(state, work, largest):
    """Adds a helper: the sum or difference of two forms."""
    mode = sums.below(work, 3)
    count = state.counts[mode, FORMS]
    x, y = sums.below(work, count), sums.below(work, count - 1)
    y += y >= x
    sign = 1 - 2 * sums.below(work, 2)
    if not _combine(state, work, mode, x, y, sign, max(largest, LARGEST_HELPER)):
        return False
    sums.add(state, work, mode)
    return True


@compiled
def _change(state, work, mode, axis, source, target, sign, largest):
    """Adds sign times one row or column (axis 0 or 1) of all forms of a mode to another."""
    inputs, columns = work.inputs[mode], work.sizes[(mode + 1) % 3]
    step, stride = (1, columns) if axis == 0 else (columns, 1)
    others = columns if axis == 0 else inputs // columns
    old = state.counts[mode, FORMS]
    work.is_touched[mode] = True
    # The inputs that change become forms, since they are not inputs any longer.
    for k in range(others):
        source_entry, target_entry = k * step + source * stride, k * step + target * stride
        for x in range(inputs, old):
            state.entries[mode, x, target_entry] += sign * state.entries[mode, x, source_entry]
            if len(work.binary):
                state.entries[mode, x, target_entry] &= 1
        new = state.counts[mode, FORMS]
        for i in range(inputs):
            state.entries[mode, new, i] = 0
        state.entries[mode, new, source_entry] = 1
        state.entries[mode, new, target_entry] = 1 if len(work.binary) else sign
        state.uses[mode, new] = state.uses[mode, source_entry]
        state.uses[mode, source_entry] = 0
        sums.use_instead(state, mode, source_entry, new)
        state.counts[mode, FORMS] = new + 1
    x = inputs
    while x < state.counts[mode, FORMS]:
        greatest = 0
        for i in range(inputs):
            greatest = max(greatest, abs(int64(state.entries[mode, x, i])))
        if greatest > (largest if state.uses[mode, x] else max(largest, LARGEST_HELPER)):
            return False
        if sums.hashed(state, work, mode, x) < 0:
            for term in range(len(state.signs)):
                if state.factors[mode, term] == x:
                    state.signs[term] = -state.signs[term]
        for i in range(inputs):
            if state.keys[mode, x] == state.keys[mode, i]:
                state.uses[mode, i] += state.uses[mode, x]
                sums.use_instead(state, mode, x, i)
                state.counts[mode, FORMS] -= 1
                sums.rename(state, work, mode, state.counts[mode, FORMS], x)
                x -= 1
                break
        x += 1
    sums.relate_all(state, work, mode)
    return True


@compiled
def change_basis(state, work, largest):
    """Changes a basis by an elementary matrix: rows of one mode, columns of the one before."""
    mode = sums.below(work, 3)
    size = work.sizes[mode]
    if size < 2:
        return False
    i, j = sums.below(work, size), sums.below(work, size - 1)
    j += j >= i
    sign = 1 - 2 * sums.below(work, 2)
    if not _change(state, work, mode, 0, i, j, sign, largest):
        return False
    return _change(state, work, (mode + 2) % 3, 1, j, i, -sign, largest)
