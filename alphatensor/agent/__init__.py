"""The agent of the paper (Fawzi et al. 2022): game, network, search, self-play and learning.

Everything here is a pure function of arrays and of static descriptions. The agent knows no files,
clocks or devices; `alphatensor.training` gives it those. The modules, in the order in which they
build on each other::

    config          every setting, with the paper's defaults; network_config: the network's
    actions         rank-1 tensors as factors, as tokens, in canonical form, and merged
    rank_bound      the penalty of an unsolved game
    environment     TensorGame: reset, step, observe
    bases           changes of basis and signed permutations
    demonstrations  random factorizations as games to learn from
    networks        torso, policy head and value head, in Haiku
    agent           `Agent` and `Constants`: all that stays the same during a run
    baseline        what values are relative to
    search          sample-based Monte Carlo tree search
    self_play       batches of games
    symmetries      other games of the same start
    replay          buffers of games, and positions to learn from
    reanalysis      stored positions that are searched again
    batches         examples of demonstrations and games, as input of the network and its targets
    learner         losses, optimiser, and many updates in one compiled call

A round of a run, with the constants of the run and one random key for each game::

    agent = make_agent(config, shapes=[(4, 4, 4)])
    constants = make_constants(agent, [tensor], permutation_key, bases_key)
    state = learner.init(key, agent)
    games, statistics = self_play.play(state.params, agent, constants, keys)
    experience = Experience(replay.add(recent, games), replay.add_best(best, games, 0), mixture)
    draw = functools.partial(
        batches.draw_examples, experience=experience, constants=constants, agent=agent
    )
    state, losses = learner.learn(
        state, key, draw, constants.permutations, agent=agent, shard=shard
    )

Letters in shapes::

    B  games or positions at once           h  past actions that the network sees
    S  side: entries of each mode, padded   k  tokens of one action
    T  moves of the longest game            d  entries of a factor that one token stands for
    K  actions sampled at a node            q  quantiles of the return
    A  actions learnt of one position       c  features of an element of the torso's grids
    M  targets of a run                     G  elements of the three grids together
    P  signed permutations of a run

The true sizes of a tensor's modes, before they are padded to S, are its shape (S_u, S_v, S_w).
"""

from alphatensor.lazy import attach

# The home of each public name. They are imported when they are first used: a file of
# configurations needs `config` alone, which starts without JAX.
_HOMES = {
    "Agent": "agent",
    "AgentConfig": "config",
    "BasesConfig": "config",
    "BestBuffer": "replay",
    "Constants": "agent",
    "DemonstrationsConfig": "config",
    "Experience": "batches",
    "Game": "environment",
    "GameConfig": "config",
    "Games": "self_play",
    "LearnerConfig": "config",
    "LearnerState": "learner",
    "Losses": "learner",
    "NetworkConfig": "network_config",
    "Observation": "environment",
    "RingBuffer": "replay",
    "SearchConfig": "config",
    "SearchResult": "search",
    "Shard": "learner",
    "State": "environment",
    "Statistics": "self_play",
    "Vocabulary": "actions",
    "make_agent": "agent",
    "make_constants": "agent",
    "support_of": "agent",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = attach(__name__, _HOMES)
