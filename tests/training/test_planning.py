"""Plans: counted costs, lowering for TPU and CUDA, and the paper's configuration."""

import jax
import pytest
from tiny_run import ON_SUMS, tiny_config

from alphatensor.training import planning, settings
from alphatensor.training.programs import make_programs
from experiments.configs import attentive, paper, quickstart


@pytest.fixture(scope="module")
def reduced():
    """The paper's configuration with a small network and a short search."""
    config = paper.get_config()
    config.network = attentive.get_config().network
    config.search.update(dict(simulations=4, samples=4))
    config.learner.batch_size = 8
    config.train.update(dict(games=8, game_buffer=8, best_buffer=8))
    return settings.from_config(config)


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_every_format_up_to_5x5x5_lowers(reduced, platform):
    assert len(reduced.targets) == 20 and reduced.agent.game.side == 25
    sizes = {name: size for name, size, _ in planning.lower(reduced, platform)}
    assert set(sizes) == {"learn", "act"} and min(sizes.values()) > 10_000


def test_memory_of_the_tree_is_that_of_its_arrays(reduced):
    per_game = planning.tree_bytes(reduced)
    nodes, samples, side = 5, 4, 25
    state = 2 * side**3 + 3 * side  # int16 residual and the support
    assert per_game > nodes * (state + samples * (3 * side + 24))
    assert per_game < nodes * (state + samples * (3 * side + 24) + 1_000)


def test_counted_parameters_are_those_of_the_network(reduced):
    shapes = make_programs(reduced).shapes.learner.params
    assert planning.num_parameters(reduced) == sum(x.size for x in jax.tree.leaves(shapes))


def test_a_model_axis_splits_the_parameters():
    config = quickstart.get_config()
    whole = planning.memory(settings.from_config(config))
    config.mesh.update(dict(data=1, model=jax.device_count()))
    split = planning.memory(settings.from_config(config))
    if jax.device_count() > 1:
        assert split.parameters < 0.7 * whole.parameters
    assert split.tree == whole.tree * jax.device_count()


def test_rematerialising_stores_less(reduced):
    config = paper.get_config()
    config.network = attentive.get_config().network
    config.network.rematerialise = True
    less = planning.activation_bytes(settings.from_config(config))
    assert less < 0.5 * planning.activation_bytes(reduced)


def test_a_run_on_sums_of_terms_lowers_its_walks():
    given = settings.from_config(tiny_config(**ON_SUMS))
    assert [name for name, _, _ in planning.lower(given, "cuda")] == ["learn", "walk"]
    memory = planning.memory(given)
    assert memory.tree == 0 and memory.buffers > 0
    assert planning.run_operations(given, 10) > planning.run_operations(given, 5) > 0
