"""The rings that factorisations live in: the integers and the integers mod primes.

This is the only module that knows how a residue is reduced. Elements of Z/p are stored as their
representatives in 0 .. p-1; integers are stored as they are.
"""

import dataclasses
from typing import TypeVar

ArrayT = TypeVar("ArrayT")

MAX_MODULUS = 46_337  # the largest prime whose products of two residues still fit in int32


@dataclasses.dataclass(frozen=True)
class Ring:
    """The integers (`modulus == 0`) or the field of integers mod a prime (`modulus == p`).

    Hashable, so it can be a static argument of a jitted function.
    """

    modulus: int = 0

    @property
    def name(self) -> str:
        """`'Z'`, or `'Z2'`, `'Z3'`, ... as used in file names and tables."""
        return f"Z{self.modulus}" if self.modulus else "Z"

    @property
    def is_modular(self) -> bool:
        return self.modulus != 0

    def reduce(self, x: ArrayT) -> ArrayT:
        """Maps integers (NumPy, JAX or Python) to the ring's representatives, entry by entry."""
        return x % self.modulus if self.modulus else x

    def inverses(self) -> list[int]:
        """The inverse of each residue of Z/p, indexed by residue; 0 stands for that of 0."""
        return [0] + [pow(x, -1, self.modulus) for x in range(1, self.modulus)]

    def __str__(self) -> str:
        return self.name


def Integers() -> Ring:  # noqa: N802 - reads as the ring it makes
    """The ring of integers ("standard arithmetic" in the paper)."""
    return Ring(0)


def IntegersMod(p: int) -> Ring:  # noqa: N802
    """The field of integers mod the prime `p` ("modular arithmetic"; the paper uses p = 2)."""
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
