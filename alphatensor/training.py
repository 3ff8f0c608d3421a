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
from alphatensor import bases, learner, replay, self_play
from alphatensor.factorization import Factorization, canonical, lift
from alphatensor.settings import Settings


class NonFiniteLossError(RuntimeError):
    """A loss or gradient was NaN or infinite; `state` is the state after the failing call."""

    def __init__(self, state: "TrainState", losses: learner.Losses):
        self.state = state
        step = int(state.learner.step)
        super().__init__(
            f"the loss is not finite by update {step} (policy {losses.policy:.4g}, value "
            f"{losses.value:.4g}); lower --config.learner.learning_rate"
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


class Played(NamedTuple):
    """What the host needs of a round of games, leaves [B, ...], see `self_play.Games`."""

    actions: jax.Array
    length: jax.Array
    solved: jax.Array
    target: jax.Array
    inverse: jax.Array
    returns: jax.Array


class Programs(NamedTuple):
    """The compiled functions of a run.

    Attributes:
      init: () -> TrainState.
      learn: (TrainState, mixture float32 [3]) -> (TrainState, Losses).
      act: TrainState -> (TrainState, Played, Statistics).
    """

    init: Any
    learn: Any
    act: Any


class Report(NamedTuple):
    """What happened in one turn of the loop.

    Attributes:
      seconds: since the loop started, compilation included.
      updates, rounds: made so far.
      scalars: name -> value, for curves.
      found: verified factorisations that beat the run's best, best last.
      best: best rank of each target so far, None before the first.
    """

    seconds: float
    updates: int
    rounds: int
    scalars: dict[str, float]
    found: list[Factorization]
    best: tuple[int | None, ...]


def make_programs(settings: Settings) -> Programs:
    """Builds the jitted functions; nothing is compiled before the first call."""
    agent, symmetries = settings.agent, settings.symmetries
    side = agent.rules.side
    root = jax.random.key(settings.seed)
    init_key, permutation_key, bases_key, learn_key, act_key = jax.random.split(root, 5)
    tensors = jnp.array([_padded(t.tensor, side) for t in settings.targets])
    supports = jnp.array([[np.arange(side) < s for s in t.shape] for t in settings.targets])
    permutations = _permutation_bank(permutation_key, settings)

    def play_share(params, keys):
        games, statistics = self_play.play(
            params, agent, permutations, tensors, symmetries, bases_key, keys
        )
        gather = functools.partial(jax.lax.all_gather, axis_name=_AXIS, tiled=True)
        return jax.tree.map(gather, games), jax.lax.pmean(statistics, _AXIS)

    def play(params, rounds):
        keys = jax.random.split(jax.random.fold_in(act_key, rounds), settings.train.games)
        return _on_all_devices(play_share, (PartitionSpec(), PartitionSpec(_AXIS)))(params, keys)

    learn_share = functools.partial(
        learner.learn,
        agent=agent,
        law=settings.law,
        config=settings.learner,
        updates=settings.train.updates_per_call,
        devices=jax.device_count(),
        axis=_AXIS,
    )

    # One sharding throughout, or the second call of each program would compile it again.
    replicated = jax.sharding.NamedSharding(_mesh(), PartitionSpec())

    @functools.partial(jax.jit, out_shardings=replicated)
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

    @functools.partial(jax.jit, donate_argnums=0, out_shardings=replicated)
    def learn(state: TrainState, mixture: jax.Array):
        learnt, losses = _on_all_devices(learn_share, (PartitionSpec(),) * 7)(
            state.learner,
            jax.random.fold_in(learn_key, state.learner.step),
            state.games,
            state.best_games,
            mixture,
            supports,
            permutations,
        )
        return state._replace(learner=learnt), losses

    @functools.partial(jax.jit, donate_argnums=0, out_shardings=replicated)
    def act(state: TrainState):
        games, statistics = play(state.learner.params, state.rounds)
        after = state._replace(
            games=replay.add(state.games, games),
            best_games=replay.add_best(state.best_games, games, settings.train.best_slack),
            rounds=state.rounds + 1,
        )
        played = Played(*(getattr(games, name) for name in Played._fields))
        return after, played._replace(returns=games.returns[:, 0]), statistics

    return Programs(init, learn, act)


_AXIS = "data"


def _mesh() -> jax.sharding.Mesh:
    return jax.sharding.Mesh(np.array(jax.devices()), (_AXIS,))


def _on_all_devices(function, in_specs):
    """Runs a function once on each device of the data axis; results are the same everywhere."""
    # The check cannot see through mctx's loops; results are made equal by gathers and means.
    return jax.shard_map(
        function, mesh=_mesh(), in_specs=in_specs, out_specs=PartitionSpec(), check_vma=False
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


def factorization_of(played: Played, index: int, settings: Settings) -> Factorization | None:
    """Game `index`, if solved, as a factorisation in the canonical basis; None if it is wrong.

    The check is exact and independent of the game: the factors must sum to the target.
    """
    ring = settings.agent.rules.ring
    target = settings.targets[int(played.target[index])]
    actions = np.array(played.actions[index, : played.length[index]], np.int64)
    matrices = np.array(played.inverse[index], np.int64)
    factors = ring.reduce(np.einsum("mij,tmj->mit", matrices, actions))
    useful = np.all(np.any(factors != 0, axis=1), axis=0)
    u, v, w = (factors[mode, :size][:, useful] for mode, size in enumerate(target.shape))
    found = Factorization(target, ring, u, v, w, {})
    return canonical(found) if found.verify().ok else None


def _new_records(
    played: Played, best: list[int | None], settings: Settings, provenance: dict
) -> list[Factorization]:
    """Verified factorisations of this round that beat the best of their target; updates `best`."""
    found = []
    order = np.argsort(np.where(played.solved, played.length, np.iinfo(np.int32).max))
    for index in order[: int(np.sum(played.solved))]:
        target = int(played.target[index])
        if best[target] is not None and played.length[index] >= best[target]:
            continue
        candidate = factorization_of(played, index, settings)
        if candidate is None:
            continue
        lifted = lift(candidate) if settings.train.lift else None
        if settings.train.lift and lifted is None:
            continue  # the run seeks an algorithm over the integers; another game may lift
        best[target] = candidate.rank
        for f in (candidate, lifted):
            if f is not None:
                found.append(Factorization(f.target, f.ring, f.u, f.v, f.w, provenance))
    return found


def train(
    settings: Settings, state: TrainState | None = None
) -> Iterator[tuple[TrainState, Report]]:
    """Runs until the goal or a limit is reached, yielding the state and a report at each turn.

    The yielded state is valid until the next turn, which consumes it.

    Raises:
      NonFiniteLossError: as soon as a call's losses are not finite.
    """
    started = time.monotonic()
    programs, config = make_programs(settings), settings.train
    state = programs.init() if state is None else state
    supervised, mixed = jnp.array([1.0, 0.0, 0.0]), jnp.array(config.mixture)
    best: list[int | None] = [None] * len(settings.targets)
    simulations = config.games * settings.agent.rules.max_moves * settings.agent.config.simulations

    while True:
        warm = int(state.learner.step) >= config.warmup_updates
        scalars: dict[str, float] = {}
        calls = config.updates_per_round // config.updates_per_call if warm else 1
        begin = time.monotonic()
        for _ in range(calls):
            state, losses = programs.learn(state, mixed if warm else supervised)
        losses = jax.device_get(losses)
        if not losses.finite:
            raise NonFiniteLossError(state, losses)
        elapsed = time.monotonic() - begin
        positions = calls * config.updates_per_call * settings.learner.batch_size
        scalars |= {f"loss/{k}": float(v) for k, v in losses._asdict().items() if k != "finite"}
        scalars["speed/positions_per_second"] = positions / elapsed

        found: list[Factorization] = []
        updates = int(state.learner.step)
        if updates >= config.warmup_updates:
            begin = time.monotonic()
            state, played, statistics = programs.act(state)
            played, statistics = jax.device_get((played, statistics))
            elapsed = time.monotonic() - begin
            provenance = {
                "engine": "agent",
                "version": alphatensor.__version__,
                "seed": settings.seed,
                "updates": updates,
                "rounds": int(state.rounds),
                "seconds": round(time.monotonic() - started, 1),
            }
            found = _new_records(played, best, settings, provenance)
            scalars |= _game_scalars(played, statistics)
            scalars["speed/games_per_second"] = config.games / elapsed
            scalars["speed/simulations_per_second"] = simulations / elapsed

        seconds = time.monotonic() - started
        yield state, Report(seconds, updates, int(state.rounds), scalars, found, tuple(best))
        if config.goal and all(b and b <= g for b, g in zip(best, config.goal, strict=True)):
            return
        if config.max_seconds and seconds >= config.max_seconds:
            return
        if config.max_rounds and int(state.rounds) >= config.max_rounds:
            return


def _game_scalars(played: Played, statistics: self_play.Statistics) -> dict[str, float]:
    scalars = {
        "games/solved": float(np.mean(played.solved)),
        "games/mean_return": float(np.mean(played.returns)),
    }
    if np.any(played.solved):
        lengths = played.length[played.solved]
        scalars["games/best_rank"] = float(np.min(lengths))
        scalars["games/mean_rank"] = float(np.mean(lengths))
    return scalars | {f"search/{k}": float(v) for k, v in statistics._asdict().items()}
