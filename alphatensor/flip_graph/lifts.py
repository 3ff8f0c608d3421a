"""Lifts of schemes over Z2 or Z3 to the integers, else to fractions, each tried once."""

import collections
from collections.abc import Callable

from alphatensor.factorization import Factorization, lift
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.budgets import Clock
from alphatensor.targets import Sizes

FAMILY = "family"  # of a scheme's provenance: the kind of turn that found it


class LiftCache:
    """The lift to Z, or else to Q, of each scheme mod p that was tried, where it has one.

    Denominators are prime to p: a scheme with halves is none mod 2.
    """

    def __init__(self, clock: Clock, lift: Callable[[Factorization], Factorization | None] = lift):
        """Makes an empty cache.

        Args:
          clock: measures the seconds that may be spent.
          lift: returns a verified lift of a scheme, or None.
        """
        self._clock, self._lift = clock, lift
        self._lifts: dict[bytes, Factorization | None] = {}
        self._tries = collections.defaultdict(collections.Counter)  # by (sizes, family)

    def __len__(self) -> int:
        """Returns the number of schemes tried."""
        return len(self._lifts)

    def was_tried(self, f: Factorization) -> bool:
        """Says whether a scheme was tried."""
        return bitmasks.scheme_key(f) in self._lifts

    def has_failed(self, f: Factorization) -> bool:
        """Says whether a scheme was tried and has no lift that was found."""
        return self.was_tried(f) and self.lift_of(f) is None

    def lift_of(self, f: Factorization) -> Factorization | None:
        """Returns the lift of a scheme, None where it was not tried or has none."""
        return self._lifts.get(bitmasks.scheme_key(f))

    def lifting(self, schemes: list[Factorization], seconds: float) -> list[Factorization]:
        """Returns those schemes mod p that are known to lift.

        At least one that was not tried before is tried, and more until the seconds are over.
        """
        found, begin, tried = [], self._clock(), 0
        for f in schemes:
            if f.ring.is_modular and not self.was_tried(f):
                if tried and self._clock() - begin >= seconds:
                    continue
                lifted, tried = self._lift(f), tried + 1
                self._lifts[bitmasks.scheme_key(f)] = lifted
                of = tuple(sorted(f.sizes)) if f.sizes else f.target.name
                family = of, f.provenance.get(FAMILY, "others")
                self._tries[family].update([None if lifted is None else lifted.domain])
            if self.lift_of(f) is not None:
                found.append(f)
        return found

    def shares(self, sizes: Sizes) -> str:
        """Returns which share of a format's schemes lifts, for each family that was tried.

        For example "best 3 of 8, symmetric swap 0 of 4"; a family is the kind of turn that found
        the schemes.
        """
        return ", ".join(
            f"{family} {tries.total() - tries[None]} of {tries.total()}"
            for (of_sizes, family), tries in self._tries.items()
            if of_sizes == sizes
        )

    def promising(
        self, schemes: list[Factorization], lifting: list[Factorization]
    ) -> list[Factorization]:
        """Returns the schemes to go on from.

        Where most that were tried lift, those are all that have not failed, the untried too;
        otherwise only those that lift.

        Args:
          schemes: some schemes.
          lifting: those of them that are known to lift.
        """
        failed = {bitmasks.scheme_key(f) for f in schemes if self.has_failed(f)}
        if len(failed) > len(lifting) > 0:
            return lifting
        return [f for f in schemes if bitmasks.scheme_key(f) not in failed] or schemes
