"""A factorization of a target tensor, kept and checked in exact arithmetic.

`u`, `v`, `w` hold one column for each multiplication: Σ_r u_r ⊗ v_r ⊗ w_r = target. For matrix
multiplication (n, m, p) the shapes are (nm, R), (mp, R), (pn, R) in the symmetrised convention of
`alphatensor.targets`.
"""

import dataclasses
import fractions
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from alphatensor import rings, targets
from alphatensor.factorization import gaussian, sums

MAX_RANK = 1_000_000
_INT64_MAX = np.iinfo(np.int64).max
_EXACT_FLOAT64 = 2**53  # integers up to here are exact in float64


class Verification(NamedTuple):
    """Says whether a factorization is exact, and if not, where it fails first.

    Attributes:
      ok: whether the factors reproduce the target exactly.
      message: one line for people.
      index: (a, b, c) of the first wrong tensor entry, or None.
      found: the exact value there, or None.
      expected: the target's value there, or None.
    """

    ok: bool
    message: str
    index: tuple[int, int, int] | None = None
    found: int | fractions.Fraction | gaussian.Gaussian | None = None
    expected: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Factorization:
    """A rank-R factorization of a target over a ring, with where it came from.

    Attributes:
      target: the tensor, of shape (S_u, S_v, S_w).
      ring: the integers (which here include exact rationals and Gaussian rationals) or the
        integers mod a prime.
      u, v, w: read-only arrays of shapes (S_u, R), (S_v, R), (S_w, R). int64 where every entry
        fits, otherwise object arrays of Python `int`, `fractions.Fraction` and
        `gaussian.Gaussian`. Entries of a modular ring are stored as 0 .. p-1.
      provenance: how it was made, as a flat mapping that JSON can hold.

    Raises:
      ValueError: for shapes that do not fit the target, different ranks, rank 0, entries that are
        not exact numbers, or fractions in a modular ring. In one line.
    """

    target: targets.Target
    ring: rings.Ring
    u: np.ndarray
    v: np.ndarray
    w: np.ndarray
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        factors = []
        for name, size in zip("uvw", self.target.shape, strict=True):
            factor = exact_array(getattr(self, name), name)
            if factor.ndim != 2 or factor.shape[0] != size:
                raise ValueError(
                    f"{name} has shape {factor.shape}: expected ({size}, rank) for target "
                    f"{self.target.title}."
                )
            factors.append(factor)
        ranks = tuple(f.shape[1] for f in factors)
        if len(set(ranks)) != 1:
            raise ValueError(f"u, v, w have ranks {ranks}: expected one common rank.")
        if not 1 <= ranks[0] <= MAX_RANK:
            raise ValueError(f"rank {ranks[0]}: expected a rank from 1 to {MAX_RANK}.")
        for name, factor in zip("uvw", factors, strict=True):
            if self.ring.is_modular:
                if not sums.is_integral(factor):
                    raise ValueError(f"{name} holds fractions: ring {self.ring} has integers only.")
                factor = self.ring.reduce(factor).astype(np.int64)
            factor.flags.writeable = False
            object.__setattr__(self, name, factor)
        object.__setattr__(self, "provenance", dict(self.provenance))

    @property
    def rank(self) -> int:
        """Returns the number of multiplications."""
        return self.u.shape[1]

    @property
    def sizes(self) -> targets.Sizes | None:
        """Returns (n, m, p) of a matrix multiplication, None for any other target."""
        return self.target.sizes

    @property
    def factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns (u, v, w)."""
        return self.u, self.v, self.w

    @property
    def is_integral(self) -> bool:
        """Tells whether every entry is an integer."""
        return all(map(sums.is_integral, self.factors))

    @property
    def is_real(self) -> bool:
        """Tells whether no entry has an imaginary part."""
        return all(map(gaussian.is_real, self.factors))

    @property
    def nonzeros(self) -> tuple[int, int, int]:
        """Returns the numbers of entries of u, v and w that are not zero."""
        return tuple(int(np.count_nonzero(x)) for x in self.factors)

    @property
    def largest_coefficient(self) -> int | fractions.Fraction:
        """Returns the largest absolute value of an entry of u, v, w, or of one's two parts."""
        parts = [y for x in self.factors for y in (gaussian.parts(x) if not self.is_real else [x])]
        return max(_simplified(np.abs(x).max()) for x in parts)

    @property
    def domain(self) -> str:
        """Returns `'Z2'`, `'Z3'`, ... for modular rings, else `'Z'`, `'Q'` or `'Qi'`.

        `'Q'` has fractions, `'Qi'` numbers with an imaginary part.
        """
        if self.ring.is_modular or self.is_integral:
            return self.ring.name
        return "Q" if self.is_real else "Qi"

    def replace(self, **changes) -> "Factorization":
        """Copies the factorization with some fields changed, and checks it again."""
        return dataclasses.replace(self, **changes)

    def verify(self) -> Verification:
        """Compares Σ_r u_r ⊗ v_r ⊗ w_r with the target in exact arithmetic.

        A target with sizes, or with a name that defines a tensor, must have that tensor, which is
        built anew, whatever the target holds.

        Rationals are first scaled to integers. Where `Σ_r |u||v||w|` is proven to stay below 2^53
        (2^24) the sums are formed by float64 (float32) matrix products, which are then exact;
        otherwise they are formed modulo as many primes as the bound asks for. Values in a modular
        ring are compared mod p. Of Gaussian rationals the real and the imaginary part of the sum
        are compared, each a sum of real terms. Of a quadratic target the coefficients are compared.
        """
        target = self.target
        if (target.sizes or targets.means_known(target.name)) and not target.is_known:
            message = f"{target.title}: not a factorisation: its tensor is not that of its name."
            return Verification(ok=False, message=message)
        compare = sums.first_wrong_coefficient if target.is_quadratic else sums.first_wrong_entry
        index = compare(self.factors, target.tensor, self.ring.modulus)
        where = f"{target.title} in rank {self.rank} over {self.domain}"
        if index is None:
            return Verification(ok=True, message=f"{where}: exact.")
        a, b, c = index
        places = {(a, b, c), (b, a, c)} if target.is_quadratic else {index}
        found = _simplified(self.ring.reduce(sum(map(self._entry, places))))
        expected = self.ring.reduce(sum(int(target.tensor[place]) for place in places))
        return Verification(
            ok=False,
            message=f"{where}: not a factorisation: entry {index} is {found}, expected {expected}.",
            index=index,
            found=found,
            expected=expected,
        )

    def _entry(self, index: sums.Index):
        """Returns an entry of Σ_r u_r ⊗ v_r ⊗ w_r."""
        rows = (f[i].tolist() for f, i in zip(self.factors, index, strict=True))
        return sum(map(math.prod, zip(*rows, strict=True)))


