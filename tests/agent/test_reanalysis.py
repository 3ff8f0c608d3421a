"""Tests of positions that are searched again."""

import agent_cases
import jax
import jax.numpy as jnp
import numpy as np

from alphatensor.agent import reanalysis, replay


def test_policies_of_some_positions_are_new_and_all_else_stays():
    agent = agent_cases.small_agent()
    constants = agent_cases.small_constants(agent)
    params = agent.network.init(jax.random.key(0))
    games = agent_cases.solved_games()
    ring = replay.add(replay.empty_ring(agent_cases.first(games), 5), games)

    @jax.jit
    def again(ring):
        numbers = reanalysis.draw_games(jax.random.key(1), ring, 2)
        keys = jax.random.split(jax.random.key(2), 2)
        found = reanalysis.search_again(
            params, agent, constants.permutations, ring.games, numbers, keys
        )
        return reanalysis.take_up(ring, found), found

    after, found = again(ring)
    assert len(set(found.game.tolist())) == 2 and max(found.game) < 3  # the rest is empty
    changed = np.any(np.array(after.games.policy != ring.games.policy), axis=-1)
    places = {(int(g), int(m)) for g, m in zip(*np.nonzero(changed), strict=True)}
    assert places == set(zip(found.game.tolist(), found.move.tolist(), strict=True))
    assert np.allclose(after.games.policy[changed].sum(axis=-1), 1)
    assert np.all(found.move < ring.games.length[found.game])
    same = after.games._replace(policy=ring.games.policy, candidates=ring.games.candidates)
    jax.tree.map(np.testing.assert_array_equal, same, ring.games)


def test_games_are_drawn_among_those_stored_first():
    games = agent_cases.solved_games()
    ring = replay.add(replay.empty_ring(agent_cases.first(games), 8), games)
    drawn = {tuple(sorted(reanalysis.draw_games(key, ring, 3).tolist())) for key in keys(10)}
    assert drawn == {(0, 1, 2)}
    firsts = {int(reanalysis.draw_games(key, ring, 1)[0]) for key in keys(30)}
    assert firsts == {0, 1, 2}


def keys(count: int):
    return jnp.stack(list(jax.random.split(jax.random.key(5), count)))
