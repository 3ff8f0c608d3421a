"""Games on sums of terms: compression, expansion and walks are exact, whatever is played."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings
from alphatensor.agent import (
    actions,
    compression,
    make_agent,
    make_constants,
    neighbourhood,
    networks,
    spans,
)
from alphatensor.agent.config import AgentConfig, NeighbourhoodConfig
from alphatensor.config import ConfigError
from alphatensor.factorization import naive

NETWORK = dict(
    torso="contractions",
    policy="perceptron",
    channels=8,
    torso_blocks=1,
    widening=1,
    policy_width=8,
    policy_layers=1,
    dropout=0.0,
    value_width=8,
)


def ring_of(modulus):
    return rings.IntegersMod(modulus) if modulus else rings.Integers()


def make_config(modulus=2, **neighbourhood_fields):
    side = neighbourhood_fields.get("side", 3)
    fields = dict(walks=8, side=side, min_terms=2, max_terms=side) | neighbourhood_fields
    most, values = fields["max_terms"], modulus or 3
    return AgentConfig.from_dict(
        dict(
            ring=ring_of(modulus).name,
            entries=tuple(range(modulus)) if modulus else (-1, 0, 1),
            entries_per_token=side,
            game=dict(max_moves=most, history=1),
            demonstrations=dict(max_rank=most, probabilities=(1 / values,) * values),
            network=NETWORK,
            search=dict(simulations=4, samples=4),
            learner=dict(batch_size=8, actions_per_state=most),
            neighbourhood=fields,
        )
    )


def agent_of(config):
    return make_agent(config, ((config.neighbourhood.side,) * 3,))


def constants_of(agent):
    cube = np.zeros((agent.game.side,) * 3, int)
    constants = make_constants(agent, [cube], jax.random.key(0), jax.random.key(1))
    return jax.tree.map(jnp.asarray, constants)


def naive_terms(sizes, ring):
    f = naive(sizes, ring)
    side = max(f.target.shape)
    return np.stack([np.pad(x.T, ((0, 0), (0, side - x.shape[0]))) for x in (f.u, f.v, f.w)], 1)


def total(terms, modulus):
    u, v, w = (np.array(terms)[:, mode].astype(int) for mode in range(3))
    return ring_of(modulus).reduce(np.einsum("ri,rj,rk->ijk", u, v, w))


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_reduced_rows_span_the_same_space(modulus):
    ring = rings.IntegersMod(modulus)
    rng = np.random.default_rng(modulus)
    for _ in range(20):
        matrix = rng.integers(0, modulus, (3, 5)) * rng.integers(0, 2, (3, 1))
        rows, pivots, rank, is_complete = spans.reduced_rows(jnp.array(matrix), ring)
        rank = int(rank)
        assert is_complete
        assert not np.any(rows[rank:]) and np.all(np.diff(np.array(pivots)[:rank]) > 0)
        assert np.array_equal(np.array(rows)[:rank][:, np.array(pivots)[:rank]], np.eye(rank))
        coordinates = matrix[:, np.array(pivots)[:rank]]
        assert np.array_equal(coordinates @ np.array(rows)[:rank] % modulus, matrix % modulus)


def test_integer_rows_span_all_integer_vectors_where_they_are_complete():
    ring, rng = rings.Integers(), np.random.default_rng(0)
    complete = 0
    for _ in range(60):
        matrix = rng.integers(-1, 2, (3, 5))
        rows, pivots, rank, is_complete = map(np.array, spans.reduced_rows(jnp.array(matrix), ring))
        assert rank <= np.linalg.matrix_rank(matrix)
        assert is_complete == (rank == np.linalg.matrix_rank(matrix))
        complete += is_complete
        if is_complete:
            assert np.array_equal(matrix[:, pivots[:rank]] @ rows[:rank], matrix)
            assert np.array_equal(rows[:rank][:, pivots[:rank]], np.eye(rank))
    assert 30 < complete < 60
    # The span of these two holds (0, 1), which is no integral combination of them.
    assert not spans.reduced_rows(jnp.array([[1, 1], [1, -1]]), ring).is_complete


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_random_bases_mix_the_first_coordinates_alone(modulus):
    ring = ring_of(modulus)
    dims = jnp.array([0, 2, 4])
    forward, inverse = spans.random_bases(jax.random.key(3), 4, dims, ring, 0.5)
    product = ring.reduce(np.einsum("mij,mjk->mik", forward, inverse))
    assert np.any(forward[2] != np.diag(np.diag(forward[2])))
    assert np.array_equal(product, np.broadcast_to(np.eye(4), (3, 4, 4)))
    for mode, dim in enumerate([0, 2, 4]):
        rest = np.array(forward[mode])
        rest[:dim, :dim] = 0
        assert not np.any(rest - np.diag(np.diag(rest)))


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_terms_are_compressed_and_expanded_exactly(modulus):
    config = make_config(modulus, side=4, max_terms=3).neighbourhood
    ring = ring_of(modulus)
    rng = np.random.default_rng(0)
    low, high = (0, modulus) if modulus else (-1, 2)
    terms = jnp.array(rng.integers(low, high, (10, 3, 6)), jnp.int8)
    draw = jax.jit(functools.partial(compression.draw_neighbourhood, config=config, ring=ring))
    for seed in range(20):
        drawn = draw(jax.random.key(seed), terms)
        if not drawn.is_compressed:
            assert not modulus
            continue
        size = int(drawn.size)
        assert 2 <= size <= 3 and len(set(np.array(drawn.index)[:size].tolist())) == size
        assert np.array_equal(drawn.terms[:size], terms[drawn.index[:size]])
        back = compression.expand(drawn.local, drawn, ring)
        assert np.array_equal(back, drawn.terms)
        # Moves that leave the span and cancel there are projected back to the same sum.
        stray = (
            jnp.zeros((2, 3, 4), jnp.int8)
            .at[:, :, 3]
            .set(1)
            .at[1, 2, 3]
            .set(modulus - 1 if modulus else -1)
        )
        moves = jnp.concatenate([drawn.local, stray])
        if int(jnp.max(drawn.dims)) < 4:
            assert np.array_equal(
                total(compression.expand(moves, drawn, ring), modulus),
                total(drawn.terms, modulus),
            )


def test_related_terms_share_more_factors():
    terms = jnp.array(naive_terms((2, 2, 2), rings.IntegersMod(2)), jnp.int8)

    def shared(related):
        def one(key):
            chosen = terms[compression.choose_terms(key, terms, 3, related)]
            return jnp.sum(jnp.all(chosen[:, None] == chosen[None], axis=-1)) - 9

        return float(jnp.mean(jax.vmap(one)(jax.random.split(jax.random.key(0), 200))))

    assert shared(1.0) > 1.2 * shared(0.0)


@pytest.mark.parametrize("modulus", [0, 2, 3])
def test_merging_keeps_the_sum(modulus):
    ring = ring_of(modulus)
    a, b, c = [1, 0], [0, 1], [1, 1]
    terms = jnp.array([[a, b, c], [b, b, b], [a, b, a], [a, a, [0, 0]]], jnp.int8)
    merged = neighbourhood.merge_pair(terms, ring, 2)
    assert np.array_equal(total(merged, modulus), total(terms, modulus))
    assert int(jnp.sum(~actions.is_null(merged))) == 2
    cancelling = jnp.array([[a, b, c], [a, b, [ring.reduce(-x) for x in c]]], jnp.int8)
    assert not np.any(neighbourhood.merge_pair(cancelling, ring, 1))
    apart = jnp.array([[a, b, c], [b, a, c]], jnp.int8)
    assert np.array_equal(neighbourhood.merge_pair(apart, ring, 1), apart)


def test_integer_terms_merge_where_their_entries_stay_small():
    a, b, c = [1, 0], [0, 1], [1, 1]
    large = jnp.array([[a, b, c], [a, b, a], [b, [1, -1], a], [b, [-1, 0], a]], jnp.int8)
    merged = neighbourhood.merge_pair(large, rings.Integers(), 1)
    assert np.array_equal(total(merged, 0), total(large, 0))
    used = [t for t in merged.tolist() if np.any(t)]
    # (1, 1) + (1, 0) has a 2; (1, -1) + (-1, 0) has none, and its sign goes to w.
    assert used == [[a, b, c], [a, b, a], [b, [0, 1], [-1, 0]]]


def row_by_row(agent):
    """Returns the agent with a player that takes away the first row of the residual each time."""

    def sample(params, observation, uniforms):
        residual = observation.tensors[:, 0]
        side = residual.shape[-1]
        rows = residual.reshape(-1, side * side, side)
        place = jnp.argmax(jnp.any(rows != 0, axis=-1), axis=-1)
        row = jnp.take_along_axis(rows, place[:, None, None], axis=1)[:, 0]
        u, v = jax.nn.one_hot(place // side, side), jax.nn.one_hot(place % side, side)
        tokens = actions.to_tokens(jnp.stack([u, v, row], axis=1), agent.vocabulary)
        tokens = jnp.broadcast_to(tokens[:, None], uniforms.shape)
        return networks.Samples(tokens, jnp.zeros((tokens.shape[0], 8)))

    return agent._replace(network=agent.network._replace(sample=sample))


@pytest.mark.parametrize(
    "modulus, has_search, detour",
    [(2, False, 0.0), (3, False, 0.5), (2, True, 0.5), (0, False, 0.5)],
)
def test_walks_stay_algorithms(modulus, has_search, detour):
    config = make_config(
        modulus, has_search=has_search, min_terms=1, max_terms=3, detour=detour, margin=1
    )
    agent, ring = row_by_row(agent_of(config)), ring_of(modulus)
    formats = [(1, 2, 2), (2, 2, 2)]
    naives = [naive_terms(sizes, ring) for sizes in formats]
    shape = (8, 3, 4)
    terms = np.zeros((8, *shape), np.int8)
    for walk in range(8):
        x = naives[walk % 2]
        terms[walk, : x.shape[0], :, : x.shape[2]] = x
    walks = neighbourhood.Walks(jnp.array(terms), jnp.arange(8) % 2)
    expected = [total(t, modulus) for t in terms]
    params = agent.network.init(jax.random.key(0))
    step = jax.jit(functools.partial(neighbourhood.step, params, agent, constants_of(agent)))
    changed = longer = 0
    longest = jnp.full(8, 8)
    for seed in range(30):
        walks, outcomes = step(walks, longest, jax.random.split(jax.random.key(seed), 8))
        changed += float(jnp.sum(outcomes.changed))
        longer += float(jnp.sum(outcomes.longer))
        assert float(jnp.sum(outcomes.games)) == 8
        assert np.all(np.array(outcomes.solved) >= np.array(outcomes.changed))
    assert changed > 10 and (longer > 0) == (detour > 0)
    for walk in range(8):
        assert np.array_equal(total(walks.terms[walk], modulus), expected[walk])
    assert np.all(np.array(neighbourhood.ranks(walks)) <= 8)
    assert modulus or np.max(np.abs(walks.terms)) == 1


def test_detours_need_room_below_the_longest_length():
    """A player that takes away single rows makes three moves of two terms in some bases."""
    config = make_config(side=3, min_terms=2, max_terms=3, detour=1.0)
    agent = row_by_row(agent_of(config))
    terms = np.zeros((3, 4, 3, 2), np.int8)
    terms[:, 0] = [[1, 0]] * 3
    terms[:, 1] = [[0, 1]] * 3
    walks = neighbourhood.Walks(jnp.array(terms), jnp.zeros(3, jnp.int32))
    longest = jnp.array([2, 3, 3])
    ranks = set()
    step = jax.jit(functools.partial(neighbourhood.step, {}, agent, constants_of(agent)))
    for seed in range(20):
        after, _ = step(walks, longest, jax.random.split(jax.random.key(seed), 3))
        ranks.add(tuple(neighbourhood.ranks(after).tolist()))
        for walk in range(3):
            assert np.array_equal(total(after.terms[walk], 2), total(terms[walk], 2))
    assert {r[0] for r in ranks} == {2} and {r[1] for r in ranks} == {2, 3}


def test_solved_games_with_fewer_moves_shorten_the_algorithm():
    """Two terms that share two factors are one move for a player that knows it."""
    config = make_config(side=2, min_terms=2, max_terms=2)
    agent = agent_of(config)
    a, b, c = [1, 0], [0, 1], [1, 1]
    terms = jnp.array([[[a, b, a], [a, b, b]]] * 4, jnp.int8)
    walks = neighbourhood.Walks(terms, jnp.zeros(4, jnp.int32))

    def know(params, observation, uniforms):
        """Returns the whole residual, which is of rank 1, as tokens."""
        residual = observation.tensors[:, 0]
        factors = [jnp.max(residual, axis=x) for x in ((2, 3), (1, 3), (1, 2))]
        tokens = actions.to_tokens(jnp.stack(factors, axis=1), agent.vocabulary)[:, None]
        return networks.Samples(tokens, jnp.zeros((tokens.shape[0], 8)))

    knowing = agent._replace(network=agent.network._replace(sample=know))
    keys, zeros = jax.random.split(jax.random.key(0), 4), jnp.zeros(4, jnp.int32)
    after, outcomes = neighbourhood.step({}, knowing, constants_of(agent), walks, zeros, keys)
    assert neighbourhood.ranks(after).tolist() == [1] * 4
    assert outcomes.shorter.tolist() == [0, 0, 4]
    assert after.terms[0].tolist()[0] == [a, b, c] or after.terms[0].tolist()[1] == [a, b, c]


def test_restarts_go_to_the_best_of_the_same_target():
    terms = np.zeros((4, 3, 3, 2), np.int8)
    for walk, rank in enumerate([1, 2, 2, 3]):
        terms[walk, :rank] = 1
    walks = neighbourhood.Walks(jnp.array(terms), jnp.array([0, 0, 1, 1]))
    after = neighbourhood.restart(walks, jax.random.key(0), 1.0)
    assert neighbourhood.ranks(after).tolist() == [1, 1, 2, 2]
    assert np.array_equal(neighbourhood.restart(walks, jax.random.key(0), 0.0).terms, terms)


@pytest.mark.parametrize("modulus", [0, 2])
def test_examples_play_through_terms_and_demonstrations(modulus):
    config = make_config(modulus, side=4, min_terms=2, max_terms=4)
    agent, ring = agent_of(config), ring_of(modulus)
    terms = jnp.array(naive_terms((2, 2, 2), ring), jnp.int8)
    walks = neighbourhood.Walks(jnp.broadcast_to(terms, (4, *terms.shape)), jnp.zeros(4, jnp.int32))
    keys = jax.random.split(jax.random.key(0), 200)
    examples, source = neighbourhood.draw_examples(keys, walks, jnp.array(0.5), agent)
    assert 60 < int(jnp.sum(source)) < 140
    left = -np.array(examples.value).astype(int)
    for i in range(200):
        remaining = np.array(examples.actions[i])[: left[i]]
        assert np.array_equal(total(remaining, modulus), np.array(examples.state.residual[i]))
        assert int(examples.state.num_moves[i]) == 4 - left[i]


@pytest.mark.parametrize(
    "fields, words",
    [
        (dict(max_terms=5), "max_terms"),
        (dict(min_terms=4), "min_terms"),
        (dict(walks=-1), "walks"),
    ],
)
def test_wrong_settings_name_the_field(fields, words):
    with pytest.raises(ConfigError, match=words):
        NeighbourhoodConfig.from_dict(dict(side=3, max_terms=3, min_terms=2) | fields)
