"""Actions: tokens, canonical forms and merging against brute force."""

import jax.numpy as jnp
import numpy as np
import pytest
from agent_cases import CONFIG

from alphatensor import rings
from alphatensor.agent import actions


@pytest.mark.parametrize(
    ("entries", "d", "shape", "side"),
    [
        ((-1, 0, 1), 4, (4, 4, 4), 4),
        ((-2, -1, 0, 1, 2), 3, (4, 6, 6), 6),
        ((0, 1), 5, (3, 4, 5), 7),
    ],
)
def test_tokens_round_trip(entries, d, shape, side):
    vocabulary = actions.Vocabulary(entries, d, shape, side)
    assert vocabulary.num_tokens * d >= sum(shape)
    rng = np.random.default_rng(2)
    factors = rng.choice(entries, (50, 3, side)).astype(np.int8)
    for mode, size in enumerate(shape):
        factors[:, mode, size:] = 0
    tokens = actions.to_tokens(jnp.array(factors), vocabulary)
    assert int(tokens.max()) < vocabulary.size and tokens.shape == (50, vocabulary.num_tokens)
    assert np.array_equal(actions.from_tokens(tokens, vocabulary), factors)


def test_vocabulary_of_a_run_covers_all_its_targets():
    config = CONFIG.replace(entries=(1, 0, -1))
    vocabulary = actions.make_vocabulary(config, [(4, 6, 6), (5, 3, 3)])
    assert vocabulary == actions.Vocabulary((-1, 0, 1), 4, (5, 6, 6), 6)


def canonical_form(factors, scales, ring):
    scaled = ring.reduce(factors * np.array(scales)[:, None])
    return tuple(np.array(actions.canonical(jnp.array(scaled), ring)).flat)


def test_canonical_form_is_one_for_all_signs_and_scalings():
    rng = np.random.default_rng(3)
    integers, mod5 = rings.Integers(), rings.IntegersMod(5)
    for _ in range(20):
        factors = rng.integers(-2, 3, (3, 4))
        factors[:, 1] = rng.choice([-2, -1, 1, 2], 3)
        signs, units = (1, -1), range(1, 5)
        forms = {canonical_form(factors, (a, b, a * b), integers) for a in signs for b in signs}
        assert len(forms) == 1
        form = jnp.array(forms.pop()).reshape(3, 4)
        assert np.array_equal(actions.outer(form, integers), actions.outer(factors, integers))
        scaled = {
            canonical_form(factors, (a, b, pow(a * b, -1, 5)), mod5) for a in units for b in units
        }
        assert len(scaled) == 1
        form = jnp.array(scaled.pop()).reshape(3, 4)
        assert np.array_equal(actions.outer(form, mod5), actions.outer(jnp.array(factors), mod5))


def test_merge_sums_equal_samples_and_drops_null_ones():
    a, b, null = np.eye(3, dtype=np.int8), np.ones((3, 3), np.int8), np.zeros((3, 3), np.int8)
    samples = jnp.array([a, b, null, a, a, b])
    probabilities = actions.merge(samples)
    np.testing.assert_allclose(probabilities, [0.6, 0.4, 0, 0, 0, 0], rtol=1e-6)
    assert actions.merge(jnp.array([null, null])).tolist() == [1, 0]
