"""Plays with the agent of a run, without learning: what it solves, and which algorithms it finds.

Example::

    played = play("runs/quickstart", games=1024)
    print(played.solved, played.ranks, [f.rank for f in played.algorithms])

The parameters are those of the run's newest checkpoint. The network may be given other targets than
it has learnt on, as long as they have the sizes that it was built for; one that has learnt on sums
of terms walks on any format.
"""

import collections
import json
import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent import neighbourhood
from alphatensor.config import ConfigError, require
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import invariants
from alphatensor.training import discoveries, doors
from alphatensor.training import neighbourhood as sums
from alphatensor.training.checkpoints import Checkpoints
from alphatensor.training.config import RunConfig
from alphatensor.training.programs import Programs, make_programs
from alphatensor.training.settings import Settings, from_config
from alphatensor.training.state import TrainState

MOST_COMPARED = 256  # algorithms of each rank and target whose invariants are computed


class Played(NamedTuple):
    """Says what an agent has played.

    Attributes:
      games: number of games.
      solved: how many ended with nothing left.
      ranks: `'2x2x2'` -> rank -> how many games ended in an algorithm of that rank; in play on sums
        of terms, how many walks ended at one.
      algorithms: verified algorithms in the ring of the run, shortest first. No two have the same
        terms; of matrix products none is known to be equivalent to another one.
    """

    games: int
    solved: int
    ranks: dict[str, dict[int, int]]
    algorithms: list[Factorization]


def play(
    run: str | os.PathLike,
    *,
    games: int = 1_024,
    target: str = "",
    simulations: int = 0,
    bases: str = "",
    seed: int = 0,
) -> Played:
    """Plays games with the newest parameters of a run.

    Args:
      run: folder of the run.
      games: least number of games; they are played in batches of the run's own size.
      target: what is decomposed instead of the run's target, as in `RunConfig.target`.
      simulations: simulations for each move; 0 for the run's own number.
      bases: `canonical` for games in the canonical basis alone, `random` for random ones alone,
        empty for the run's own share.
      seed: seed of the games.

    Raises:
      ConfigError: in one line, for arguments that do not fit.
      ValueError: in one line, for a folder without a run, or whose checkpoints cannot be used.
    """
    require("games", games, isinstance(games, int) and games > 0, "an integer of at least 1")
    require("bases", bases, bases in ("", "canonical", "random"), "'canonical', 'random' or ''")
    trained, state = restore(run)
    params = state.learner.played
    config = trained.config.replace(
        seed=seed, output="play", target=target or trained.config.target
    )
    config = config.replace(train=config.train.replace(goal=(), best_games_from=""))
    if simulations:
        config = config.replace(search=config.search.replace(simulations=simulations))
    if bases:
        share = {"canonical": 1.0, "random": 0.0}[bases]
        config = config.replace(bases=config.bases.replace(canonical_probability=share))
    settings = from_config(config)
    programs = make_programs(settings)
    _check_shapes(params, programs, config.target)
    learner = jax.eval_shape(programs.init).learner._replace(params=params)
    if programs.walk:
        return _walk(learner, games, settings, programs)
    return _play(learner, games, settings, programs)


def restore(run: str | os.PathLike) -> tuple[Settings, TrainState]:
    """Returns the settings of a run and the state of its newest checkpoint.

    Raises:
      ValueError: in one line, where there is no run or no checkpoint that can be used.
    """
    folder, notes = pathlib.Path(run), []
    try:
        stored = json.loads((folder / "config.json").read_text())
        settings = from_config(RunConfig.from_dict(stored))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{folder}: expected the folder of a run ({reason}).") from None
    shapes = make_programs(settings).shapes
    restored = Checkpoints(folder / "checkpoints", 1).restore(shapes, lambda x: x, notes.append)
    if restored is None:
        reason = " ".join(notes) or "it has none yet"
        raise ValueError(f"{folder}: no checkpoint can be used ({reason}).")
    for note in notes:
        doors.say(note)
    return settings, restored[0]


