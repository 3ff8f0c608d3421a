"""Baselines of values, in the basis of a game and in the canonical one."""

import agent_cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.agent import baseline, make_agent, rank_bound, replay, self_play
from alphatensor.agent.config import SearchConfig

RULES = ("none", "rank_bound", "least_bound")


def bound(tensors, ring):
    return np.array([rank_bound.slice_rank_bound(x, ring, 10_000) for x in jnp.array(tensors)])


@pytest.mark.parametrize("name", ["Z", "Z2"])
def test_the_least_bound_is_that_of_two_bases(name):
    ring, rng = rings.parse(name), np.random.default_rng(0)
    residuals = ring.reduce(rng.integers(-1, 2, (30, 3, 3, 3)) * (rng.random((30, 3, 3, 3)) < 0.4))
    shears = np.tile(np.eye(3, dtype=np.int32), (30, 3, 1, 1))
    shears[:, :, 0, 2] = rng.integers(0, 2, (30, 3))
    shears[:, :, 1, 0] = rng.integers(0, 2, (30, 3))
    canonical = ring.reduce(
        np.einsum("bxi,byj,bzk,bijk->bxyz", *np.moveaxis(shears, 1, 0), residuals)
    )
    found = {
        rule: np.array(
            baseline.of(
                jnp.array(residuals, jnp.int16),
                jnp.array(shears),
                SearchConfig(value_baseline=rule),
                ring,
            )
        )
        for rule in RULES
    }
    here, there = bound(residuals, ring), bound(canonical, ring)
    assert not found["none"].any()
    assert np.array_equal(found["rank_bound"], -here)
    assert np.array_equal(found["least_bound"], -np.minimum(here, there))
    assert np.any(there < here) and np.any(here < there)


def test_games_are_played_and_learnt_from_by_the_least_bound():
    """A network that predicts 0 takes the baseline for the value, of starts the canonical one."""
    config = agent_cases.CONFIG.replace(
        search=agent_cases.CONFIG.search.replace(value_baseline="least_bound")
    )
    agent = make_agent(config, [(4, 4, 4)])
    constants = agent_cases.small_constants(agent)
    params = agent.network.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 8)
    games, _ = jax.jit(self_play.play, static_argnums=1)(params, agent, constants, keys)
    ring = replay.add(replay.empty_ring(agent_cases.first(games), 8), games)
    examples = jax.vmap(lambda key: replay.game_example(key, ring, agent))(keys)
    assert examples.inverse.shape == (8, 3, 4, 4)
    starts = baseline.of(games.start, games.inverse, config.search, agent.game.ring)
    assert np.all(np.array(starts) >= -8), "the naive algorithm has 8 terms in the canonical basis"
    played = baseline.of(games.start, None, config.search, agent.game.ring)
    assert np.any(np.array(played) < -8)
