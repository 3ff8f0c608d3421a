"""The training loop: learn, act, store, evaluate.

Everything that changes during a run is one pytree, `TrainState`; a round is two compiled calls,
`learn` and `act`. Randomness is a function of the run's key and the counters, so a run that starts
again from a stored state goes on as if it had never stopped.
"""

import functools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

import alphatensor
from alphatensor.agent import bases, learner, replay, self_play
from alphatensor.factorization import Factorization
from alphatensor.training import devices, runtime_reward
from alphatensor.training import discoveries as records
from alphatensor.training import external_games as feeding
from alphatensor.training.settings import Settings

SOURCES = ("demonstrations", "games", "best_games")
LOWERED_RATE = 0.1  # of the learning rate after a loss that was not finite


class NonFiniteLossError(RuntimeError):
    """A loss was NaN or infinite at the lowered rate too; `state` is the last good one."""

    def __init__(self, state: "TrainState", losses: learner.Losses):
        self.state = state
        step = int(state.learner.step)
        super().__init__(
            f"the loss is not finite after update {step} (policy {losses.policy:.4g}, value "
            f"{losses.value:.4g}), at {LOWERED_RATE} of the learning rate too; lower "
            "--config.learner.learning_rate"
        )


class TrainState(NamedTuple):
    """All that changes during a run.

    Attributes:
      learner: parameters, optimiser, number of updates.
      games: buffer of recent games.
      best_games: buffer of the best games.
      rounds: int32 [], rounds of games played.
    """

    learner: learner.LearnerState
    games: replay.Buffer
    best_games: replay.Buffer
    rounds: jax.Array


class Snapshot(NamedTuple):
    """Where a run stands: all that it needs to go on as if it had never stopped.

    Attributes:
      state: the arrays.
      best: best rank of each target so far, None before the first.
      seconds: that the run has taken.
    """

    state: TrainState
    best: tuple[int | None, ...]
    seconds: float


class Programs(NamedTuple):
    """The compiled functions of a run.

    Attributes:
      mesh: the devices.
      shapes: of a TrainState, with shardings: what a checkpoint is restored into.
      init: () -> TrainState.
      learn: (TrainState, mixture float32 [3]) -> (TrainState, Losses).
      act: TrainState -> (Games [train.games, ...], Statistics).
      store: (TrainState, Games, bonus float32 [train.games]) -> TrainState after that round; the
        bonus is added to the returns of solved games.
      feed: (TrainState, Games [train.games, ...]) -> TrainState, with those among the best games.
    """

    mesh: jax.sharding.Mesh
    shapes: Any
    init: Any
    learn: Any
    act: Any
    store: Any
    feed: Any


class Report(NamedTuple):
    """What happened in one turn of the loop.

    Attributes:
      seconds: since the loop started, compilation included.
      updates, rounds: made so far.
      scalars: name -> value, for curves.
      lengths: int [G], moves of this turn's solved games.
      found: verified factorisations that beat the run's best, best last.
      best: best rank of each target so far, None before the first.
    """

    seconds: float
    updates: int
    rounds: int
    scalars: dict[str, float]
    lengths: np.ndarray
    found: list[Factorization]
    best: tuple[int | None, ...]


