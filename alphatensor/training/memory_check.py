"""Refuses a run whose arrays cannot fit, before the first of them is allocated."""

import jax

from alphatensor.config import require_memory
from alphatensor.kernels import memory
from alphatensor.training.settings import Settings


def check(settings: Settings) -> None:
    """Compares a lower estimate of each large array with what is free on the devices here.

    Raises:
      ConfigError: for the first field that asks for more, in one line.
    """
    free = memory.available()
    if free is not None and jax.default_backend() != "cpu":  # a CPU's devices share its memory
        free *= jax.local_device_count()
    config = settings.config
    for path, needed in needs(settings).items():
        section, _, name = path.rpartition(".")
        require_memory(path, getattr(getattr(config, section), name), needed, free)


def needs(settings: Settings) -> dict[str, int]:
    """Returns the bytes that certain fields ask for at least, by their paths.

    All are lower estimates, on all devices of this process together: what is refused could not run.
    """
    config, side = settings.config, settings.agent.game.side
    game, net, train = config.game, config.network, config.train
    action = 3 * side  # int8
    samples, processes = config.search.width, jax.process_count()
    trees = max(train.games, train.reanalysed) // processes
    head = settings.agent.network.value_head
    played = game.max_moves * (action + samples * (action + 4))  # actions, candidates, policy
    node = 2 * side**3 + samples * action
    block = 4 * net.channels * (net.heads * net.head_size + net.widening * net.channels)
    layer = 4 * net.policy_width * (net.policy_width + net.policy_heads * net.head_size)
    grids = 4 * (game.history + 1) * side**3
    return {
        "search.root_samples": 2 * side**3 + config.search.root_samples * action,
        "bases.signed_permutations": config.bases.signed_permutations * action,
        "game.max_moves": played,
        "game.history": grids,
        "search.samples": node,
        "network.channels": block,
        "network.torso_blocks": block * net.torso_blocks,
        "network.policy_width": layer,
        "network.policy_layers": layer * net.policy_layers,
        "network.value_width": 4 * net.value_width * (net.value_width + head.size),
        "train.games": train.games * played,
        "train.game_buffer": train.game_buffer * played,
        "train.best_buffer": train.best_buffer * played,
        "demonstrations.max_rank": config.demonstrations.max_rank * action,
        "search.simulations": trees * (config.search.simulations + 1) * node,
        "learner.batch_size": config.learner.batch_size // processes * grids,
        "train.runtime_size": 12 * train.runtime_size**2 if train.runtime_weight else 0,
    }
