"""Straight-line programs for the linear parts of a bilinear algorithm, with shared sums.

The sums S_r = u_r·A, T_r = v_r·B and C_k = Σ_r w_kr M_r are rows of a matrix applied to blocks.
Greedy elimination of two-term sums that several rows hold (Paar 1997; Benson and Ballard 2015),
repeated with random tie-breaks, keeps the program with the fewest additions. Some repetitions look
one step ahead: of the sums that most rows hold they take the one after which most is left to share
(Mårtensson and Wagner 2024). Each matrix is also tried transposed: a program for the transpose, run
backwards, evaluates the matrix itself with inputs - rows additions more (Tellegen's principle;
Bürgisser et al. 1997, section 13.3).

Every count of shared additions in this project is the length of these programs.
"""

import collections
import functools
import random
from fractions import Fraction

import numpy as np

from alphatensor.factorization.analysis import programs
from alphatensor.factorization.analysis.programs import Number, Program
from alphatensor.factorization.core import Factorization

LOOK_AHEAD = 4  # every so manieth repetition looks ahead, which takes a few times as long
CANDIDATES = 8  # sums that are compared by what they leave
TRIALS = 20  # random tie-breaks, wherever a count or a program is asked for without a number
LARGEST_TRIED = 130  # rank; beyond, many tie-breaks take too long for one who waits
LARGEST_TRANSPOSED = 1500  # non-zeros; beyond, the rows of the transpose take too long to pair

Row = dict[int, int]  # symbol → place of its coefficient in a table of numbers
Pair = tuple[int, int, int]  # (i, j, place of c) stands for x_i + c·x_j


def straight_line(matrix: np.ndarray, trials: int = TRIALS, seed: int = 0) -> Program:
    """Returns the shortest program found that evaluates every row of `matrix` (rows, inputs).

    Args:
      matrix: integers or fractions.
      trials: random tie-breaks; 0 shares nothing.
      seed: seed of the tie-breaks.
    """
    rows = tuple(tuple(row) for row in np.asarray(matrix, dtype=object).tolist())
    return _straight_line(rows, trials, seed)


def shortest(f: Factorization, trials: int = TRIALS, seed: int = 0) -> tuple[Program, ...]:
    """Returns programs for u.T, v.T and w: the ones that `f` keeps, or shorter ones found now."""
    found = [straight_line(x, trials, seed) for x in (f.u.T, f.v.T, f.w)]
    pairs = zip(found, programs.kept(f) or found, strict=True)
    return tuple(min(pair, key=lambda p: len(p.steps)) for pair in pairs)


def soon(f: Factorization) -> tuple[Program, ...]:
    """Does what `shortest` does within seconds: with one tie-break for large ranks."""
    return shortest(f, TRIALS if f.rank <= LARGEST_TRIED else 1)


def additions(f: Factorization, trials: int = TRIALS, seed: int = 0) -> tuple[int, int, int]:
    """Counts the additions of the sums of A, of the sums of B and of C, with shared sums."""
    return tuple(len(p.steps) for p in shortest(f, trials, seed))


def transposed(program: Program) -> Program:
    """Returns the program of the transposed matrix: the graph of sums with its edges reversed."""
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


@functools.lru_cache(maxsize=256)
def _straight_line(rows: tuple[tuple, ...], trials: int, seed: int) -> Program:
    rng = random.Random(seed)
    sparse = [{j: x for j, x in enumerate(row) if x} for row in rows]
    inputs = len(rows[0])
    programs = _greedy_programs(sparse, inputs, trials, rng)
    if trials and sum(map(len, sparse)) <= LARGEST_TRANSPOSED:
        columns = [{i: r[j] for i, r in enumerate(sparse) if j in r} for j in range(inputs)]
        programs += map(transposed, _greedy_programs(columns, len(rows), trials, rng))
    return min(programs, key=lambda p: len(p.steps))


def _greedy_programs(
    sparse: list[dict[int, Number]], inputs: int, trials: int, rng: random.Random
) -> list[Program]:
    """Returns one program for each trial, or for no trials the one that shares nothing."""
    # A merged row keeps the coefficients that it had, so all ratios are known from the start.
    values = list(dict.fromkeys(x for row in sparse for x in row.values()))
    place = {x: k for k, x in enumerate(values)}
    ratios: dict[Number, int] = {}
    table = [[ratios.setdefault(_ratio(y, x), len(ratios)) for y in values] for x in values]
    rows = [{j: place[x] for j, x in row.items()} for row in sparse]
    start = _PairCounts(rows, table) if trials else None
    programs = []
    for trial in range(max(trials, 1)):
        work = [dict(row) for row in rows]
        candidates = CANDIDATES if trial % LOOK_AHEAD == 0 else 1
        steps = _shared_steps(work, inputs, start.copy(), rng, candidates) if start else []
        outputs = _unshared_steps(work, inputs, steps, table)
        numbers = list(ratios)
        named = ((i, j, numbers[c]) for i, j, c in steps)
        scaled = ((symbol, values[x] if symbol >= 0 else 0) for symbol, x in outputs)
        programs.append(Program(inputs, tuple(named), tuple(scaled)))
    return programs


