"""Batched games with search: from the start in a random basis to trajectories."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from alphatensor.agent import bases, environment
from alphatensor.agent import search as search_lib


class Symmetries(NamedTuple):
    """How games are started and the network is queried. Hashable: a static argument.

    Attributes:
      sizes: (S_u, S_v, S_w) of each target.
      density: of the random bases' triangular matrices.
      canonical_probability: of playing in the canonical basis.
      num_bases: games draw one of this many bases (the paper: 100,000).
      shared: whether modes of equal size share a matrix (the paper's A = B = C).
    """

    sizes: tuple[tuple[int, int, int], ...]
    density: float
    canonical_probability: float
    num_bases: int
    shared: bool


class Games(NamedTuple):
    """Finished games, leaves [B, ...]; T = `Rules.max_moves`.

    Attributes:
      start: int16 [S, S, S], the target in the game's basis.
      support: bool [3, S].
      actions: int8 [T, 3, S], zero after the end.
      candidates: int8 [T, K, 3, S], the actions searched at each move.
      policy: float32 [T, K], the improved policy over them.
      returns: float32 [T], the return from each move on.
      length: int32 [], moves played.
      solved: bool [].
      target: int32 [], index of the target.
      inverse: int32 [3, S, S], matrices back to the canonical basis.
    """

    start: jax.Array
    support: jax.Array
    actions: jax.Array
    candidates: jax.Array
    policy: jax.Array
    returns: jax.Array
    length: jax.Array
    solved: jax.Array
    target: jax.Array
    inverse: jax.Array


class Statistics(NamedTuple):
    """Scalars about one batch of games: see `search.SearchResult`; entropy in nats."""

    policy_entropy: jax.Array
    merged_share: jax.Array
    search_depth: jax.Array


def start_games(
    keys: jax.Array,
    targets: jax.Array,
    symmetries: Symmetries,
    bases_key: jax.Array,
    rules: environment.Rules,
) -> tuple[environment.State, jax.Array, jax.Array]:
    """Draws a target and a basis for each game.

    Args:
      keys: one random key for each game, [B].
      targets: integer tensors [M, S, S, S], padded.
      symmetries: static description.
      bases_key: the run's key: basis number i is always the same matrices.
      rules: of the game.

    Returns:
      (states [B, ...], target indices int32 [B], inverse bases int32 [B, 3, S, S]).
    """
    side, ring = rules.side, rules.ring

    def basis_of(sizes):
        def draw(key):
            return bases.random_basis(key, sizes, side, ring, symmetries.density, symmetries.shared)

        return draw

    def start(key):
        target_key, number_key, canonical_key = jax.random.split(key, 3)
        target = jax.random.randint(target_key, (), 0, targets.shape[0])
        number = jax.random.randint(number_key, (), 0, symmetries.num_bases)
        draw_key = jax.random.fold_in(bases_key, number)
        basis = jax.lax.switch(target, [basis_of(sizes) for sizes in symmetries.sizes], draw_key)
        is_canonical = jax.random.bernoulli(canonical_key, symmetries.canonical_probability)
        basis = jax.tree.map(
            lambda a, b: jnp.where(is_canonical, a, b), bases.identity(side), basis
        )
        tensor = bases.change_tensor(targets[target], basis.forward, ring)
        sizes = jnp.array(symmetries.sizes)[target]
        support = jnp.arange(side) < sizes[:, None]
        return environment.reset(tensor, support, rules), target, basis.inverse

    return jax.vmap(start)(keys)


def play(
    params,
    agent: search_lib.Agent,
    permutations: bases.SignedPermutation,
    targets: jax.Array,
    symmetries: Symmetries,
    bases_key: jax.Array,
    keys: jax.Array,
) -> tuple[Games, Statistics]:
    """Plays one game for each key [B] from start to end, all at once."""
    rules = agent.rules
    start, target, inverse = start_games(keys, targets, symmetries, bases_key, rules)

    def move(state, index):
        move_keys = jax.vmap(lambda k: jax.random.key_data(jax.random.fold_in(k, index)))(keys)
        result = search_lib.search(params, agent, permutations, state, move_keys)
        action = jax.vmap(lambda c, a: c[a])(result.candidates, result.chosen)
        after, reward = jax.vmap(environment.step, in_axes=(0, 0, None))(state, action, rules)
        reward = reward + environment.failure_penalty(state, after, rules)
        action = jnp.where(state.done[:, None, None], 0, action)
        statistics = _statistics(result, ~state.done)
        return after, (action, result.candidates, result.policy, reward, statistics)

    end, (actions, candidates, policy, rewards, statistics) = jax.lax.scan(
        move, start, jnp.arange(rules.max_moves)
    )
    actions, candidates, policy, rewards = (
        jnp.moveaxis(x, 0, 1) for x in (actions, candidates, policy, rewards)
    )
    games = Games(
        start=start.residual,
        support=start.support,
        actions=actions,
        candidates=candidates,
        policy=policy,
        returns=jnp.cumsum(rewards[:, ::-1], axis=1)[:, ::-1],
        length=end.move,
        solved=end.solved,
        target=target,
        inverse=inverse,
    )
    weights, sums = statistics
    return games, Statistics(*(jnp.sum(x) / jnp.maximum(jnp.sum(weights), 1) for x in sums))


def _statistics(result: search_lib.SearchResult, is_playing: jax.Array):
    """Sums over the games still being played, with their number, for a mean over all moves."""
    log_policy = jnp.log(jnp.where(result.policy > 0, result.policy, 1.0))
    entropy = -jnp.sum(result.policy * log_policy, axis=-1)
    merged = 1 - result.num_distinct / result.candidates.shape[1]
    weights = is_playing.astype(jnp.float32)
    sums = tuple(jnp.sum(x * weights) for x in (entropy, merged, result.depth))
    return jnp.sum(weights), sums
