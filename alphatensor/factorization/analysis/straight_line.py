"""Straight-line programs for the linear parts of a bilinear algorithm, with shared sums.

The sums S_r = u_r·A, T_r = v_r·B and C_k = Σ_r w_kr M_r are rows of a matrix applied to blocks.
Greedy elimination of two-term sums that several rows hold (Paar 1997; Benson and Ballard 2015),
repeated with random tie-breaks, keeps the program with the fewest additions. Each matrix is also
tried transposed: a program for the transpose, run backwards, evaluates the matrix itself with
inputs - rows additions more (Tellegen's principle; Bürgisser et al. 1997, section 13.3).
"""

import functools
import random
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from alphatensor.factorization import Factorization

LARGEST_TRANSPOSED = 1500  # non-zeros; beyond, the rows of the transpose take too long to pair


class Program(NamedTuple):
    """Additions in order: step s forms symbol `inputs + s` = x_i + c·x_j from (i, j, c).

    outputs: for each row (symbol, scale), or (-1, 0) for an empty row.
    """

    inputs: int
    steps: tuple[tuple[int, int, int | Fraction], ...]
    outputs: tuple[tuple[int, int | Fraction], ...]


def straight_line(matrix: np.ndarray, trials: int = 20, seed: int = 0) -> Program:
    """The shortest program found that evaluates every row of `matrix` (rows, inputs).

    Args:
      matrix: integers or fractions.
      trials: random tie-breaks; 0 shares nothing.
    """
    rows = tuple(tuple(row) for row in np.asarray(matrix, dtype=object).tolist())
    return _straight_line(rows, trials, seed)


@functools.lru_cache(maxsize=256)
def _straight_line(rows, trials: int, seed: int) -> Program:
    rng = random.Random(seed)
    sparse = [{j: x for j, x in enumerate(row) if x} for row in rows]
    inputs = len(rows[0])
    programs = [_eliminate(sparse, inputs, rng, trials > 0) for _ in range(max(trials, 1))]
    if trials and sum(map(len, sparse)) <= LARGEST_TRANSPOSED:
        turned = [{i: r[j] for i, r in enumerate(sparse) if j in r} for j in range(inputs)]
        back = (_eliminate(turned, len(rows), rng, True) for _ in range(trials))
        programs += [transposed(p) for p in back]
    return min(programs, key=lambda p: len(p.steps))


def transposed(program: Program) -> Program:
    """The program of the transposed matrix: every edge of the graph of sums turned round."""
    incoming: list[list] = [[] for _ in range(program.inputs + len(program.steps))]
    steps: list[tuple] = []
    inputs = len(program.outputs)
    for k, (symbol, scale) in enumerate(program.outputs):
        if symbol >= 0:
            incoming[symbol].append((k, scale))

    def total(terms: list) -> tuple:
        if not terms:
            return (-1, 0)
        symbol, scale = terms[0]
        for other, c in terms[1:]:
            steps.append((symbol, other, _ratio(c, scale)))
            symbol = inputs + len(steps) - 1
        return symbol, scale

    for step in reversed(range(len(program.steps))):
        symbol, scale = total(incoming[program.inputs + step])
        i, j, c = program.steps[step]
        incoming[i].append((symbol, scale))
        incoming[j].append((symbol, scale * c))
    outputs = tuple(total(incoming[i]) for i in range(program.inputs))
    return Program(inputs, tuple(steps), outputs)


def additions(f: Factorization, trials: int = 20, seed: int = 0) -> tuple[int, int, int]:
    """Additions of the three linear parts after sharing: before on A and B, after on products."""
    return tuple(len(straight_line(x, trials, seed).steps) for x in (f.u.T, f.v.T, f.w))


def _ratio(x, y):
    return x * y if y in (1, -1) else Fraction(x) / Fraction(y)


def _pairs(row: dict):
    items = sorted(row.items())
    for a, (i, x) in enumerate(items):
        for j, y in items[a + 1 :]:
            yield i, j, _ratio(y, x)


def _eliminate(sparse, inputs: int, rng: random.Random, share: bool) -> Program:
    rows = [dict(row) for row in sparse]
    steps: list[tuple] = []
    counts = Counter(pair for row in rows for pair in _pairs(row)) if share else Counter()

    def merge(row: dict, pair) -> None:
        i, j, _ = pair
        row[symbol] = row.pop(i)
        del row[j]

    while counts:
        most = max(counts.values())
        if most < 2:
            break
        pair = rng.choice([key for key, count in counts.items() if count == most])
        symbol = inputs + len(steps)
        steps.append(pair)
        for row in rows:
            i, j, ratio = pair
            if i in row and j in row and _ratio(row[j], row[i]) == ratio:
                counts.subtract(_pairs(row))
                merge(row, pair)
                counts.update(_pairs(row))
        counts = +counts
    outputs = []
    for row in rows:
        while len(row) > 1:
            first, second = sorted(row)[:2]
            pair = (first, second, _ratio(row[second], row[first]))
            symbol = inputs + len(steps)
            steps.append(pair)
            merge(row, pair)
        outputs.append(next(iter(row.items()), (-1, 0)))
    return Program(inputs, tuple(steps), tuple(outputs))
