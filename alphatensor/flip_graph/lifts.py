"""Lifts of schemes over Z2 to the integers, each tried once."""

from collections.abc import Callable

from alphatensor.factorization import Factorization, lift
from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.budgets import Clock


class LiftCache:
    """The lift to the integers of each scheme over Z2 that was tried, where it has one."""

    def __init__(self, clock: Clock, lift: Callable[[Factorization], Factorization | None] = lift):
        """Makes an empty cache.

        Args:
          clock: measures the seconds that may be spent.
          lift: returns a verified lift of a scheme, or None.
        """
        self._clock, self._lift = clock, lift
        self._lifts: dict[bytes, Factorization | None] = {}

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
        """Returns those schemes over Z2 that are known to lift to the integers.

        At least one that was not tried before is tried, and more until the seconds are over.
        """
        found, begin, tried = [], self._clock(), 0
        for f in schemes:
            if f.ring.is_modular and not self.was_tried(f):
                if tried and self._clock() - begin >= seconds:
                    continue
                lifted, tried = self._lift(f), tried + 1
                is_integral = lifted is not None and lifted.is_integral
                self._lifts[bitmasks.scheme_key(f)] = lifted if is_integral else None
            if self.lift_of(f) is not None:
                found.append(f)
        return found

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
