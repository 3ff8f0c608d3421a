"""Algorithms that others found, as games for the agent; and walks that take up the agent's own.

The agent alone is the default. With `train.best_games_from` a library's algorithms enter the buffer
of best games after the first round; with `train.flip_seconds` or `train.flip_steps` flip-graph
walks run beside the agent: they start from its best games, and what they find becomes best games in
turn. Such runs are hybrid, and every algorithm says in its provenance which side found it.
"""

import functools
import pathlib
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import alphatensor
from alphatensor.agent import Agent, actions, bases, self_play
from alphatensor.agent.agent import padded, support_of
from alphatensor.factorization import Factorization
from alphatensor.factorization.io.parsing import FileError
from alphatensor.factorization.library import store
from alphatensor.factorization.library.exact_files import stem
from alphatensor.flip_graph import budgets, walks
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.training import doors
from alphatensor.training.moves import to_moves
from alphatensor.training.settings import Settings
from alphatensor.training.state import Findings

TRIED_BASES = 512  # for each game, to find one that leaves the factors in F
WALKERS = FlipSearchConfig(walkers=256, tries=3_000, pool=16)


class Others(NamedTuple):
    """What others give to a round.

    Attributes:
      algorithms: exact algorithms of the run's targets for the best games.
      findings: with the starts of the next walks.
      notes: lines that say which files were set aside.
    """

    algorithms: list[Factorization]
    findings: Findings
    notes: list[str]


def algorithms_of_others(
    found: list[Factorization], rounds: int, findings: Findings, settings: Settings
) -> Others:
    """Returns algorithms for the best games of a round, and where the next walks start.

    Args:
      found: what the agent found in this round.
      rounds: rounds played so far.
      findings: what the run knows.
      settings: settings of the run.
    """
    config, ring = settings.config.train, settings.agent.game.ring
    given, notes = [], []
    if config.best_games_from and rounds == 1:
        given, notes = from_library(settings)
    starts = dict(findings.walk_starts)
    for f in found + given:
        known = starts.get(f.target.name)
        if f.ring == ring and known is not None and f.rank <= known.rank:
            starts[f.target.name] = f
    for name, start in starts.items():
        pool = walk([start], settings, rounds, share=len(starts))
        if pool[0].rank <= settings.agent.game.config.max_moves:
            starts[name] = pool[0]
            given = given + pool
    return Others(given, findings._replace(walk_starts=starts), notes)


def walk(
    starts: list[Factorization], settings: Settings, rounds: int, share: int
) -> list[Factorization]:
    """Walks from factorisations of one target for the configured steps, or a share of the seconds.

    Args:
      starts: verified factorisations over the run's ring.
      settings: settings of the run.
      rounds: rounds played so far, which the seed of the walk depends on.
      share: how many walks share the seconds of a round.

    Returns:
      Verified factorisations of the least rank reached.
    """
    config, seed = settings.config.train, settings.config.seed
    if config.flip_steps:
        stop = budgets.after_calls(config.flip_steps)
    else:
        stop = budgets.after_seconds(time.monotonic, config.flip_seconds / share)
    walked = walks.walk(starts, WALKERS, stop, seed + rounds)
    provenance = {
        "engine": "flip graph",
        "started_from": starts[0].provenance.get("engine", "naive"),
        "version": alphatensor.__version__,
        "seed": seed,
        "flips": int(walked.flips),
    }
    return [f.replace(provenance=provenance) for f in walked.schemes]


def from_library(settings: Settings) -> tuple[list[Factorization], list[str]]:
    """Reads the library's algorithm of each target over the run's ring, where it fits the game.

    Returns:
      The exact ones, and a line for each file that is damaged or not exact.
    """
    game, folder, found, notes = settings.agent.game, settings.config.train.best_games_from, [], []
    for target in settings.targets:
        try:
            f = store.find(folder, target, game.ring)
        except FileError as error:
            path = pathlib.Path(folder) / f"{stem(target)}_{game.ring}.npz"
            notes.append(doors.set_aside(path, error))
            continue
        if f is not None and f.rank <= game.config.max_moves:
            found.append(f.replace(provenance=f.provenance | {"engine": "library"}))
    return found, notes


