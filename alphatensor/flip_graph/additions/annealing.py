"""Simulated annealing of the additions of a scheme: the loop, compiled by Numba."""

import inspect
import math
import zlib
from typing import NamedTuple

import numba
from numba import uint64

from alphatensor.flip_graph import rows
from alphatensor.flip_graph.additions import moves, sums
from alphatensor.flip_graph.additions.sums import FORMS, compiled


class Options(NamedTuple):
    """How a state is annealed.

    Attributes:
      steps: moves that are tried.
      hot, cold: the first and the last temperature, in additions; it falls linearly.
      basis, helpers: the shares of the moves that change a basis, and that add a helper; all others
        are flips.
      largest: the greatest absolute value of a coefficient that a move may bring into a factor.
    """

    steps: int
    hot: float
    cold: float
    basis: float
    helpers: float
    largest: int


@compiled
def _forms(state, work):
    """Counts the forms beside the inputs."""
    count = 0
    for mode in range(3):
        count += state.counts[mode, FORMS] - work.inputs[mode]
    return count


@compiled
def _touch(work, are_touched):
    for mode in range(3):
        work.is_touched[mode] = are_touched


@compiled
def _uniform(work):
    return float(rows.random(work) >> uint64(11)) / 9007199254740992.0


@compiled
def _move(state, work, options):
    for mode in range(3):
        if state.counts[mode, FORMS] + moves.most_new(work) > state.keys.shape[1]:
            return False
    drawn = _uniform(work)
    if drawn < options.basis:
        return moves.change_basis(state, work, options.largest)
    if drawn < options.basis + options.helpers:
        return moves.add_helper(state, work, options.largest)
    return moves.flip(state, work, options.largest)


@compiled
def _settle(state, work):
    for mode in range(3):
        if work.is_touched[mode]:
            sums.settle(state, work, mode)


@compiled
def _anneal(state, before, best, work, options, first, last):
    _touch(work, True)
    if first == 0:
        for mode in range(3):
            sums.relate_all(state, work, mode)
        _settle(state, work)
        sums.copy(state, best, work)
    sums.copy(state, before, work)
    here, fewest = _forms(state, work), _forms(best, work)
    for step in range(first, last):
        _touch(work, False)
        is_taken = _move(state, work, options)
        if is_taken:
            _settle(state, work)
            new = _forms(state, work)
            heat = options.hot + (options.cold - options.hot) * step / options.steps
            is_taken = new <= here or _uniform(work) < math.exp((here - new) / heat)
        if not is_taken:
            sums.copy(before, state, work)
            continue
        sums.copy(state, before, work)
        here = new
        if here < fewest:
            fewest = here
            _touch(work, True)
            sums.copy(state, best, work)


def _compiled(source: int):
    """Compiles `anneal`; the checksum of its modules is part of the key of Numba's cache on disk.

    Numba itself looks for changes in this file alone.
    """

    @numba.njit(nogil=True, cache=True)
    def anneal(state, before, best, work, options, first, last):
        """Makes some of the moves of an annealing, on the calling thread.

        Args:
          state: a `State` whose sets are closed; before the first move without table and relations.
          before: room for another one.
          best: the best one so far; before the first move room for it.
          work: a `Work`; its seed is changed.
          options: of the whole annealing.
          first, last: the number of the first move, and of the one after the last.

        Returns:
          The checksum.
        """
        _anneal(state, before, best, work, options, first, last)
        return source

    return anneal


anneal = _compiled(zlib.crc32("".join(map(inspect.getsource, (rows, sums, moves))).encode()))