def make_programs(settings: Settings) -> Programs:
    """Builds the jitted functions over the configured mesh; nothing is compiled before a call."""
    agent, symmetries = settings.agent, settings.symmetries
    mesh = devices.make_mesh(*settings.mesh)
    root = jax.random.key(settings.seed)
    init_key, permutation_key, bases_key, learn_key, act_key = jax.random.split(root, 5)
    # Host arrays, which every process of a run can use; `jnp.asarray` makes them constants.
    side = agent.rules.side
    tensors = np.array([_padded(t.tensor, side) for t in settings.targets])
    supports = np.array([[np.arange(side) < s for s in t.shape] for t in settings.targets])
    permutations = jax.device_get(_permutation_bank(permutation_key, settings))

    def constants(*arrays):
        return jax.tree.map(jnp.asarray, arrays)

    def on_all_devices(function, in_specs):
        """Runs a function once on each device of the data axis; all results are the same."""
        # The check cannot see through mctx's loops; results are made equal by gathers and means.
        return jax.shard_map(
            function,
            mesh=mesh,
            in_specs=in_specs,
            out_specs=PartitionSpec(),
            axis_names={devices.DATA},
            check_vma=False,
        )

    def play_share(params, keys):
        games, statistics = self_play.play(
            params, agent, *constants(permutations, tensors), symmetries, bases_key, keys
        )
        gather = functools.partial(jax.lax.all_gather, axis_name=devices.DATA, tiled=True)
        return jax.tree.map(gather, games), jax.lax.pmean(statistics, devices.DATA)

    def play(params, rounds):
        keys = jax.random.split(jax.random.fold_in(act_key, rounds), settings.train.games)
        specs = (PartitionSpec(), PartitionSpec(devices.DATA))
        return on_all_devices(play_share, specs)(params, keys)

    learn_share = functools.partial(
        learner.learn,
        agent=agent,
        law=settings.law,
        config=settings.learner,
        updates=settings.train.updates_per_call,
        devices=mesh.shape[devices.DATA],
        axis=devices.DATA,
    )

    def init() -> TrainState:
        state = learner.init(init_key, agent, settings.learner)
        batch, _ = jax.eval_shape(play, state.params, jnp.zeros((), jnp.int32))
        game = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batch)
        return TrainState(
            learner=state,
            games=replay.empty(game, settings.train.game_buffer),
            best_games=replay.empty(game, settings.train.best_buffer),
            rounds=jnp.zeros((), jnp.int32),
        )

    # One sharding throughout, or the second call of each program would compile it again.
    replicated = devices.replicated(mesh)
    shapes = jax.eval_shape(init)
    shardings = jax.tree.map(lambda _: replicated, shapes)
    shardings = shardings._replace(
        learner=jax.tree.map(lambda x: devices.split_over_model(mesh, x.shape), shapes.learner)
    )
    shapes = jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), shapes, shardings
    )

    def learn(state: TrainState, mixture: jax.Array):
        learnt, losses = on_all_devices(learn_share, (PartitionSpec(),) * 7)(
            state.learner,
            jax.random.fold_in(learn_key, state.learner.step),
            state.games,
            state.best_games,
            mixture,
            *constants(supports, permutations),
        )
        return state._replace(learner=learnt), losses

    def act(state: TrainState):
        return play(state.learner.params, state.rounds)

    def store(state: TrainState, games: self_play.Games, bonus: jax.Array) -> TrainState:
        games = replay.with_bonus(games, bonus)
        return state._replace(
            games=replay.add(state.games, games),
            best_games=replay.add_best(state.best_games, games, settings.train.best_slack),
            rounds=state.rounds + 1,
        )

    def feed(state: TrainState, games: self_play.Games) -> TrainState:
        slack = settings.train.best_slack
        return state._replace(best_games=replay.add_best(state.best_games, games, slack))

    return Programs(
        mesh,
        shapes,
        jax.jit(init, out_shardings=shardings),
        jax.jit(learn, donate_argnums=0, out_shardings=(shardings, replicated)),
        jax.jit(act, out_shardings=replicated),
        jax.jit(store, donate_argnums=0, out_shardings=shardings),
        jax.jit(feed, donate_argnums=0, out_shardings=shardings),
    )


def _padded(tensor: np.ndarray, side: int) -> np.ndarray:
    return np.pad(tensor, [(0, side - size) for size in tensor.shape])


def _permutation_bank(key: jax.Array, settings: Settings) -> bases.SignedPermutation:
    """The run's signed permutations, leaves [P, 3, S].

    With one target each mode's own size is permuted; with several, the whole padded cube, and the
    support moves along.
    """
    rules = settings.agent.rules
    sizes = settings.symmetries.sizes
    moved = sizes[0] if len(set(sizes)) == 1 else (rules.side,) * 3
    draw = functools.partial(
        bases.random_signed_permutation,
        sizes=moved,
        side=rules.side,
        ring=rules.ring,
        shared=settings.symmetries.shared,
    )
    return jax.jit(jax.vmap(draw))(jax.random.split(key, settings.num_permutations))