class _PairCounts:
    """How many rows hold each pair, up to a factor.

    Attributes:
      table: place of the ratio y/x for the places of the coefficients x and y.
      pairs: the position of each pair.
      names: the pairs in the order in which they were met, which is that of their positions.
      counts: int32, the number of rows for each position; longer than `pairs`.
    """

    def __init__(self, rows: list[Row], table: list[list[int]]):
        self.table, self.pairs, self.names = table, {}, []
        self.counts = np.zeros(0, np.int32)
        met = []
        for row in rows:
            symbols = sorted(row)
            for a, i in enumerate(symbols):
                ratio = table[row[i]]
                met += [(i, j, ratio[row[j]]) for j in symbols[a + 1 :]]
        self._add(met)

    def copy(self) -> "_PairCounts":
        other = object.__new__(_PairCounts)
        other.table, other.pairs, other.names = self.table, dict(self.pairs), list(self.names)
        other.counts = self.counts.copy()
        return other

    def draw(self, rows: list[Row], rng: random.Random, candidates: int) -> Pair | None:
        """Draws one of the pairs that most rows hold, or None where no two rows share a pair.

        Of several random ones it is the one that leaves most to share.
        """
        most = self.counts.max(initial=0)
        if most < 2:
            return None
        positions = np.flatnonzero(self.counts == most).tolist()
        if candidates == 1 or len(positions) == 1:
            return self.names[rng.choice(positions)]
        drawn = rng.sample(positions, min(candidates, len(positions)))
        return max((self.names[k] for k in drawn), key=lambda pair: self.left_by(rows, pair))

    def left_by(self, rows: list[Row], pair: Pair) -> int:
        """Returns by how much merging a pair changes Σ (number of rows - 1) over shared pairs."""
        gone, new = self._changes(rows, pair, symbol=-1)
        change = sum(number - 1 for number in collections.Counter(new).values())
        for position, number in collections.Counter(gone).items():
            before = int(self.counts[position])
            change += max(before - number - 1, 0) - (before - 1)
        return change

    def merge(self, rows: list[Row], pair: Pair, symbol: int) -> None:
        """Replaces a pair by `symbol` in every row that holds it."""
        gone, new = self._changes(rows, pair, symbol)
        i, j, c = pair
        for row in rows:
            if i in row and j in row and self.table[row[i]][row[j]] == c:
                row[symbol] = row.pop(i)
                del row[j]
        np.subtract.at(self.counts, gone, 1)
        self._add(new)

    def _changes(self, rows: list[Row], pair: Pair, symbol: int) -> tuple[list[int], list[Pair]]:
        """Returns the positions of pairs that a merge takes from rows, and the pairs it adds."""
        i, j, c = pair
        table, pairs = self.table, self.pairs
        gone, new = [], []
        for row in rows:
            if i not in row or j not in row or table[row[i]][row[j]] != c:
                continue
            x, y = row[i], row[j]
            gone.append(pairs[pair])
            for k in sorted(row):
                if k in (i, j):
                    continue
                z = row[k]
                gone.append(pairs[(i, k, table[x][z]) if i < k else (k, i, table[z][x])])
                gone.append(pairs[(j, k, table[y][z]) if j < k else (k, j, table[z][y])])
                new.append((k, symbol, table[z][x]))
        return gone, new

    def _add(self, new: list[Pair]) -> None:
        pairs, names = self.pairs, self.names
        for pair in new:
            if pair not in pairs:
                pairs[pair] = len(names)
                names.append(pair)
        positions = [pairs[pair] for pair in new]
        if len(pairs) > len(self.counts):
            spare = np.zeros(2 * len(pairs) - len(self.counts), np.int32)
            self.counts = np.concatenate([self.counts, spare])
        np.add.at(self.counts, positions, 1)


def _shared_steps(
    rows: list[Row], inputs: int, counts: _PairCounts, rng: random.Random, candidates: int
) -> list[Pair]:
    """Merges pairs that several rows hold until there is none; returns them in order."""
    steps: list[Pair] = []
    while pair := counts.draw(rows, rng, candidates):
        counts.merge(rows, pair, inputs + len(steps))
        steps.append(pair)
    return steps


def _unshared_steps(
    rows: list[Row], inputs: int, steps: list[Pair], table: list[list[int]]
) -> list[tuple[int, int]]:
    """Adds up what is left in each row, from the left; returns the symbol and scale of each."""
    outputs = []
    for row in rows:
        while len(row) > 1:
            i, j = sorted(row)[:2]
            x, y = row.pop(i), row.pop(j)
            row[inputs + len(steps)] = x
            steps.append((i, j, table[x][y]))
        outputs.append(next(iter(row.items()), (-1, 0)))
    return outputs


def _ratio(x: Number, y: Number) -> Number:
    return x * y if y in (1, -1) else Fraction(x) / Fraction(y)
