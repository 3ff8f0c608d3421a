"""The ways to multiply from which a kernel is chosen."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax

from alphatensor import rings
from alphatensor.factorization import Factorization, strassen
from alphatensor.factorization.library import store
from alphatensor.kernels import choice_cache, schedules
from alphatensor.kernels.compile import compile_matmul
from alphatensor.kernels.config import ACCURACIES

LEAST_BLOCK = 256  # rows and columns; smaller blocks never pay

Matmul = Callable[[jax.Array, jax.Array], jax.Array]


class Candidate(NamedTuple):
    """One way to multiply.

    Attributes:
      factorizations: one for each level, outermost first.
      schedule: name of the schedule, as in `KernelConfig`.
    """

    factorizations: tuple[Factorization, ...]
    schedule: str

    @property
    def name(self) -> str:
        """For example `2x2x2:7 2x2x2:7 unrolled`."""
        parts = [f"{'x'.join(map(str, f.sizes))}:{f.rank}" for f in self.factorizations]
        return " ".join([*parts, self.schedule])

    def compile(self, precision=None, accuracy: str = "fast") -> Matmul:
        """Returns the candidate's matmul(a, b), which is finite wherever `jnp.matmul` is."""
        return compile_matmul(
            self.factorizations,
            schedule=self.schedule,
            precision=precision,
            diagonal=ACCURACIES[accuracy],
            guard=True,
        )


def candidates(
    factorizations: Sequence[Factorization],
    shape: tuple[int, int, int],
    schedule_names: Sequence[str] = schedules.WORTH_TRYING,
) -> list[Candidate]:
    """Returns every factorization alone and with itself once more, in each schedule worth a try.

    Args:
      factorizations: algorithms over Z or Q, in any order of sizes.
      shape: (N, M, P) of the product.
      schedule_names: names of the schedules.
    """
    return [
        Candidate((f,) * levels, schedule)
        for f in factorizations
        for levels in (1, 2)
        if f.rank**levels <= choice_cache.MAX_RANK
        if all(x // s**levels >= LEAST_BLOCK for x, s in zip(shape, f.sizes, strict=True))
        for schedule in schedule_names
    ]


def default_factorizations() -> list[Factorization]:
    """Returns Strassen's algorithm and the library's over Z for the other formats up to 4x4x4.

    Strassen's has the sums with the fewest terms; the library's for 2x2x2 has fewer additions.
    """
    folder = store.default_folder()
    formats = itertools.product((2, 3, 4), repeat=3) if folder else ()
    found = (store.best(folder, sizes, rings.Integers()) for sizes in formats)
    return [strassen(), *(f for f in found if f is not None and f.sizes != (2, 2, 2))]