def train(
    settings: Settings, programs: Programs | None = None, start: Snapshot | None = None
) -> Iterator[tuple[TrainState, Report]]:
    """Runs until the goal or a limit is reached, yielding the state and a report at each turn.

    The yielded state is valid until the next turn, which consumes it. In a run of several
    processes all of them run this, and all get the same states and reports but for the times.

    Args:
      settings: of the run.
      programs: of `make_programs`, where the caller has made them already.
      start: where an earlier run stood.

    Raises:
      NonFiniteLossError: when losses are not finite although the rate has been lowered once.
    """
    config = settings.train
    programs = programs or make_programs(settings)
    if start is None:
        start = Snapshot(programs.init(), (None,) * len(settings.targets), 0.0)
    state, best = start.state, list(start.best)
    partner = feeding.make_partner(settings)
    reward, fastest = runtime_reward.make_reward(settings), {}
    started = time.monotonic() - start.seconds
    supervised = np.array([1.0, 0.0, 0.0], np.float32)
    mixed = np.array(config.mixture, np.float32)
    simulations = config.games * settings.agent.rules.max_moves * settings.agent.config.simulations

    while not _is_over(config, best, int(state.rounds), time.monotonic() - started):
        warm = int(state.learner.step) >= config.warmup_updates
        scalars: dict[str, float] = {}
        calls = config.updates_per_round // config.updates_per_call if warm else 1
        begin = time.monotonic()
        for _ in range(calls):
            state, losses = programs.learn(state, mixed if warm else supervised)
            if not losses.finite:
                state = _lower_rate(state, losses)
        losses = jax.device_get(losses)
        elapsed = time.monotonic() - begin
        positions = calls * config.updates_per_call * settings.learner.batch_size
        scalars |= _loss_scalars(losses)
        scalars["loss/rate"] = float(state.learner.rate)
        scalars["speed/positions_per_second"] = positions / elapsed

        found: list[Factorization] = []
        lengths = np.zeros(0, np.int32)
        updates = int(state.learner.step)
        if updates >= config.warmup_updates:
            begin = time.monotonic()
            games, statistics = programs.act(state)
            played, statistics = jax.device_get((records.of_games(games), statistics))
            elapsed = time.monotonic() - begin
            bonus, timed = np.zeros(config.games, np.float32), []
            if reward is not None:
                bonus, timed = reward(records.solved_games(played, settings))
            state = programs.store(state, games, bonus)
            provenance = {
                "engine": "agent",
                "version": alphatensor.__version__,
                "seed": settings.seed,
                "updates": updates,
                "rounds": int(state.rounds),
                "seconds": round(time.monotonic() - started, 1),
            }
            found = records.new_records(played, best, settings, provenance)
            found += records.faster(timed, fastest, best, settings, provenance)
            if partner is not None:
                state, others = _exchange(partner, programs, state, found, best, settings)
                found += [f.replace(provenance=provenance | f.provenance) for f in others]
            lengths = played.length[played.solved]
            scalars |= _game_scalars(played, statistics)
            scalars["speed/games_per_second"] = config.games / elapsed
            scalars["speed/simulations_per_second"] = simulations / elapsed
        scalars["memory/peak_bytes"] = devices.peak_bytes()

        seconds = time.monotonic() - started
        rounds = int(state.rounds)
        yield state, Report(seconds, updates, rounds, scalars, lengths, found, tuple(best))


def _exchange(
    partner: feeding.Partner,
    programs: Programs,
    state: TrainState,
    found: list[Factorization],
    best: list[int | None],
    settings: Settings,
) -> tuple[TrainState, list[Factorization]]:
    """Shows the partner what the agent found and takes its algorithms among the best games.

    Returns the state and the partner's algorithms that are new bests; updates `best`.
    """
    rounds, names = int(state.rounds), [target.name for target in settings.targets]
    given = partner(found, rounds)
    if not given:
        return state, []
    key = jax.random.fold_in(jax.random.key(settings.seed), rounds)
    state = programs.feed(state, feeding.games_of(given, settings, key, settings.train.games))
    news = (records.record(f, names.index(f.target.name), best, settings) for f in given)
    return state, [f for new in news for f in new]


def _is_over(config, best: list[int | None], rounds: int, seconds: float) -> bool:
    if config.goal and all(b and b <= g for b, g in zip(best, config.goal, strict=True)):
        return True
    if config.max_rounds and rounds >= config.max_rounds:
        return True
    # Clocks differ between processes, and all must stop at the same turn.
    return bool(config.max_seconds) and devices.agree(np.array([seconds]))[0] >= config.max_seconds


def _lower_rate(state: TrainState, losses: learner.Losses) -> TrainState:
    """The learner has undone the bad updates; it goes on more slowly, once."""
    if float(state.learner.rate) < 1.0:
        raise NonFiniteLossError(state, jax.device_get(losses))
    rate = jax.device_put(np.float32(LOWERED_RATE), state.learner.rate.sharding)
    return state._replace(learner=state.learner._replace(rate=rate))


def _loss_scalars(losses: learner.Losses) -> dict[str, float]:
    names = ("policy", "value", "total", "gradient_norm")
    scalars = {f"loss/{name}": float(getattr(losses, name)) for name in names}
    for name in ("policy_by_source", "value_by_source"):
        for source, value in zip(SOURCES, getattr(losses, name), strict=True):
            if np.isfinite(value):
                scalars[f"loss/{name.split('_')[0]}_{source}"] = float(value)
    return scalars


def _game_scalars(played: records.Played, statistics: self_play.Statistics) -> dict[str, float]:
    scalars = {
        "games/solved": float(np.mean(played.solved)),
        "games/mean_return": float(np.mean(played.returns)),
    }
    if np.any(played.solved):
        lengths = played.length[played.solved]
        scalars["games/best_rank"] = float(np.min(lengths))
        scalars["games/mean_rank"] = float(np.mean(lengths))
    return scalars | {f"search/{k}": float(v) for k, v in statistics._asdict().items()}
