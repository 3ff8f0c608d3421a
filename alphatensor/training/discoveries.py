"""What a round of games found: verified algorithms in the canonical basis, and which are new."""

from typing import NamedTuple

import jax
import numpy as np

from alphatensor.agent import self_play
from alphatensor.factorization import Factorization, canonical, lift
from alphatensor.training.settings import Settings


class Played(NamedTuple):
    """What the host needs of a round of games, leaves [B, ...], see `self_play.Games`."""

    actions: jax.Array
    length: jax.Array
    solved: jax.Array
    target: jax.Array
    inverse: jax.Array
    returns: jax.Array


def of_games(games: self_play.Games) -> Played:
    played = Played(*(getattr(games, name) for name in Played._fields))
    return played._replace(returns=games.returns[:, 0])


def factorization_of(played: Played, index: int, settings: Settings) -> Factorization | None:
    """Game `index`, if solved, as a factorisation in the canonical basis; None if it is wrong.

    The check is exact and independent of the game: the factors must sum to the target.
    """
    ring = settings.agent.rules.ring
    target = settings.targets[int(played.target[index])]
    actions = np.array(played.actions[index, : played.length[index]], np.int64)
    matrices = np.array(played.inverse[index], np.int64)
    factors = ring.reduce(np.einsum("mij,tmj->mit", matrices, actions))
    useful = np.all(np.any(factors != 0, axis=1), axis=0)
    u, v, w = (factors[mode, :size][:, useful] for mode, size in enumerate(target.shape))
    found = Factorization(target, ring, u, v, w, {})
    return canonical(found) if found.verify().ok else None


def new_records(played: Played, best: list[int | None], settings: Settings, provenance: dict):
    """Verified factorisations of this round that beat the best of their target; updates `best`."""
    found = []
    order = np.argsort(np.where(played.solved, played.length, np.iinfo(np.int32).max))
    for index in order[: int(np.sum(played.solved))]:
        target = int(played.target[index])
        if best[target] is None or played.length[index] < best[target]:
            candidate = factorization_of(played, index, settings)
            if candidate is not None:
                found += record(candidate.replace(provenance=provenance), target, best, settings)
    return found


def solved_games(played: Played, settings: Settings) -> dict[int, Factorization]:
    """Game number -> verified algorithm over the integers, lifted where the run lifts."""
    solved = {}
    for index in np.flatnonzero(played.solved):
        f = factorization_of(played, int(index), settings)
        f = lift(f) if f is not None and settings.train.lift else f
        if f is not None and f.is_integral:
            solved[int(index)] = f
    return solved


def faster(
    timed: list[Factorization],
    fastest: dict[str, float],
    best: list[int | None],
    settings: Settings,
    provenance: dict,
) -> list[Factorization]:
    """Of the algorithms timed, those of the best rank that beat the `fastest`, which is updated."""
    names, found = [target.name for target in settings.targets], []
    for f in timed:
        name, speedup = f.target.name, f.provenance["speedup"]
        if f.rank == best[names.index(name)] and speedup > fastest.get(f"{name} {f.rank}", 0.0):
            fastest[f"{name} {f.rank}"] = speedup
            found.append(f.replace(provenance=provenance | {"speedup": speedup}))
    return found


def record(
    candidate: Factorization, target: int, best: list[int | None], settings: Settings
) -> list[Factorization]:
    """The candidate, with its lift where the run lifts, if it is a new best; updates `best`."""
    if best[target] is not None and candidate.rank >= best[target]:
        return []
    lifted = lift(candidate) if settings.train.lift else None
    if settings.train.lift and lifted is None:
        return []  # the run seeks an algorithm over the integers; another one may lift
    best[target] = candidate.rank
    both = [candidate] if lifted is None else [candidate, lifted]
    return [f.replace(provenance=candidate.provenance) for f in both]