def games_of(
    algorithms: list[Factorization], settings: Settings, key: jax.Array, count: int
) -> self_play.Games:
    """Makes games of algorithms, each in a random basis and a random order of moves.

    Bases that take an entry out of the set F are passed over; where all tried ones do, the game is
    in the canonical basis.

    Args:
      algorithms: verified factorizations of the run's targets, over its ring, no longer than its
        games; they take turns.
      settings: settings of the run.
      key: random key.
      count: B, number of games.

    Returns:
      Games with leaves [B, ...], on the host.
    """
    names = [target.name for target in settings.targets]
    keys = jax.random.split(key, count)
    numbers = np.arange(count) % len(algorithms)
    parts = []
    for number, f in enumerate(algorithms[:count]):
        target = names.index(f.target.name)
        games = _games_of_one(
            keys[numbers == number],
            jnp.asarray(to_moves(f, settings.agent.game.side)),
            jnp.asarray(padded(f.target.tensor, settings.agent.game.side)),
            agent=settings.agent,
            target=target,
        )
        parts.append(jax.device_get(games))
    order = np.argsort(np.argsort(numbers, kind="stable"), kind="stable")
    return jax.tree.map(lambda *x: np.concatenate(x)[order], *parts)


@functools.partial(jax.jit, static_argnames=("agent", "target"))
def _games_of_one(
    keys: jax.Array, moves: jax.Array, tensor: jax.Array, *, agent: Agent, target: int
) -> self_play.Games:
    """Makes games [B, ...] of one algorithm.

    Args:
      keys: random keys [B].
      moves: int32 [R, 3, S], the algorithm in the canonical basis.
      tensor: int32 [S, S, S], what it decomposes.
      agent: static description of the agent.
      target: number of the tensor among the run's targets.
    """
    game, shape = agent.game, agent.shapes[target]
    longest, rank = game.config.max_moves, moves.shape[0]
    entries = jnp.array(agent.vocabulary.entries)

    def one(key: jax.Array) -> self_play.Games:
        basis_key, order_key = jax.random.split(key)
        draw = functools.partial(
            bases.random_basis, shape=shape, game=game, config=agent.config.bases
        )
        many = jax.vmap(draw)(jax.random.split(basis_key, TRIED_BASES))
        moved = jax.vmap(lambda m: bases.change_factors(moves, m, game.ring))(many.forward)
        moved = actions.canonical(moved, game.ring)
        fits = jnp.all(jnp.isin(moved, entries), axis=(1, 2, 3))
        first = jnp.argmax(fits)
        plain = bases.identity(game.side)
        basis = jax.tree.map(lambda x, y: jnp.where(jnp.any(fits), x[first], y), many, plain)
        played = jnp.where(jnp.any(fits), moved[first], actions.canonical(moves, game.ring))
        played = jax.random.permutation(order_key, played).astype(jnp.int8)
        played = jnp.pad(played, ((0, longest - rank), (0, 0), (0, 0)))
        return self_play.Games(
            start=bases.change_tensor(tensor, basis.forward, game.ring).astype(jnp.int16),
            support=support_of(shape, game.side),
            actions=played,
            returns=jnp.minimum(jnp.arange(longest) - rank, 0).astype(jnp.float32),
            length=jnp.int32(rank),
            solved=jnp.bool_(True),
            target=jnp.int32(target),
            inverse=basis.inverse,
            bonus=jnp.float32(0),
            **_certain_policy(played, agent),
        )

    return jax.lax.map(one, keys)


def _certain_policy(played: jax.Array, agent: Agent) -> dict[str, jax.Array]:
    """Returns candidates and a policy that is sure of the moves int8 [T, 3, S]."""
    shape = (len(played), agent.config.search.width)
    candidates = jnp.zeros((*shape, *played.shape[1:]), jnp.int8).at[:, 0].set(played)
    return {"candidates": candidates, "policy": jnp.zeros(shape).at[:, 0].set(1.0)}
