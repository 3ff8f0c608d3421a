"""Small agents and games for the tests of the agent, built by name."""

import jax
import jax.numpy as jnp
import numpy as np

from alphatensor import targets
from alphatensor.agent import environment, self_play
from alphatensor.agent.agent import Agent, Constants, make_agent, make_constants
from alphatensor.agent.config import (
    AgentConfig,
    BasesConfig,
    DemonstrationsConfig,
    GameConfig,
    LearnerConfig,
    SearchConfig,
)
from alphatensor.agent.network_config import NetworkConfig


def make_game(ring, side: int, **config) -> environment.Game:
    """Returns the rules of a game, for tests that need no more of an agent."""
    return environment.Game(ring, side, GameConfig(**config))


NETWORK = NetworkConfig(
    channels=16,
    torso_blocks=1,
    heads=2,
    head_size=8,
    widening=2,
    grid_positions=True,
    rematerialise=False,
    policy_width=32,
    policy_layers=1,
    policy_heads=2,
    dropout=0.0,
    value_width=32,
    quantiles=4,
)

# Games of four moves on 2x2x2, learnt in seconds.
CONFIG = AgentConfig(
    ring="Z",
    entries=(-1, 0, 1),
    entries_per_token=4,
    game=GameConfig(max_moves=4, history=2),
    bases=BasesConfig(
        density=0.3,
        canonical_probability=0.3,
        num_bases=1000,
        shared=False,
        signed_permutations=5,
    ),
    demonstrations=DemonstrationsConfig(min_rank=1, max_rank=3, probabilities=(0.25, 0.5, 0.25)),
    network=NETWORK,
    search=SearchConfig(simulations=8, samples=8),
    learner=LearnerConfig(
        batch_size=32,
        actions_per_state=2,
        learning_rate=3e-3,
        decay_every=1000,
        shuffle_probability=0.5,
    ),
)


def small_agent(**learner) -> Agent:
    """Returns the agent of `CONFIG` for 2x2x2, with some fields of its learner changed."""
    config = CONFIG.replace(learner=CONFIG.learner.replace(**learner))
    return make_agent(config, [(4, 4, 4)])


def small_constants(agent: Agent) -> Constants:
    """Returns the constants of `small_agent`, as arrays on the device."""
    tensors = [targets.matmul(2, 2, 2).tensor]
    constants = make_constants(agent, tensors, jax.random.key(8), jax.random.key(3))
    return jax.tree.map(jnp.asarray, constants)


def solved_games() -> self_play.Games:
    """Returns three hand-made solved games [3] of `CONFIG`, of lengths 2, 3 and 4."""
    moves, samples, side = CONFIG.game.max_moves, CONFIG.search.samples, 4
    rng = np.random.default_rng(0)
    games = []
    for length in (2, 3, 4):
        actions = np.zeros((moves, 3, side), np.int8)
        actions[:length] = rng.integers(-1, 2, (length, 3, side))
        actions[:length, :, 0] = 1
        start = np.einsum("ti,tj,tk->ijk", *np.moveaxis(actions.astype(int), 1, 0))
        policy = np.zeros((moves, samples), np.float32)
        policy[:, 1] = 1
        candidates = np.zeros((moves, samples, 3, side), np.int8)
        candidates[:, 1] = actions
        games.append(
            self_play.Games(
                start=start.astype(np.int16),
                support=np.ones((3, side), bool),
                actions=actions,
                candidates=candidates,
                policy=policy,
                returns=-np.maximum(length - np.arange(moves), 0).astype(np.float32),
                bonus=np.float32(0),
                length=np.int32(length),
                solved=np.array(True),
                target=np.int32(0),
                inverse=np.stack([np.eye(side, dtype=np.int32)] * 3),
            )
        )
    return jax.tree.map(lambda *x: np.stack(x), *games)


def first(games: self_play.Games) -> self_play.Games:
    """Returns the first game of a batch, as buffers want it to know the shapes of one."""
    return jax.tree.map(lambda x: jnp.array(x[0]), games)