def matmul_target(n: int, m: int, p: int) -> targets.Target:
    """Returns `targets.matmul`, shared between factorizations so that a long list stays small."""
    return targets.named(targets.format_name((n, m, p)))


def from_arrays(
    sizes: targets.Sizes, ring: rings.Ring, u, v, w, provenance: Mapping | None = None
) -> Factorization:
    """Makes a matrix multiplication factorization from its sizes (n, m, p) and three arrays."""
    return Factorization(matmul_target(*sizes), ring, u, v, w, provenance or {})


def exact_array(values, name: str = "array") -> np.ndarray:
    """Copies numbers to int64, or to Python ints and Fractions where int64 cannot hold them.

    Floats are accepted if they are integers or the nearest float to a fraction with a denominator
    of at most 1000.

    Raises:
      ValueError: naming the array, the entry and the reason.
    """
    array = np.asarray(values)
    if array.dtype.kind == "b" or array.dtype.kind == "i":
        return array.astype(np.int64)
    if array.dtype.kind == "u" and (array.size == 0 or int(array.max()) <= _INT64_MAX):
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            entry = tuple(int(i) for i in np.argwhere(~finite)[0])
            raise ValueError(f"{name}{list(entry)} is {array[entry]}: expected a finite number.")
        if np.all(array == np.rint(array)) and np.all(np.abs(array) < _EXACT_FLOAT64):
            return array.astype(np.int64)
    if array.dtype.kind == "c":
        parts = (exact_array(x, name) for x in (array.real, array.imag))
        return exact_array(gaussian.join(*parts), name)
    if array.dtype.kind not in "fuO":
        raise ValueError(f"{name} has dtype {array.dtype}: expected integers or fractions.")
    exact = np.empty(array.shape, object)
    for entry in np.ndindex(array.shape):
        exact[entry] = _exact_number(array[entry], name, entry)
    if all(isinstance(x, int) and abs(x) <= _INT64_MAX for x in exact.flat):
        return exact.astype(np.int64)
    return exact


def _exact_number(x, name: str, entry: tuple[int, ...]):
    if isinstance(x, (int, np.integer, np.bool_)):
        return int(x)
    if isinstance(x, gaussian.Gaussian):
        return x
    if isinstance(x, fractions.Fraction):
        return _simplified(x)
    if isinstance(x, (float, np.floating)) and np.isfinite(x):
        kind = type(x)
        simple = fractions.Fraction(float(x)).limit_denominator(1000)
        if kind(simple.numerator / simple.denominator) == x:
            return _simplified(simple)
    place = f"{name}{list(int(i) for i in entry)}"
    if isinstance(x, (float, np.floating)):
        raise ValueError(f"{place} is {x}: expected an integer or a simple fraction.")
    raise ValueError(f"{place} is of type {type(x).__name__}: expected an integer or a fraction.")


def _simplified(x):
    return x if isinstance(x, gaussian.Gaussian) else gaussian.simplified(x)
