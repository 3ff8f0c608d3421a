"""TensorGame, ranks, actions and bases against brute force."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alphatensor import rings, targets
from alphatensor.agent import actions as factors
from alphatensor.agent import bases, demonstrations, environment, rank_bound
from alphatensor.factorization import matrix_rank

RINGS = [rings.Integers(), rings.IntegersMod(2), rings.IntegersMod(5)]


def exact_rank(matrix, ring):
    """Row reduction in Python fractions or residues: slow, independent of the library's way."""
    if ring.is_modular:
        field = lambda x: int(x) % ring.modulus  # noqa: E731
        divide = lambda a, b: a * pow(b, -1, ring.modulus) % ring.modulus  # noqa: E731
    else:
        field, divide = (lambda x: Fraction(int(x))), (lambda a, b: a / b)
    rows, rank = [[field(x) for x in row] for row in matrix], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            ratio = divide(rows[r][column], rows[rank][column])
            rows[r] = [
                field_sub(x, ratio * y, ring) for x, y in zip(rows[r], rows[rank], strict=True)
            ]
        rank += 1
    return rank


def field_sub(x, y, ring):
    return (x - y) % ring.modulus if ring.is_modular else x - y


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_ranks_agree_with_fractions(ring):
    rng = np.random.default_rng(0)
    low = [rng.integers(-9, 10, (5, r)) @ rng.integers(-9, 10, (r, 6)) for r in range(1, 5)]
    big = [rng.integers(-32767, 32768, (5, 6)), 46337 * rng.integers(0, 2, (5, 6)) // 2]
    tiny = [rng.integers(-1, 2, (5, 6)) for _ in range(20)]
    matrices = np.array(low + big + tiny + [np.zeros((5, 6), int)])
    ranks = matrix_rank.rank(jnp.array(matrices), ring, 40_000)
    assert ranks.tolist() == [exact_rank(m, ring) for m in matrices]


def test_rank_over_q_of_a_matrix_that_vanishes_mod_a_prime():
    prime = matrix_rank.primes_for(2, 40_000)[0]
    matrix = jnp.array([[prime, 0], [0, 1]])
    assert matrix_rank.rank_mod(matrix, prime) == 1
    assert matrix_rank.rank(matrix, rings.Integers(), 50_000) == 2


def test_slice_rank_bound_is_the_least_of_three_modes():
    tensor = np.zeros((4, 4, 4), int)
    tensor[0] = np.eye(4)  # one slice of rank 4 along mode 0; eight of rank 1 along the others
    assert rank_bound.slice_rank_bound(jnp.array(tensor), rings.Integers(), 1) == 4
    strassen_bound = rank_bound.slice_rank_bound(
        jnp.array(targets.matmul(2, 2, 2).tensor), rings.Integers(), 1
    )
    assert strassen_bound == 8


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_game_agrees_with_numpy_on_random_play(ring):
    rules = environment.Rules(ring=ring, side=4, max_moves=5, history=2)
    entries = range(ring.modulus) if ring.is_modular else (-2, -1, 0, 1, 2)
    rng = np.random.default_rng(1)
    play = jax.jit(environment.step, static_argnums=2)
    penalty = jax.jit(environment.failure_penalty, static_argnums=2)
    for _ in range(5):
        tensor = rng.integers(-3, 4, (4, 4, 4))
        state = environment.reset(jnp.array(tensor), jnp.ones((3, 4), bool), rules)
        expected, actions, total = ring.reduce(tensor), [], 0.0
        for move in range(rules.max_moves + 2):
            action = rng.choice(list(entries), (3, 4)).astype(np.int8)
            before = state
            state, reward = play(state, jnp.array(action), rules)
            batched = jax.tree.map(lambda x: x[None], (before, state))
            total += float(reward) + float(penalty(*batched, rules)[0])
            if move < rules.max_moves:
                actions.append(action)
                u, v, w = action.astype(int)
                expected = ring.reduce(expected - np.einsum("i,j,k->ijk", u, v, w))
            assert np.array_equal(state.residual, expected)
            assert state.past[0].tolist() == actions[-1].tolist()
            assert int(state.move) == len(actions) and bool(state.done) == (len(actions) == 5)
        slices = [
            sum(exact_rank(s, ring) for s in np.moveaxis(expected, mode, 0)) for mode in range(3)
        ]
        assert total == -rules.max_moves - min(slices)  # the return of a failed game


def test_solved_game_stops_and_observation_shows_the_past():
    ring = rings.Integers()
    rules = environment.Rules(ring=ring, side=3, max_moves=4, history=2)
    action = jnp.array([[1, 0, -1], [0, 1, 0], [1, 1, 0]], jnp.int8)
    state = environment.reset(factors.outer(action, ring) * 2, jnp.ones((3, 3), bool), rules)
    state, _ = environment.step(state, action, rules)
    seen = environment.observe(state, rules)
    assert np.array_equal(seen.tensors[0], factors.outer(action, ring))
    assert np.array_equal(seen.tensors[1], factors.outer(action, ring))
    assert not seen.tensors[2].any() and seen.scalars.tolist() == [0.25]
    state, reward = environment.step(state, action, rules)
    assert bool(state.solved) and bool(state.done) and float(reward) == -1
    again, reward = environment.step(state, action, rules)
    assert float(reward) == 0 and np.array_equal(again.residual, state.residual)


@pytest.mark.parametrize(
    ("entries", "d", "sizes", "side"),
    [
        ((-1, 0, 1), 4, (4, 4, 4), 4),
        ((-2, -1, 0, 1, 2), 3, (4, 6, 6), 6),
        ((0, 1), 5, (3, 4, 5), 7),
    ],
)
def test_tokens_round_trip(entries, d, sizes, side):
    vocabulary = factors.Vocabulary(entries, d, sizes, side)
    assert vocabulary.num_tokens * d >= sum(sizes)
    rng = np.random.default_rng(2)
    actions = rng.choice(entries, (50, 3, side)).astype(np.int8)
    for mode, size in enumerate(sizes):
        actions[:, mode, size:] = 0
    tokens = factors.to_tokens(jnp.array(actions), vocabulary)
    assert int(tokens.max()) < vocabulary.size and tokens.shape == (50, vocabulary.num_tokens)
    assert np.array_equal(factors.from_tokens(tokens, vocabulary), actions)


def test_canonical_form_is_one_for_all_signs_and_scalings():
    rng = np.random.default_rng(3)
    integers, mod5 = rings.Integers(), rings.IntegersMod(5)
    for _ in range(20):
        action = rng.integers(-2, 3, (3, 4))
        action[:, 1] = rng.choice([-2, -1, 1, 2], 3)
        forms = {
            tuple(
                np.array(factors.canonical(jnp.array(action * np.c_[[a, b, a * b]]), integers)).flat
            )
            for a in (1, -1)
            for b in (1, -1)
        }
        assert len(forms) == 1
        form = jnp.array(forms.pop()).reshape(3, 4)
        assert np.array_equal(factors.outer(form, integers), factors.outer(action, integers))
        scaled = {
            tuple(
                np.array(
                    factors.canonical(
                        jnp.array(action * np.c_[[a, b, pow(a * b, -1, 5)]] % 5), mod5
                    )
                ).flat
            )
            for a in range(1, 5)
            for b in range(1, 5)
        }
        assert len(scaled) == 1
        form = jnp.array(scaled.pop()).reshape(3, 4)
        assert np.array_equal(factors.outer(form, mod5), factors.outer(jnp.array(action), mod5))


def test_merge_sums_equal_samples_and_drops_null_ones():
    a, b, null = np.eye(3, dtype=np.int8), np.ones((3, 3), np.int8), np.zeros((3, 3), np.int8)
    samples = jnp.array([a, b, null, a, a, b])
    probabilities, is_first = factors.merge(samples)
    np.testing.assert_allclose(probabilities, [0.6, 0.4, 0, 0, 0, 0], rtol=1e-6)
    assert is_first.tolist() == [True, True, False, False, False, False]
    probabilities, is_first = factors.merge(jnp.array([null, null]))
    assert probabilities.tolist() == [1, 0] and is_first.tolist() == [True, False]


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize("shared", [True, False])
def test_bases_are_inverted_exactly_and_keep_factorisations(ring, shared):
    sizes, side = (4, 6, 6), 6  # 2x2x3, padded
    sample = jax.jit(bases.random_basis, static_argnums=(1, 2, 3, 4, 5))
    target = np.zeros((6, 6, 6), np.int32)
    target[:4] = targets.matmul(2, 2, 3).tensor
    distinct = set()
    for seed in range(10):
        basis = sample(jax.random.key(seed), sizes, side, ring, 0.4, shared)
        product = ring.reduce(np.array(basis.forward) @ np.array(basis.inverse))
        assert np.array_equal(product, np.stack([np.eye(6)] * 3))
        assert np.array_equal(basis.forward[1], basis.forward[2]) or not shared
        changed = bases.change_tensor(jnp.array(target), basis.forward, ring)
        distinct.add(np.array(changed).tobytes())
        back = bases.change_tensor(changed, basis.inverse, ring)
        assert np.array_equal(back, ring.reduce(target))
        unfolding = jnp.moveaxis(changed, 1, 0).reshape(6, 36)
        assert matrix_rank.rank(unfolding, ring, 1000) == 6  # flattening ranks do not change
        action = jax.random.randint(jax.random.key(seed), (3, 6), 0, 2)
        assert np.array_equal(
            factors.outer(bases.change_factors(action, basis.forward, ring), ring),
            bases.change_tensor(factors.outer(action, ring), basis.forward, ring),
        )
    assert len(distinct) > 5


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_signed_permutations_commute_with_the_game(ring):
    sizes, side = (4, 6, 6), 6
    rules = environment.Rules(ring=ring, side=side, max_moves=9, history=1)
    rng = np.random.default_rng(4)
    for seed in range(5):
        permutation = bases.random_signed_permutation(
            jax.random.key(seed), sizes, side, ring, shared=seed % 2 == 0
        )
        action = jnp.array(ring.reduce(rng.integers(-1, 2, (3, 6))), jnp.int8)
        tensor = jnp.array(ring.reduce(rng.integers(-2, 3, (6, 6, 6))), jnp.int16)
        moved = bases.permute_factors(action, permutation, ring)
        assert np.array_equal(bases.unpermute_factors(moved, permutation, ring), action)
        state = environment.reset(tensor, jnp.ones((3, 6), bool), rules)
        played, _ = environment.step(state, action, rules)
        moved_state = environment.reset(
            bases.permute_tensor(tensor, permutation, ring), jnp.ones((3, 6), bool), rules
        )
        moved_played, _ = environment.step(moved_state, moved, rules)
        assert np.array_equal(
            bases.permute_tensor(played.residual, permutation, ring), moved_played.residual
        )


@pytest.mark.parametrize("ring", RINGS[:2], ids=str)
def test_demonstrations_follow_their_law(ring):
    entries = (0, 1) if ring.is_modular else (-1, 0, 1)
    probabilities = (0.6, 0.4) if ring.is_modular else (0.2, 0.6, 0.2)
    law = demonstrations.Law(2, 5, entries, probabilities)
    support = jnp.arange(4)[None] < jnp.array([3, 4, 4])[:, None]
    keys = jax.random.split(jax.random.key(0), 2000)
    sample = jax.jit(jax.vmap(lambda k: demonstrations.sample(k, support, law, ring)))
    games = sample(keys)
    ranks = np.array(games.rank)
    assert np.all(np.abs(np.bincount(ranks, minlength=6)[2:] / 2000 - 0.25) < 0.05)
    played = np.arange(5)[None] < ranks[:, None]
    drawn = np.array(games.factors)
    assert not np.any(drawn[~played]) and not np.any(drawn[:, :, 0, 3:])
    assert np.all(np.any(drawn[played] != 0, axis=-1)), "a null factor"
    # Conditioned on not being null: 0.6**4 of the vectors of length 4 are drawn again.
    expected = 0.6 * (1 - 0.6**3) / (1 - 0.6**4)
    assert abs(np.mean(drawn[played][:, 1] == 0) - expected) < 0.02
