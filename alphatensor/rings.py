"""The rings that factorisations live in: the integers and the integers mod primes.

Elements of Z/p are stored as their representatives in 0 .. p-1, integers as they are;
`Ring.reduce` maps numbers to these. Exact linear algebra mod p reduces on its own.

`Integers()` and `IntegersMod(p)` make a ring, `parse("Z2")` reads its name.
"""

import dataclasses
from typing import TypeVar

ArrayT = TypeVar("ArrayT")

MAX_MODULUS = 46_337  # the largest prime whose products of two residues still fit in int32


@dataclasses.dataclass(frozen=True)
class Ring:
    """The integers or the field of integers mod a prime.

    A ring is hashable, so it can be a static argument of a jitted function.

    Attributes:
      modulus: the prime p, or 0 for the integers.
    """

    modulus: int = 0

    @property
    def name(self) -> str:
        """Returns `'Z'`, or `'Z2'`, `'Z3'`, ... as used in file names and tables."""
        return f"Z{self.modulus}" if self.modulus else "Z"

    @property
    def is_modular(self) -> bool:
        """Tells whether the ring is a field of integers mod a prime."""
        return self.modulus != 0

    def reduce(self, x: ArrayT) -> ArrayT:
        """Maps integers (NumPy, JAX or Python) to the ring's representatives, entry by entry."""
        return x % self.modulus if self.modulus else x

    def inverses(self) -> list[int]:
        """Returns the inverse of each residue of Z/p, by residue; 0 stands for that of 0."""
        return [0] + [pow(x, -1, self.modulus) for x in range(1, self.modulus)]

    def __str__(self) -> str:
        return self.name


def Integers() -> Ring:
    """Returns the ring of integers ("standard arithmetic" in Fawzi et al. 2022)."""
    return Ring(0)


def IntegersMod(p: int) -> Ring:
    """Returns the field of integers mod `p` ("modular arithmetic" in Fawzi et al. 2022: p = 2).

    Raises:
      ValueError: if `p` is not a prime up to `MAX_MODULUS`.
    """
    is_prime = isinstance(p, int) and p >= 2 and all(p % d for d in range(2, int(p**0.5) + 1))
    if not is_prime or p > MAX_MODULUS:
        raise ValueError(f"modulus {p!r}: expected a prime from 2 to {MAX_MODULUS}.")
    return Ring(p)


def parse(name: str) -> Ring:
    """Reads `'Z'` or `'Z<p>'` (for example `'Z2'`); raises `ValueError` for anything else."""
    if name == "Z":
        return Integers()
    if isinstance(name, str) and name.startswith("Z") and name[1:].isdigit() and len(name) < 10:
        return IntegersMod(int(name[1:]))
    raise ValueError(
        f"ring {name!r}: expected 'Z' for the integers, or 'Z2', 'Z3', ... mod primes."
    )
