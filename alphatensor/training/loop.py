"""The training loop: learn, act, store, report.

All that a run knows is one `Snapshot`; a round is two kinds of compiled calls, `learn` and `act`,
and between them the host verifies what was found. The loop writes no files: `runner` does.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

import alphatensor
from alphatensor.agent import batches, learner, self_play
from alphatensor.agent.neighbourhood import SOURCES as SOURCES_OF_WALKS
from alphatensor.factorization import Factorization
from alphatensor.training import (
    devices,
    discoveries,
    external_games,
    neighbourhood,
    runtime_reward,
)
from alphatensor.training.discoveries import PlayedGames
from alphatensor.training.programs import Programs, make_programs
from alphatensor.training.settings import Settings
from alphatensor.training.state import Findings, Report, Snapshot, TrainState, first_findings

LOWERED_SCALE = 0.1  # of the learning rate after a loss that was not finite
ONLY_DEMONSTRATIONS = (1.0, 0.0, 0.0)


class NonFiniteLossError(RuntimeError):
    """Raised for a loss that is NaN or infinite at the lowered learning rate too.

    Attributes:
      state: the last good state.
    """

    def __init__(self, state: TrainState, losses: learner.Losses):
        self.state = state
        step = int(state.learner.step)
        super().__init__(
            f"the loss is not finite after update {step} (policy {losses.policy:.4g}, value "
            f"{losses.value:.4g}), at {LOWERED_SCALE} of the learning rate too; lower "
            "learner.learning_rate"
        )


class Round(NamedTuple):
    """Says what one round of games gave.

    Attributes:
      found: verified factorisations that beat the run's best, best last.
      lengths: int [G], moves of the solved games.
      scalars: name -> value, for curves.
      notes: lines for the user.
    """

    found: list[Factorization]
    lengths: np.ndarray
    scalars: dict[str, float]
    notes: tuple[str, ...] = ()


def train(
    settings: Settings, programs: Programs | None = None, start: Snapshot | None = None
) -> Iterator[tuple[Snapshot, Report]]:
    """Runs until the goal or a limit is reached, yielding where it stands and what happened.

    A yielded snapshot is valid until the next one, which consumes its arrays. In a run of several
    processes all of them run this, and all get the same snapshots and reports but for the times.

    Args:
      settings: settings of the run.
      programs: what `make_programs` gives for these settings, where the caller has it already.
      start: where an earlier run stood.

    Raises:
      NonFiniteLossError: when losses are not finite although the rate has been lowered once.
    """
    programs = programs or make_programs(settings)
    if start is None:
        start = Snapshot(programs.init(), first_findings(settings), 0.0)
    state, findings, _ = start
    started = time.monotonic() - start.seconds
    warmup = settings.config.train.warmup_updates

    while not _is_over(settings, findings, int(state.rounds), time.monotonic() - started):
        scalars: dict[str, float] = {}
        if _has_examples(settings, int(state.rounds)):
            state, scalars = _learn(state, settings, programs)
        played = Round([], np.zeros(0, np.int32), {})
        if int(state.learner.step) >= warmup:
            snapshot = Snapshot(state, findings, time.monotonic() - started)
            play = _walk if programs.walk else _play
            state, findings, played = play(snapshot, settings, programs)
        scalars |= played.scalars | {"memory/peak_bytes": devices.peak_bytes()}
        report = Report(
            seconds=time.monotonic() - started,
            updates=int(state.learner.step),
            rounds=int(state.rounds),
            scalars=scalars,
            lengths=played.lengths,
            found=played.found,
            best=findings.ranks,
            notes=played.notes,
        )
        yield Snapshot(state, findings, report.seconds), report


def _has_examples(settings: Settings, rounds: int) -> bool:
    """Says whether there is something to learn from: demonstrations, or games of earlier rounds."""
    train = settings.config.train
    return rounds > 0 or train.warmup_updates > 0 or train.mixture[0] > 0


def _learn(
    state: TrainState, settings: Settings, programs: Programs
) -> tuple[TrainState, dict[str, float]]:
    """Makes the updates before the next round of games; one call while still warming up."""
    config = settings.config.train
    is_warm = int(state.learner.step) >= config.warmup_updates
    mixture = np.array(config.mixture if is_warm else ONLY_DEMONSTRATIONS, np.float32)
    calls = config.updates_per_round // config.updates_per_call if is_warm else 1
    begin = time.monotonic()
    for _ in range(calls):
        state, losses = programs.learn(state, mixture)
        if not losses.finite:
            state = _lower_rate(state, losses)
    losses = jax.device_get(losses)
    elapsed = time.monotonic() - begin
    positions = calls * config.updates_per_call * settings.config.learner.batch_size
    has_walks = programs.walk is not None
    scalars = _loss_scalars(losses, SOURCES_OF_WALKS if has_walks else batches.SOURCES)
    scalars["loss/rate"] = float(state.learner.lr_scale)
    scalars["speed/positions_per_second"] = positions / elapsed
    return state, scalars


def _play(
    snapshot: Snapshot, settings: Settings, programs: Programs
) -> tuple[TrainState, Findings, Round]:
    """Plays a round of games, verifies what they found, and takes up what others found."""
    state, findings, seconds = snapshot
    begin = time.monotonic()
    games, statistics = programs.act(state)
    played, statistics = jax.device_get((discoveries.of_games(games), statistics))
    elapsed = time.monotonic() - begin

    bonus, timed = np.zeros(settings.config.train.games, np.float32), []
    if settings.config.train.runtime_weight:
        solved = discoveries.solved_algorithms(played, settings)
        bonus, timed, findings = runtime_reward.pay(solved, findings, settings.config.train)
    state = programs.store(state, games, bonus)
    if programs.reanalyse:
        state = programs.reanalyse(state)

    provenance = _provenance(state, settings, seconds + time.monotonic() - begin)
    found, findings = discoveries.new_records(played, findings, settings, provenance)
    faster, findings = discoveries.faster(timed, findings, settings, provenance)
    others, findings, notes = external_games.algorithms_of_others(
        found + faster, int(state.rounds), findings, settings
    )
    state = _feed(state, others, settings, programs)
    from_others = []
    for f in others:
        news, findings = discoveries.record(f, findings, settings)
        from_others += [x.replace(provenance=provenance | x.provenance) for x in news]
    scalars = _game_scalars(played, statistics) | _speed_scalars(settings, elapsed)
    lengths, found = played.length[played.solved], found + faster + from_others
    return state, findings, Round(found, lengths, scalars, tuple(notes))


def _walk(
    snapshot: Snapshot, settings: Settings, programs: Programs
) -> tuple[TrainState, Findings, Round]:
    """Plays a round of games on sums of terms, and verifies the algorithms that they led to."""
    state, findings, seconds = snapshot
    begin = time.monotonic()
    state, outcomes = jax.block_until_ready(programs.walk(state))
    scalars = neighbourhood.scalars(state, outcomes, settings, begin)
    provenance = _provenance(state, settings, seconds + time.monotonic() - begin)
    found, findings = neighbourhood.new_records(state, findings, settings, provenance)
    if settings.config.train.has_walks:
        state, flipped, findings = neighbourhood.with_flips(state, findings, settings, provenance)
        found += flipped
    return state, findings, Round(found, np.zeros(0, np.int32), scalars)


def _provenance(state: TrainState, settings: Settings, seconds: float) -> dict:
    """Returns where what is found now comes from."""
    return {
        "engine": "agent",
        "version": alphatensor.__version__,
        "seed": settings.config.seed,
        "updates": int(state.learner.step),
        "rounds": int(state.rounds),
        "seconds": round(seconds, 1),
    }


def _feed(
    state: TrainState, others: list[Factorization], settings: Settings, programs: Programs
) -> TrainState:
    """Puts algorithms that others found among the best games."""
    if not others:
        return state
    key = jax.random.fold_in(jax.random.key(settings.config.seed), int(state.rounds))
    games = external_games.games_of(others, settings, key, settings.config.train.games)
    return programs.feed(state, games)


def _is_over(settings: Settings, findings: Findings, rounds: int, seconds: float) -> bool:
    """Says whether the goal or a limit is reached."""
    config = settings.config.train
    pairs = zip(findings.ranks, config.goal, strict=True) if config.goal else ()
    if config.goal and all(rank and rank <= goal for rank, goal in pairs):
        return True
    if config.max_rounds and rounds >= config.max_rounds:
        return True
    # Clocks differ between processes, and all must stop at the same time.
    limit = config.max_seconds
    return bool(limit) and devices.max_over_processes(np.array([seconds]))[0] >= limit


def _lower_rate(state: TrainState, losses: learner.Losses) -> TrainState:
    """Goes on more slowly, once, after updates that the learner has undone."""
    if float(state.learner.lr_scale) < 1.0:
        raise NonFiniteLossError(state, jax.device_get(losses))
    scale = jax.device_put(np.float32(LOWERED_SCALE), state.learner.lr_scale.sharding)
    return state._replace(learner=state.learner._replace(lr_scale=scale))


def _loss_scalars(losses: learner.Losses, sources: tuple[str, ...]) -> dict[str, float]:
    names = ("policy", "value", "total", "gradient_norm")
    scalars = {f"loss/{name}": float(getattr(losses, name)) for name in names}
    by_source = {"policy": losses.policy_by_source, "value": losses.value_by_source}
    for name, values in by_source.items():
        for source, value in zip(sources, values, strict=False):
            if np.isfinite(value):
                scalars[f"loss/{name}_{source}"] = float(value)
    return scalars


def _game_scalars(games: PlayedGames, statistics: self_play.Statistics) -> dict[str, float]:
    scalars = {
        "games/solved": float(np.mean(games.solved)),
        "games/mean_return": float(np.mean(games.total)),
    }
    if np.any(games.solved):
        lengths = games.length[games.solved]
        scalars["games/best_rank"] = float(np.min(lengths))
        scalars["games/mean_rank"] = float(np.mean(lengths))
    return scalars | {f"search/{k}": float(v) for k, v in statistics._asdict().items()}


def _speed_scalars(settings: Settings, elapsed: float) -> dict[str, float]:
    config = settings.config
    simulations = config.train.games * config.game.max_moves * config.search.simulations
    return {
        "speed/games_per_second": config.train.games / elapsed,
        "speed/simulations_per_second": simulations / elapsed,
    }
