"""Buffers keep the right games, and examples are positions of games."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agent_cases import CONFIG, first, small_agent, solved_games

from alphatensor.agent import rank_bound, replay

SUPPORT = jnp.ones((3, 4), bool)


def test_ring_buffer_overwrites_the_oldest():
    games = solved_games()
    ring = replay.empty_ring(first(games), 4)
    ring = replay.add(ring, games)
    assert int(ring.size) == 3
    ring = replay.add(ring, games)
    assert int(ring.size) == 4 and int(ring.next) == 2
    assert ring.games.length.tolist() == [3, 4, 4, 2]


def test_best_games_are_the_shortest_of_their_target():
    games = solved_games()
    unsolved = games._replace(solved=np.array([False, True, True]))
    best = replay.add_best(replay.empty_best(first(games), 3), unsolved, slack=0)
    assert int(best.size) == 1 and best.games.length[0] == 3
    best = replay.add_best(best, games, slack=1)
    assert int(best.size) == 3
    assert sorted(best.games.length.tolist()) == [2, 3, 3]
    other = games._replace(target=np.array([1, 1, 1], np.int32))
    best = replay.add_best(best, other, slack=0)
    assert sorted(best.games.length[: int(best.size)].tolist()) == [2, 2]
    assert sorted(best.games.target[: int(best.size)].tolist()) == [0, 1]


def test_a_bonus_orders_games_of_one_length_alone():
    games = solved_games()
    same = jax.tree.map(lambda x: np.stack([x[1], x[1], x[0]]), games)  # lengths 3, 3 and 2
    paid = replay.with_bonus(same, jnp.array([-0.5, 9.0, -9.0]))
    best = replay.add_best(replay.empty_best(first(games), 3), paid, slack=1)
    assert best.games.length.tolist() == [2, 3, 3], "no bonus outweighs a move"
    assert best.games.bonus.tolist() == [-9.0, 9.0, -0.5]
    assert best.score.tolist() == [0, -1, -1]


def test_newer_games_replace_equal_ones():
    games = solved_games()
    old, new = (
        jax.tree.map(lambda x: x[:1], games)._replace(returns=np.full((1, 4), value, np.float32))
        for value in (-1, -2)
    )
    best = replay.add_best(replay.empty_best(first(games), 1), old, slack=0)
    best = replay.add_best(best, new, slack=0)
    assert best.games.returns[0, 0] == -2


def test_a_bonus_is_paid_to_solved_games_for_each_move_that_was_played():
    games = solved_games()._replace(solved=np.array([True, False, True]))
    paid = replay.with_bonus(games, jnp.array([-0.5, -0.5, 0.25]))
    assert paid.bonus.tolist() == [-0.5, 0, 0.25]
    change = np.array(paid.returns) - games.returns
    assert change.tolist() == [[-0.5, -0.5, 0, 0], [0] * 4, [0.25] * 4]


@pytest.mark.parametrize("shuffle", [0.0, 1.0])
def test_examples_are_positions_of_the_game(shuffle):
    games, agent = solved_games(), small_agent(shuffle_probability=shuffle)
    ring = replay.add(replay.empty_ring(first(games), 5), games)
    draw = jax.jit(jax.vmap(lambda k: replay.game_example(k, ring, agent)))(
        jax.random.split(jax.random.key(0), 60)
    )
    starts = {g.tobytes(): i for i, g in enumerate(games.start)}
    orders = set()
    for i in range(60):
        state = jax.tree.map(lambda x, i=i: np.array(x[i]), draw.state)
        action = np.array(draw.actions[i, 0], int)
        move, left = int(state.num_moves), int(-draw.value[i])
        # What is left is a sum of `left` actions of the game, among them the one to predict.
        rest = state.residual - np.einsum("i,j,k->ijk", *action)
        past = state.past_actions[: min(move, 2)].astype(int)
        replayed = state.residual + np.einsum("ti,tj,tk->ijk", *np.moveaxis(past, 1, 0))
        if move <= 2:
            game = starts[replayed.astype(np.int16).tobytes()]
            assert move + left == games.length[game]
            orders.add((game, move, action.tobytes()))
        assert (left == 1) == (not rest.any())
        assert not state.past_actions[move:].any()
    per_position = len(orders) / len({o[:2] for o in orders})
    assert per_position == 1 if shuffle == 0 else per_position > 1.5


def test_policies_of_games_that_failed_badly_may_be_left_out():
    games = solved_games()
    # Unsolved, and by its return no better and better than the slices of its start.
    bound = -np.array([rank_bound.value_baseline(x, small_agent().game.ring) for x in games.start])
    returns = games.returns.copy()
    returns[0, 0], returns[1, 0] = -bound[0], 1 - bound[1]
    games = games._replace(solved=np.array([False, False, True]), returns=returns)
    ring = replay.add(replay.empty_ring(first(games), 5), games)
    for rule, known in (("all", {0, 1, 2}), ("better", {1, 2})):
        agent = small_agent(shuffle_probability=0.0, unsolved_policy=rule)
        draw = jax.jit(jax.vmap(lambda k, agent=agent: replay.game_example(k, ring, agent)))
        drawn = draw(jax.random.split(jax.random.key(0), 60))
        taught = np.any(np.array(drawn.actions), axis=(1, 2, 3))
        numbers = np.array([_game_of(x, m, games) for x, m in _starts(drawn)])
        assert set(numbers[taught]) == known and set(numbers[~taught]) == {0, 1, 2} - known


def _starts(drawn):
    return zip(np.array(drawn.state.residual), np.array(drawn.state.num_moves), strict=True)


def _game_of(residual, moves, games) -> int:
    """Returns which game a position is of."""
    for number, (start, played) in enumerate(zip(games.start, games.actions, strict=True)):
        past = played[:moves].astype(int)
        removed = np.einsum("ti,tj,tk->ijk", *np.moveaxis(past, 1, 0))
        if np.array_equal(start - removed, residual):
            return number
    raise AssertionError("a position of no game")


def test_demonstration_examples_can_be_finished_by_their_actions():
    agent = small_agent(actions_per_state=3)
    draw = jax.jit(jax.vmap(lambda k: replay.demonstration_example(k, SUPPORT, agent)))(
        jax.random.split(jax.random.key(1), 100)
    )
    for i in range(100):
        left = int(-draw.value[i])
        assert 1 <= left <= CONFIG.demonstrations.max_rank
        total = np.einsum(
            "ti,tj,tk->ijk", *np.moveaxis(np.array(draw.actions[i, :left], int), 1, 0)
        )
        assert np.array_equal(total, draw.state.residual[i])