def _check_shapes(params, programs: Programs, target: str) -> None:
    """Raises `ConfigError` where the network was built for other targets."""
    there = jax.tree.map(lambda x: x.shape, params)
    here = jax.tree.map(lambda x: x.shape, programs.shapes.learner.params)
    if there != here:
        raise ConfigError("target", target, "a target of the sizes that the network was built for")


def _play(learner, games: int, settings: Settings, programs: Programs) -> Played:
    """Plays whole games."""
    count = solved = 0
    ranks: dict[str, collections.Counter] = {
        x.name: collections.Counter() for x in settings.targets
    }
    found: dict[bytes, Factorization] = {}
    batch = settings.config.train.games
    for number in range(-(-games // batch)):
        rounds = jnp.array(number, jnp.int32)
        state = TrainState(learner, games=None, best_games=None, walks=None, rounds=rounds)
        result, _ = programs.act(_placed(state, programs))
        played = jax.device_get(discoveries.of_games(result))
        count += batch
        for index in np.flatnonzero(played.solved):
            f = discoveries.factorization_of(played, int(index), settings)
            if f is not None:
                solved += 1
                ranks[f.target.name][f.rank] += 1
                found.setdefault(terms_key(f), f)
    return _played(count, solved, ranks, found.values())


def _walk(learner, games: int, settings: Settings, programs: Programs) -> Played:
    """Plays on sums of terms, from where the walks of the run started."""
    config = settings.config.neighbourhood
    walks = jax.tree.map(jnp.asarray, sums.first_walks(settings))
    count = solved = 0
    found: dict[bytes, Factorization] = {}
    for number in range(-(-games // (config.walks * config.steps))):
        rounds = jnp.array(number, jnp.int32)
        state = TrainState(learner, games=None, best_games=None, walks=walks, rounds=rounds)
        state, outcomes = programs.walk(_placed(state, programs))
        # The parameters were given away with the state, and come back with it.
        learner, walks = state.learner, state.walks
        count += int(np.sum(outcomes.games))
        solved += int(np.sum(outcomes.solved))
        for f in shortest(walks, settings):
            found.setdefault(terms_key(f), f)
    ranks: dict[str, collections.Counter] = {
        x.name: collections.Counter() for x in settings.targets
    }
    for rank, target in zip(
        neighbourhood.ranks(walks).tolist(), walks.target.tolist(), strict=True
    ):
        ranks[settings.targets[target].name][rank] += 1
    return _played(count, solved, ranks, found.values())


def _placed(state: TrainState, programs: Programs) -> TrainState:
    """Puts a state where the programs expect it, with zeros for the optimiser's shapes."""
    sharding = programs.shapes.rounds.sharding

    def place(x):
        is_shape = isinstance(x, jax.ShapeDtypeStruct)
        return jax.device_put(np.zeros(x.shape, x.dtype) if is_shape else x, sharding)

    return jax.tree.map(place, state)


def shortest(walks: neighbourhood.Walks, settings: Settings) -> Iterable[Factorization]:
    """Yields the verified algorithms at the best rank of each target."""
    is_best = np.asarray(neighbourhood.ranks(walks) == neighbourhood.best_ranks(walks))
    terms, target = (np.asarray(jax.device_get(x)) for x in walks)
    for place in np.flatnonzero(is_best):
        f = sums.to_factorization(terms[place], settings.targets[target[place]], settings)
        if f.verify().ok:
            yield f


def terms_key(f: Factorization) -> bytes:
    """Returns what two lists of the same canonical terms share."""
    terms = np.concatenate([np.asarray(x, np.int64) for x in f.factors]).T
    return f.target.name.encode() + terms[np.lexsort(terms.T)].tobytes()


def _played(games: int, solved: int, ranks, found: Iterable[Factorization]) -> Played:
    algorithms: list[Factorization] = []
    groups: dict[tuple[str, int], list[Factorization]] = {}
    for f in found:
        groups.setdefault((f.target.name, f.rank), []).append(f)
    for _, group in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        group = group[:MOST_COMPARED]
        if group[0].sizes is not None:
            kept = invariants.count_inequivalent(group).representatives
            group = [group[place] for place in kept]
        algorithms += group
    counts = {name: dict(sorted(counter.items())) for name, counter in ranks.items()}
    return Played(games, solved, counts, algorithms)
