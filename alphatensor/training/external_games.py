"""Algorithms that others found, as games for the agent; and walks that take up the agent's own.

The agent alone is the default. With `train.best_games_from` a library's algorithms enter the buffer
of best games at the start; with `train.flip_seconds` flip-graph walks run beside the agent: they
start from its best games, and what they find becomes best games in turn. Such runs are hybrid, and
every algorithm says in its provenance which side found it.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import alphatensor
from alphatensor import flip_graph
from alphatensor.agent import actions as factors
from alphatensor.agent import bases, self_play
from alphatensor.factorization import Factorization, naive
from alphatensor.factorization.library import store as library
from alphatensor.training.settings import Settings

TRIED_BASES = 512  # for each game, to find one that leaves the factors in F

# Gives algorithms for the best games: (found by the agent in this round, rounds so far) -> list.
Partner = Callable[[list[Factorization], int], list[Factorization]]


def make_partner(settings: Settings) -> Partner | None:
    """What the configuration asks for; None for the agent alone."""
    config, ring = settings.train, settings.agent.rules.ring
    if not config.best_games_from and not config.flip_seconds:
        return None
    best = {t.name: naive(t.sizes, ring) for t in settings.targets} if config.flip_seconds else {}
    walk = flip_graph.FlipSearchConfig(walkers=256, rounds=10, patience=100, pool=16)

    def partner(found: list[Factorization], rounds: int) -> list[Factorization]:
        given = []
        if config.best_games_from and rounds == 1:
            given += from_library(settings)
        for f in found + given:
            known = best.get(f.target.name)
            if f.ring == ring and known is not None and f.rank <= known.rank:
                best[f.target.name] = f
        for name, start in best.items():
            stop = flip_graph.after_seconds(time.monotonic, config.flip_seconds / len(best))
            pool, flips, _ = flip_graph.walk([start], walk, stop, settings.seed + rounds)
            if pool[0].rank <= settings.agent.rules.max_moves:
                provenance = {
                    "engine": "flip graph",
                    "started_from": start.provenance.get("engine", "naive"),
                    "version": alphatensor.__version__,
                    "seed": settings.seed,
                    "flips": int(flips),
                }
                pool = [f.replace(provenance=provenance) for f in pool]
                best[name] = pool[0]
                given += pool
        return given

    return partner


def from_library(settings: Settings) -> list[Factorization]:
    """The library's algorithm of each target over the run's ring, where it fits the game.

    Raises:
      npz.FileError: for a damaged file.
    """
    rules = settings.agent.rules
    found = []
    for target in settings.targets:
        f = library.best(settings.train.best_games_from, target.sizes or target.name, rules.ring)
        if f is not None and f.rank <= rules.max_moves:
            found.append(f.replace(provenance=f.provenance | {"engine": "library"}))
    return found


def games_of(
    schemes: list[Factorization], settings: Settings, key: jax.Array, count: int
) -> self_play.Games:
    """`count` games, each an algorithm in a random basis and a random order of moves.

    Bases that take an entry out of the set F are passed over; where all tried ones do, the game is
    in the canonical basis.

    Args:
      schemes: verified algorithms of the run's targets, over its ring, no longer than its games.
      key: random key.
      count: B.
    """
    rules, symmetries = settings.agent.rules, settings.symmetries
    side, ring, longest = rules.side, rules.ring, rules.max_moves
    samples, entries = settings.agent.config.samples, np.array(settings.agent.vocabulary.entries)
    names = [target.name for target in settings.targets]
    games = []
    for number, game_key in enumerate(jax.random.split(key, count)):
        f = schemes[number % len(schemes)]
        index = names.index(f.target.name)
        basis_key, order_key = jax.random.split(game_key)
        plain = np.zeros((f.rank, 3, side), np.int32)
        for mode, factor in enumerate(f.factors):
            plain[:, mode, : len(factor)] = np.asarray(factor, np.int64).T
        many = jax.vmap(
            lambda k, sizes=symmetries.sizes[index]: bases.random_basis(
                k, sizes, side, ring, symmetries.density, symmetries.shared
            )
        )(jax.random.split(basis_key, TRIED_BASES))
        moved = jax.vmap(lambda m, x=plain: bases.change_factors(x, m, ring))(many.forward)
        moved = np.array(factors.canonical(moved, ring))
        fits = np.isin(moved, entries).all(axis=(1, 2, 3))
        if fits.any():
            first = int(np.argmax(fits))
            basis, moves = bases.Basis(*(x[first] for x in many)), moved[first]
        else:
            basis = bases.identity(side)
            moves = factors.canonical(jnp.asarray(plain), ring)
        moves = jax.random.permutation(order_key, moves)
        tensor = np.zeros((side,) * 3, np.int32)
        tensor[tuple(slice(s) for s in f.target.shape)] = f.target.tensor
        actions = np.zeros((longest, 3, side), np.int8)
        actions[: f.rank] = moves
        candidates = np.zeros((longest, samples, 3, side), np.int8)
        candidates[:, 0] = actions
        policy = np.zeros((longest, samples), np.float32)
        policy[:, 0] = 1.0
        support = np.arange(side) < np.array(f.target.shape)[:, None]
        games.append(
            self_play.Games(
                start=np.asarray(bases.change_tensor(tensor, basis.forward, ring), np.int16),
                support=support,
                actions=actions,
                candidates=candidates,
                policy=policy,
                returns=np.minimum(np.arange(longest) - f.rank, 0).astype(np.float32),
                length=np.int32(f.rank),
                solved=np.bool_(True),
                target=np.int32(index),
                inverse=np.asarray(basis.inverse, np.int32),
            )
        )
    return jax.tree.map(lambda *x: np.stack(x), *games)
