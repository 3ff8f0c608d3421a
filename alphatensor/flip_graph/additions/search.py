"""Algorithms of the same rank with fewer additions, and the sums that have so few."""

from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import programs, straight_line
from alphatensor.flip_graph.additions import annealing, states

STEPS = 1_000_000
HOT, COLD = 0.5, 0.1
BASIS = 0.02  # of the moves
HELPERS = 0.15
CALL = 20_000  # moves of one call of the kernel, after which Ctrl-C is seen


def takes(f: Factorization) -> bool:
    """Tells whether the additions of an algorithm can be annealed."""
    if (f.ring.is_modular and f.ring.name != "Z2") or not f.is_integral:
        return False
    return int(f.largest_coefficient) <= states.LARGEST


def fewer_additions(
    f: Factorization, steps: int = STEPS, seed: int = 0, hot: float = HOT
) -> Factorization:
    """Anneals the additions of an algorithm.

    Moves are flips, changes of basis by elementary matrices (A U B⁻¹, B V C⁻¹, C W A⁻¹) where the
    target is a matrix product, and sums that no product uses. Each is judged by the additions of a
    program that is kept up to date with it (see `sums`).

    Args:
      f: over Z, with coefficients up to `states.LARGEST`, or over Z2.
      steps: moves that are tried.
      seed: of all randomness.
      hot: the first temperature, in additions.

    Returns:
      A verified algorithm of the same rank, whose provenance keeps the programs for its sums
      (`analysis.programs.kept`); `f` itself where it has no more additions than what was found.

    Raises:
      ValueError: for an algorithm over another ring, with fractions or larger coefficients.
    """
    if not takes(f):
        expected = f"expected one over Z or Z2, with integers up to {states.LARGEST}"
        raise ValueError(f"factorization: one over {f.domain}, {expected}.")
    state, work = states.start(f, seed)
    before, best = states.copies(state, 2)
    basis = BASIS if f.sizes else 0.0
    options = annealing.Options(
        int(steps), float(hot), COLD, basis, HELPERS, int(f.largest_coefficient)
    )
    for first in range(0, max(options.steps, 1), CALL):
        last = min(first + CALL, options.steps)
        annealing.anneal(state, before, best, work, options, first, last)
    u, v, w = states.matrices(best, work)
    kept = states.programs(best, work)
    found = f.replace(u=f.ring.reduce(u), v=f.ring.reduce(v), w=f.ring.reduce(w))
    found = found.replace(provenance=f.provenance | {"programs": programs.record(kept)})
    if not (checked := found.verify()).ok or programs.kept(found) is None:
        raise RuntimeError(f"additions: a move changed the target: {checked.message}")
    before_all = sum(len(p.steps) for p in straight_line.soon(f))
    return found if sum(len(p.steps) for p in kept) < before_all else f
