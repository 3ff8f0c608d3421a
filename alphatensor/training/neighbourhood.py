"""Rounds of games on sums of terms: where the walks start, and what they found.

In hybrid runs (`train.flip_steps`, `train.flip_seconds`) flip-graph walks go on from the best
algorithms after each round, and what they find takes the place of the longest ones.
"""

import time

import jax
import numpy as np

from alphatensor import targets
from alphatensor.agent import neighbourhood
from alphatensor.factorization import Factorization
from alphatensor.training import discoveries, doors, external_games
from alphatensor.training.settings import Settings
from alphatensor.training.state import Findings, TrainState

FLIPPED = 16  # of the best algorithms of a target are where flip-graph walks start
REPLACED = 4  # one of so many algorithms is replaced by what flip-graph walks found
MOST_TRIED = 4  # algorithms of a new rank that are verified and lifted after each round


def first_walks(settings: Settings) -> neighbourhood.Walks:
    """Returns the first walks, NumPy arrays, those of the targets in turn."""
    config = settings.config.neighbourhood
    starts = doors.first_algorithms(settings)
    # Detours need room for more terms than they start with.
    most = max(config.max_terms, *(f.rank + config.margin for f in starts))
    longest = max(max(target.shape) for target in settings.targets)
    terms = np.zeros((len(starts), most, 3, longest), np.int8)
    for number, f in enumerate(starts):
        terms[number] = _terms_of(f, terms.shape[1:])
    target = np.arange(config.walks, dtype=np.int32) % len(starts)
    return neighbourhood.Walks(terms[target], target)


def _terms_of(f: Factorization, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an algorithm as terms int8 [R, 3, D] of a walk, padded with zeros."""
    terms = np.zeros(shape, np.int8)
    for mode, factor in enumerate((f.u, f.v, f.w)):
        terms[: f.rank, mode, : factor.shape[0]] = factor.T
    return terms


def to_factorization(terms: np.ndarray, target: targets.Target, settings: Settings):
    """Returns the terms [R, 3, D] of a walk as a factorisation, which is not verified here."""
    used = terms[np.all(np.any(terms != 0, axis=2), axis=1)].astype(np.int64)
    u, v, w = (used[:, mode, :size].T for mode, size in enumerate(target.shape))
    return Factorization(target, settings.agent.game.ring, u, v, w)


def new_records(
    state: TrainState, findings: Findings, settings: Settings, provenance: dict
) -> tuple[list[Factorization], Findings]:
    """Returns the verified algorithms of the walks that beat the best ranks."""
    ranks = np.asarray(jax.device_get(neighbourhood.ranks(state.walks)))
    target = np.asarray(jax.device_get(state.walks.target))
    found: list[Factorization] = []
    for number, known in enumerate(settings.targets):
        is_better = (target == number) & (ranks < findings.ranks[number])
        best = np.flatnonzero(is_better)[np.argsort(ranks[is_better], kind="stable")]
        for place in best[:MOST_TRIED]:
            terms = np.asarray(jax.device_get(state.walks.terms[place]))
            candidate = to_factorization(terms, known, settings).replace(provenance=provenance)
            news, findings = discoveries.record(candidate, findings, settings)
            found += news
    return found, findings


def with_flips(
    state: TrainState, findings: Findings, settings: Settings, provenance: dict
) -> tuple[TrainState, list[Factorization], Findings]:
    """Lets flip-graph walks go on from the best algorithms, and takes up what they find.

    Returns:
      (state with their algorithms among the walks, those that beat the best ranks, findings).
    """
    terms, target = (np.array(jax.device_get(x)) for x in state.walks)
    ranks = np.asarray(jax.device_get(neighbourhood.ranks(state.walks)))
    found: list[Factorization] = []
    for number, known in enumerate(settings.targets):
        own = np.flatnonzero(target == number)
        order = own[np.argsort(ranks[own], kind="stable")]
        best = order[ranks[order] == ranks[order[0]]][:FLIPPED]
        starts = [to_factorization(terms[x], known, settings) for x in best]
        starts = [f.replace(provenance={"engine": "agent"}) for f in starts if f.verify().ok]
        if not starts:
            continue
        pool = external_games.walk(starts, settings, int(state.rounds), len(settings.targets))
        longest = order[::-1][: max(1, len(order) // REPLACED)]
        for turn, place in enumerate(longest):
            terms[place] = _terms_of(pool[turn % len(pool)], terms.shape[1:])
        news, findings = discoveries.record(pool[0], findings, settings)
        found += [f.replace(provenance=provenance | pool[0].provenance) for f in news]
    walks = state.walks._replace(terms=jax.device_put(terms, state.walks.terms.sharding))
    return state._replace(walks=walks), found, findings


def scalars(
    state: TrainState, outcomes: neighbourhood.Outcomes, settings: Settings, begin: float
) -> dict[str, float]:
    """Returns what a round is reported by; `begin` is when it began, of `time.monotonic`."""
    elapsed = time.monotonic() - begin
    outcomes = jax.tree.map(np.asarray, jax.device_get(outcomes))
    games = np.maximum(outcomes.games, 1)
    total = max(float(np.sum(outcomes.games)), 1.0)
    values = {
        "games/solved": float(np.sum(outcomes.solved)) / total,
        "games/changed": float(np.sum(outcomes.changed)) / total,
        "speed/games_per_second": total / elapsed,
    }
    config = settings.config.neighbourhood
    for count in range(config.min_terms, config.max_terms + 1):
        for name in ("solved", "changed", "shorter", "longer"):
            share = getattr(outcomes, name)[count] / games[count]
            values[f"terms_{count}/{name}"] = float(share)
    ranks = np.asarray(jax.device_get(neighbourhood.ranks(state.walks)))
    target = np.asarray(jax.device_get(state.walks.target))
    for number, known in enumerate(settings.targets):
        own = ranks[target == number]
        values[f"ranks/{known.name}_best"] = float(np.min(own))
        values[f"ranks/{known.name}_mean"] = float(np.mean(own))
    if len(settings.targets) == 1:
        values["games/best_rank"], values["games/mean_rank"] = (
            float(np.min(ranks)),
            float(np.mean(ranks)),
        )
    return values
