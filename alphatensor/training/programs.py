"""The compiled functions of a run, over the mesh of its devices."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from alphatensor.agent import (
    Constants,
    batches,
    learner,
    make_constants,
    neighbourhood,
    reanalysis,
    replay,
    self_play,
)
from alphatensor.training import devices
from alphatensor.training.neighbourhood import first_walks
from alphatensor.training.settings import Settings
from alphatensor.training.state import TrainState

REANALYSIS = 2**31 - 1  # what its random keys are told from those of games by


class Keys(NamedTuple):
    """Random keys of the parts of a run, made of its seed.

    Randomness is a function of these and of the counters in the state, so a run that starts again
    from a stored state goes on as if it had never stopped.
    """

    init: jax.Array
    permutations: jax.Array
    bases: jax.Array
    learn: jax.Array
    act: jax.Array


class Programs(NamedTuple):
    """Holds the compiled functions of a run.

    Attributes:
      mesh: the devices.
      shapes: shapes and shardings of a TrainState: what a checkpoint is restored into.
      init: makes the first state.
      learn: makes `train.updates_per_call` updates: (state, mixture float32 [3]) -> (state,
        losses).
      act: plays a round: state -> (games [train.games, ...], statistics).
      store: takes up a round: (state, games, bonus float32 [train.games]) -> state; the bonus is
        added to the returns of solved games.
      reanalyse: searches `train.reanalysed` positions of recent games again: state -> state.
      feed: (state, games [train.games, ...]) -> state with these among the best games.
      walk: plays a round of games on sums of terms: state -> (state, outcomes). A run has `walk`,
        or `act`, `store`, `reanalyse` and `feed`; what it has not is None.
    """

    mesh: jax.sharding.Mesh
    shapes: TrainState
    init: Callable[[], TrainState]
    learn: Callable[[TrainState, jax.Array], tuple[TrainState, learner.Losses]]
    act: Callable[[TrainState], tuple[self_play.Games, self_play.Statistics]] | None
    store: Callable[[TrainState, self_play.Games, jax.Array], TrainState] | None
    reanalyse: Callable[[TrainState], TrainState] | None
    feed: Callable[[TrainState, self_play.Games], TrainState] | None
    walk: Callable[[TrainState], tuple[TrainState, neighbourhood.Outcomes]] | None


def keys_of(settings: Settings) -> Keys:
    """Makes the random keys of a run of its seed."""
    return Keys(*jax.random.split(jax.random.key(settings.config.seed), len(Keys._fields)))


def constants_of(settings: Settings) -> Constants:
    """Makes the arrays of a run that never change."""
    keys = keys_of(settings)
    return make_constants(settings.agent, settings.game_tensors(), keys.permutations, keys.bases)


def make_programs(settings: Settings) -> Programs:
    """Builds the jitted functions over the configured mesh; nothing is compiled before a call."""
    config = settings.config
    mesh = devices.make_mesh(config.mesh.data, config.mesh.model)
    keys, constants = keys_of(settings), constants_of(settings)
    play = _make_play(settings, mesh, constants, keys.act)
    learn = _make_learn(settings, mesh, constants, keys.learn)
    init = functools.partial(_init, settings, play, keys.init)
    shapes = _with_shardings(jax.eval_shape(init), mesh)
    # One sharding throughout, or the second call of each program would compile it again.
    shardings, replicated = jax.tree.map(lambda x: x.sharding, shapes), devices.replicated(mesh)
    always = dict(
        mesh=mesh,
        shapes=shapes,
        init=jax.jit(init, out_shardings=shardings),
        learn=jax.jit(learn, donate_argnums=0, out_shardings=(shardings, replicated)),
    )
    if config.neighbourhood.walks:
        walk = _make_walk(settings, mesh, constants, keys.act)
        walk = jax.jit(walk, donate_argnums=0, out_shardings=(shardings, replicated))
        return Programs(**always, act=None, store=None, reanalyse=None, feed=None, walk=walk)

    slack = config.train.best_slack

    def act(state: TrainState):
        return play(state.learner.played, state.rounds)

    def store(state: TrainState, games: self_play.Games, bonus: jax.Array) -> TrainState:
        games = replay.with_bonus(games, bonus)
        return state._replace(
            games=replay.add(state.games, games),
            best_games=replay.add_best(state.best_games, games, slack),
            rounds=state.rounds + 1,
        )

    def feed(state: TrainState, games: self_play.Games) -> TrainState:
        return state._replace(best_games=replay.add_best(state.best_games, games, slack))

    return Programs(
        **always,
        act=jax.jit(act, out_shardings=replicated),
        store=jax.jit(store, donate_argnums=0, out_shardings=shardings),
        reanalyse=jax.jit(
            _make_reanalyse(settings, mesh, constants, keys.act),
            donate_argnums=0,
            out_shardings=shardings,
        )
        if config.train.reanalysed
        else None,
        feed=jax.jit(feed, donate_argnums=0, out_shardings=shardings),
        walk=None,
    )


def _on_all_devices(function: Callable, mesh: jax.sharding.Mesh, in_specs) -> Callable:
    """Runs a function once on each device of the data axis; all results must be the same."""
    # The check cannot see through mctx's loops; results are made equal by gathers and means.
    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=PartitionSpec(),
        axis_names={devices.DATA},
        check_vma=False,
    )


def _make_play(settings: Settings, mesh, constants: Constants, act_key) -> Callable:
    """Makes (params, rounds) -> (games [train.games, ...], statistics), shared among devices."""

    def play_share(params, keys):
        # Inside the function host arrays become constants of the program.
        arrays = jax.tree.map(jnp.asarray, constants)
        games, statistics = self_play.play(params, settings.agent, arrays, keys)
        gather = functools.partial(jax.lax.all_gather, axis_name=devices.DATA, tiled=True)
        return jax.tree.map(gather, games), jax.lax.pmean(statistics, devices.DATA)

    def play(params, rounds):
        round_key = jax.random.fold_in(act_key, rounds)
        keys = jax.random.split(round_key, settings.config.train.games)
        specs = (PartitionSpec(), PartitionSpec(devices.DATA))
        return _on_all_devices(play_share, mesh, specs)(params, keys)

    return play


def _make_reanalyse(settings: Settings, mesh, constants: Constants, act_key) -> Callable:
    """Makes state -> state with new policies of some recent positions, shared among devices."""
    agent, count = settings.agent, settings.config.train.reanalysed

    def search_share(params, games, numbers, keys):
        arrays = jax.tree.map(jnp.asarray, constants)
        found = reanalysis.search_again(params, agent, arrays.permutations, games, numbers, keys)
        gather = functools.partial(jax.lax.all_gather, axis_name=devices.DATA, tiled=True)
        return jax.tree.map(gather, found)

    def reanalyse(state: TrainState) -> TrainState:
        key = jax.random.fold_in(jax.random.fold_in(act_key, state.rounds), REANALYSIS)
        game_key, search_key = jax.random.split(key)
        numbers = reanalysis.draw_games(game_key, state.games, count)
        keys = jax.random.split(search_key, count)
        data = PartitionSpec(devices.DATA)
        share = _on_all_devices(search_share, mesh, (PartitionSpec(), PartitionSpec(), data, data))
        found = share(state.learner.played, state.games.games, numbers, keys)
        return state._replace(games=reanalysis.take_up(state.games, found))

    return reanalyse


def _make_walk(settings: Settings, mesh, constants: Constants, act_key) -> Callable:
    """Makes state -> (state, outcomes): a round of games on sums, shared among devices."""
    config, agent = settings.config.neighbourhood, settings.agent

    def walk_share(params, walks: neighbourhood.Walks, longest, keys):
        arrays = jax.tree.map(jnp.asarray, constants)

        def step(walks, index):
            step_keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
            return neighbourhood.step(params, agent, arrays, walks, longest, step_keys)

        walks, outcomes = jax.lax.scan(step, walks, jnp.arange(config.steps))
        gather = functools.partial(jax.lax.all_gather, axis_name=devices.DATA, tiled=True)
        outcomes = jax.tree.map(lambda x: jnp.sum(x, axis=0), outcomes)
        return jax.tree.map(gather, walks), jax.lax.psum(outcomes, devices.DATA)

    def walk(state: TrainState):
        round_key = jax.random.fold_in(act_key, state.rounds)
        restart_key, walk_key = jax.random.split(round_key)
        keys = jax.random.split(walk_key, config.walks)
        data = PartitionSpec(devices.DATA)
        share = _on_all_devices(walk_share, mesh, (PartitionSpec(), data, data, data))
        longest = neighbourhood.best_ranks(state.walks) + config.margin
        walks, outcomes = share(state.learner.played, state.walks, longest, keys)
        walks = neighbourhood.restart(walks, restart_key, config.restart)
        return state._replace(walks=walks, rounds=state.rounds + 1), outcomes

    return walk


def _make_learn(settings: Settings, mesh, constants: Constants, learn_key) -> Callable:
    """Makes (state, mixture) -> (state, losses), every device with its share of each batch."""
    agent, walks_share = settings.agent, settings.config.neighbourhood.share
    shard = learner.Shard(
        updates=settings.config.train.updates_per_call,
        devices=mesh.shape[devices.DATA],
        axis=devices.DATA,
    )

    def learn_share(state: TrainState, key, mixture, constants):
        def draw(keys):
            if state.walks is not None:
                return neighbourhood.draw_examples(keys, state.walks, walks_share, agent)
            experience = batches.Experience(state.games, state.best_games, mixture)
            return batches.draw_examples(keys, experience, constants, agent)

        permutations = constants.permutations
        return learner.learn(state.learner, key, draw, permutations, agent=agent, shard=shard)

    def learn(state: TrainState, mixture: jax.Array) -> tuple[TrainState, learner.Losses]:
        key = jax.random.fold_in(learn_key, state.learner.step)
        arrays = jax.tree.map(jnp.asarray, constants)
        share = _on_all_devices(learn_share, mesh, (PartitionSpec(),) * 4)
        learnt, losses = share(state, key, mixture, arrays)
        return state._replace(learner=learnt), losses

    return learn


def _init(settings: Settings, play: Callable, key: jax.Array) -> TrainState:
    """Returns random parameters, and empty buffers or walks at their start."""
    state, train = learner.init(key, settings.agent), settings.config.train
    rounds = jnp.zeros((), jnp.int32)
    if settings.config.neighbourhood.walks:
        walks = jax.tree.map(jnp.asarray, first_walks(settings))
        return TrainState(learner=state, games=None, best_games=None, walks=walks, rounds=rounds)
    batch, _ = jax.eval_shape(play, state.params, jnp.zeros((), jnp.int32))
    game = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batch)
    return TrainState(
        learner=state,
        games=replay.empty_ring(game, train.game_buffer),
        best_games=replay.empty_best(game, train.best_buffer),
        walks=None,
        rounds=rounds,
    )


def _with_shardings(shapes: TrainState, mesh: jax.sharding.Mesh) -> TrainState:
    """Adds shardings to shapes: the learner's split over the model axis, all else replicated."""
    shardings = jax.tree.map(lambda _: devices.replicated(mesh), shapes)
    split = jax.tree.map(lambda x: devices.split_over_model(mesh, x.shape), shapes.learner)
    shardings = shardings._replace(learner=split)
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), shapes, shardings
    )
