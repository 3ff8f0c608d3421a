"""What a round of games found: verified algorithms in the canonical basis, and which are new."""

from typing import NamedTuple

import jax
import numpy as np

from alphatensor.agent import self_play
from alphatensor.factorization import Factorization, lift, slices
from alphatensor.training import moves
from alphatensor.training.settings import Settings
from alphatensor.training.state import Findings

LARGEST_ENTRY = 2**15  # of what completes a game: beyond it nobody wants the algorithm


class PlayedGames(NamedTuple):
    """Holds what the host needs of a round of games, leaves [B, ...].

    Attributes:
      start, actions, length, solved, target, inverse: as in `self_play.Games`.
      total: float32 [B], the return of each whole game.
    """

    start: jax.Array
    actions: jax.Array
    length: jax.Array
    solved: jax.Array
    target: jax.Array
    inverse: jax.Array
    total: jax.Array


def of_games(games: self_play.Games) -> PlayedGames:
    """Picks from games what the host needs."""
    return PlayedGames(
        start=games.start,
        actions=games.actions,
        length=games.length,
        solved=games.solved,
        target=games.target,
        inverse=games.inverse,
        total=games.returns[:, 0],
    )


def factorization_of(games: PlayedGames, index: int, settings: Settings) -> Factorization | None:
    """Returns a solved game as a factorization in the canonical basis; None if it is wrong."""
    target = settings.targets[int(games.target[index])]
    played = games.actions[index, : games.length[index]]
    return moves.from_moves(played, games.inverse[index], target, settings.agent.game.ring)


def completed(games: PlayedGames, index: int, settings: Settings) -> Factorization | None:
    """Returns a game with what it left taken apart slice by slice, as `factorization_of` does.

    Its rank is at most minus the game's return: the moves played and the slice-rank bound of the
    rest. Over Z, None too where the terms of the rest have entries beyond `LARGEST_ENTRY`.
    """
    target, ring = settings.targets[int(games.target[index])], settings.agent.game.ring
    played = np.array(games.actions[index, : games.length[index]], np.int64)
    removed = np.einsum("ti,tj,tk->ijk", *played.swapaxes(0, 1))
    left = np.array(games.start[index], np.int64) - removed
    more = np.stack([x.T for x in slices.by_slices(left, ring)], axis=1)
    if np.abs(more).max(initial=0) > LARGEST_ENTRY:
        return None
    played = np.concatenate([played, more.astype(np.int64)])
    return moves.from_moves(played, games.inverse[index], target, ring)


def new_records(
    games: PlayedGames, findings: Findings, settings: Settings, provenance: dict
) -> tuple[list[Factorization], Findings]:
    """Returns the verified factorizations of a round that beat the best, shortest games first.

    Of the games of a target that were not solved, the best one counts as completed slice by slice,
    where it has no more terms than the target has entries.
    """
    found, tried = [], set()
    ranks = np.where(games.solved, games.length, -games.total).astype(int)
    for index in np.argsort(ranks, kind="stable"):
        number, is_solved = int(games.target[index]), games.solved[index]
        if not is_solved:
            entries = np.count_nonzero(settings.targets[number].tensor)
            if number in tried or ranks[index] > entries:
                continue
            tried.add(number)
        best = findings.ranks[number]
        if best is None or ranks[index] < best:
            candidate = (factorization_of if is_solved else completed)(games, index, settings)
            if candidate is not None:
                length = {} if is_solved else {"moves": int(games.length[index])}
                candidate = candidate.replace(provenance=provenance | length)
                news, findings = record(candidate, findings, settings)
                found += news
    return found, findings


def record(
    candidate: Factorization, findings: Findings, settings: Settings
) -> tuple[list[Factorization], Findings]:
    """Returns the candidate, and its lift where the run lifts, if it beats the best rank.

    What is returned will be called verified, so it is verified here, whoever has found it. In a run
    that lifts, a candidate that does not lift is none: another one of its rank may.
    """
    index = index_of(candidate, settings)
    best = findings.ranks[index]
    if best is not None and candidate.rank >= best:
        return [], findings
    candidate = candidate.replace(target=settings.targets[index])
    if not candidate.verify().ok:
        return [], findings
    found = [candidate]
    if settings.config.train.lift:
        lifted = lift(candidate)  # verified too
        if lifted is None:
            return [], findings
        found.append(lifted.replace(provenance=candidate.provenance))
    ranks = tuple(candidate.rank if i == index else x for i, x in enumerate(findings.ranks))
    return found, findings._replace(ranks=ranks)


def solved_algorithms(games: PlayedGames, settings: Settings) -> dict[int, Factorization]:
    """Returns number of a game -> its verified algorithm over the integers, lifted if need be."""
    solved = {}
    for index in np.flatnonzero(games.solved):
        f = factorization_of(games, int(index), settings)
        f = lift(f) if f is not None and settings.config.train.lift else f
        if f is not None and f.is_integral:
            solved[int(index)] = f
    return solved


def faster(
    timed: list[Factorization], findings: Findings, settings: Settings, provenance: dict
) -> tuple[list[Factorization], Findings]:
    """Returns the timed algorithms of the best rank that beat the fastest one of that rank."""
    found, speedups = [], dict(findings.speedups)
    for f in timed:
        key, speedup = f"{f.target.name} {f.rank}", f.provenance["speedup"]
        is_best = f.rank == findings.ranks[index_of(f, settings)]
        if is_best and speedup > speedups.get(key, 0.0):
            speedups[key] = speedup
            found.append(f.replace(provenance=provenance | {"speedup": speedup}))
    return found, findings._replace(speedups=speedups)


def index_of(f: Factorization, settings: Settings) -> int:
    """Returns the number of a factorisation's target among those of the run."""
    return [target.name for target in settings.targets].index(f.target.name)
