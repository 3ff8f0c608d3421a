"""What two algorithms differ in, in one line."""

from alphatensor.factorization.analysis import costs, invariants, straight_line
from alphatensor.factorization.analysis.equivalence import Equivalence, equivalent
from alphatensor.factorization.core import Factorization


def difference(f: Factorization, g: Factorization) -> tuple[str, Equivalence | None]:
    """Compares rank, ring, coefficients, additions and invariants, and decides equivalence.

    Args:
      f, g: exact factorizations.

    Returns:
      One line, with what differs first and then what they share; and the decision, or None where
      it is not asked for: for different targets, and outside of real matrix products.
    """
    if f.sizes is None or g.sizes is None or sorted(f.sizes) != sorted(g.sizes):
        same = f.target.title == g.target.title
        titles = f.target.title if same else f"{f.target.title} and {g.target.title}"
        return _line(titles, _figures(f, g)), None
    title = f.target.title if f.sizes == g.sizes else f"{f.target.title} and {g.target.title}"
    pairs = _figures(f, g)
    if not (f.is_real and g.is_real):
        return _line(title, pairs), None
    if f.rank == g.rank and f.ring == g.ring:
        pairs["ranks of (U, V, W)"] = tuple(map(_distribution, (f, g)))
    found = equivalent(f, g)
    return f"{_line(title, pairs)}; {found.message}", found


def _figures(f: Factorization, g: Factorization) -> dict[str, tuple]:
    """Returns the figures that every two algorithms have, by their names."""
    one, other = (costs.measure(x, trials=0) for x in (f, g))
    pairs = {
        "rank": (f.rank, g.rank),
        "ring": (f.domain, g.domain),
        "largest coefficient": (one.largest_coefficient, other.largest_coefficient),
        "non-zeros": (sum(one.nonzeros), sum(other.nonzeros)),
        "additions": (one.additions_naive, other.additions_naive),
    }
    if f.is_real and g.is_real:
        shared = tuple(sum(len(p.steps) for p in straight_line.soon(x)) for x in (f, g))
        pairs["shared additions"] = shared
    return pairs


def _line(title: str, pairs: dict[str, tuple]) -> str:
    differing = [f"{name} {a} against {b}" for name, (a, b) in pairs.items() if a != b]
    shared = [f"{name} {a}" for name, (a, b) in pairs.items() if a == b]
    both = [f"both {', '.join(shared)}"] if shared else []
    return f"{title}: {'; '.join([', '.join(differing) or 'no figure differs', *both])}"


def _distribution(f: Factorization) -> str:
    return " ".join(f"{n}×{r}" for r, n in invariants.rank_distribution(f).items())
