"""Demonstrations follow the distribution that they are given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from exact_rank import RINGS

from alphatensor.agent import demonstrations
from alphatensor.agent.config import DemonstrationsConfig


@pytest.mark.parametrize("ring", RINGS[:2], ids=str)
def test_demonstrations_follow_their_distribution(ring):
    entries = (0, 1) if ring.is_modular else (-1, 0, 1)
    probabilities = (0.6, 0.4) if ring.is_modular else (0.2, 0.6, 0.2)
    config = DemonstrationsConfig(min_rank=2, max_rank=5, probabilities=probabilities)
    support = jnp.arange(4)[None] < jnp.array([3, 4, 4])[:, None]
    keys = jax.random.split(jax.random.key(0), 2000)
    sample = jax.vmap(lambda k: demonstrations.sample(k, support, config, entries, ring))
    games = jax.jit(sample)(keys)
    ranks = np.array(games.rank)
    assert np.all(np.abs(np.bincount(ranks, minlength=6)[2:] / 2000 - 0.25) < 0.05)
    played = np.arange(5)[None] < ranks[:, None]
    drawn = np.array(games.factors)
    assert not np.any(drawn[~played]) and not np.any(drawn[:, :, 0, 3:])
    assert np.all(np.any(drawn[played] != 0, axis=-1)), "a null factor"
    # Conditioned on not being null: 0.6**4 of the vectors of length 4 are drawn again.
    expected = 0.6 * (1 - 0.6**3) / (1 - 0.6**4)
    assert abs(np.mean(drawn[played][:, 1] == 0) - expected) < 0.02


def test_factors_are_shared_with_earlier_moves_at_the_given_rate():
    config = DemonstrationsConfig(min_rank=6, max_rank=6, probabilities=(0.5, 0.5), shared=0.25)
    keys = jax.random.split(jax.random.key(0), 500)

    def factors(config):
        support = jnp.ones((3, 12), bool)  # so long that equal factors are hardly ever chance
        sample = jax.vmap(lambda k: demonstrations.sample(k, support, config, (0, 1), RINGS[0]))
        return np.array(jax.jit(sample)(keys).factors)

    drawn, plain = factors(config), factors(config.replace(shared=0.0))
    changed = np.any(drawn != plain, axis=-1)
    assert not np.any(changed[:, 0]), "the first move has none before it"
    assert abs(np.mean(changed[:, 1:]) - 0.25) < 0.02
    for game, original, where in zip(drawn[:50], plain[:50], changed[:50], strict=True):
        for move, mode in np.argwhere(where):
            earlier = original[:move, mode]
            assert np.any(np.all(game[move, mode] == earlier, axis=-1))
