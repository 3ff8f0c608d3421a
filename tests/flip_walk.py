"""A minimal flip-graph walk over Z2: makes small factorizations for tests to work on.

Two terms that share a factor, a⊗b⊗c + a⊗b'⊗c', become a⊗(b+b')⊗c + a⊗b'⊗(c+c'); terms that turn
zero vanish (Kauers and Moosbauer 2022).
"""

import functools
import random

import numpy as np

from alphatensor import factorization as fz
from alphatensor import rings


@functools.cache
def found(sizes, rank, seed=0, steps=4_000_000):
    """A factorization over Z2 of that rank; raises `RuntimeError` if the walk does not reach it."""
    rng = random.Random(seed)
    f = fz.naive(sizes, rings.IntegersMod(2))
    bits = [1 << np.arange(len(x), dtype=object) for x in f.factors]
    codes = (list(b @ x) for b, x in zip(bits, f.factors, strict=True))
    terms = [list(t) for t in zip(*codes, strict=True)]
    number = len(terms)
    owners = [{}, {}, {}]
    for r, term in enumerate(terms):
        for mode in range(3):
            owners[mode].setdefault(term[mode], []).append(r)

    def change(r, mode, value):
        owners[mode][terms[r][mode]].remove(r)
        terms[r][mode] = value
        owners[mode].setdefault(value, []).append(r)

    for _ in range(steps):
        r, mode = rng.randrange(len(terms)), rng.randrange(3)
        same = owners[mode][terms[r][mode]]
        if len(same) < 2 or not terms[r][mode]:
            continue
        s = rng.choice(same)
        if s == r:
            continue
        b, c = (mode + 1) % 3, (mode + 2) % 3
        if rng.random() < 0.5:
            b, c = c, b
        change(r, b, terms[r][b] ^ terms[s][b])
        change(s, c, terms[s][c] ^ terms[r][c])
        for q in (r, s):
            if 0 in terms[q] and any(terms[q]):
                number -= 1
                for k in range(3):
                    change(q, k, 0)
        if number <= rank:
            kept = [t for t in terms if all(t)]
            factors = (
                np.array([[t[k] >> i & 1 for t in kept] for i in range(len(f.factors[k]))])
                for k in range(3)
            )
            return fz.from_arrays(sizes, f.ring, *factors, {"method": "flip graph walk"})
    raise RuntimeError(f"{sizes}: rank {number} after {steps} steps.")
