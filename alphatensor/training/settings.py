"""From a user's configuration to what the library works with; every mistake is caught here.

`from_config` raises `ValueError` with one line that names the field, what was given and what is
expected, before anything is compiled.
"""

import os
from typing import NamedTuple

import jax
import numpy as np

from alphatensor import rings, targets
from alphatensor.agent import actions as factors
from alphatensor.agent import demonstrations, environment, learner, networks, search, self_play
from alphatensor.training import devices

MAX_TOKEN_VALUES = 20_000


class TrainConfig(NamedTuple):
    """The loop's constants.

    Attributes:
      games: played at once in each round.
      updates_per_call: updates of one compiled learning call.
      warmup_updates: updates on demonstrations alone, before the first games.
      updates_per_round: updates between two rounds of games.
      mixture: shares of demonstrations, recent games and best games after the warm-up.
      game_buffer, best_buffer: capacities in games.
      best_slack: best games may be this much longer than the best known of their target.
      goal: the ranks at which to stop, one for each target; empty to go on.
      max_seconds, max_rounds: limits; 0 for none.
      lift: whether solutions mod 2 are lifted to the integers, and the goal asks for a lifted one.
      best_games_from: library whose algorithms are best games from the start; empty for none.
      flip_seconds: of flip-graph walks after each round of games, over Z2; 0 for none.
      runtime_weight: of the measured run time in the reward of solved games; 0 for none.
      runtime_size: of the square float32 matrices in those measurements.
      runtime_measured: new algorithms measured in each round.
    """

    games: int
    updates_per_call: int
    warmup_updates: int
    updates_per_round: int
    mixture: tuple[float, float, float]
    game_buffer: int
    best_buffer: int
    best_slack: int
    goal: tuple[int, ...]
    max_seconds: float
    max_rounds: int
    lift: bool
    best_games_from: str
    flip_seconds: float
    runtime_weight: float
    runtime_size: int
    runtime_measured: int


class MeshConfig(NamedTuple):
    """How devices are arranged.

    Attributes:
      data: games and batches are split over this many; 0: all that there are.
      model: parameters are split over this many.
    """

    data: int
    model: int


class CheckpointConfig(NamedTuple):
    """When the whole state of a run is stored.

    Attributes:
      minutes: between two checkpoints.
      keep: the newest ones that stay; those of a new best rank stay for ever.
    """

    minutes: float
    keep: int


class Settings(NamedTuple):
    """Everything a run needs beyond random numbers."""

    seed: int
    targets: tuple[targets.Target, ...]
    agent: search.Agent
    law: demonstrations.Law
    learner: learner.LearnerConfig
    symmetries: self_play.Symmetries
    num_permutations: int
    train: TrainConfig
    mesh: MeshConfig
    checkpoint: CheckpointConfig


def from_config(config) -> Settings:
    """Checks a `ConfigDict` (see experiments/configs/quickstart.py for the fields).

    Raises:
      ValueError: in one line, for the first field that does not fit.
    """
    ring = _field("ring", lambda: rings.parse(config.ring))
    names = [name for name in str(config.target).split(",") if name]
    found = tuple(_field("target", lambda n=n: targets.parse(n.strip())) for n in names)
    _check("target", config.target, found, "at least one target such as '2x2x2'")
    entries = _entries(config.entries, ring)
    shapes = [target.shape for target in found]
    sizes = tuple(max(shape[mode] for shape in shapes) for mode in range(3))
    side = max(sizes)

    _positive_integers(config, _INTEGER_FIELDS)
    _non_negative(config, _REAL_FIELDS)
    vocabulary = _vocabulary(config, entries, sizes, side)
    rules = environment.Rules(ring, side, config.game.max_moves, config.game.history)
    law = _law(config.demonstrations, entries)
    network_config, value_config = _network(config.network)
    network = networks.make_network(
        network_config, vocabulary.num_tokens, vocabulary.size, sizes, rules.history
    )
    search_config = _search(config.search)
    train = _train(config.train, found, ring)
    density, canonical = config.bases.density, config.bases.canonical_probability
    for name, value in [("density", density), ("canonical_probability", canonical)]:
        _check(f"bases.{name}", value, 0 <= value <= 1, "a probability from 0 to 1")
    _check_entry_bound(found, density)
    mesh = MeshConfig(**config.mesh)
    devices.make_mesh(*mesh)  # raises where it does not fit
    share = mesh.data or jax.device_count() // mesh.model
    for name, value in [
        ("train.games", train.games),
        ("learner.batch_size", config.learner.batch_size),
    ]:
        _check(name, value, value % share == 0, f"a multiple of the {share} devices")
    return Settings(
        seed=config.seed,
        targets=found,
        agent=search.Agent(network, rules, vocabulary, search_config, value_config),
        law=law,
        learner=learner.LearnerConfig(**config.learner),
        symmetries=self_play.Symmetries(
            sizes=tuple(shapes),
            density=density,
            canonical_probability=canonical,
            num_bases=config.bases.num_bases,
            shared=config.bases.shared,
        ),
        num_permutations=config.bases.signed_permutations,
        train=train,
        mesh=mesh,
        checkpoint=CheckpointConfig(**config.checkpoint),
    )


_INTEGER_FIELDS = (
    "entries_per_token", "game.max_moves", "game.history", "demonstrations.min_rank",
    "demonstrations.max_rank", "bases.num_bases", "bases.signed_permutations", "network.channels",
    "network.torso_blocks", "network.heads", "network.head_size", "network.widening",
    "network.policy_width", "network.policy_layers", "network.value_width", "network.quantiles",
    "search.simulations", "search.samples", "learner.batch_size", "learner.actions_per_state",
    "learner.decay_every",
    "train.games", "train.updates_per_call", "train.updates_per_round", "train.game_buffer",
    "train.best_buffer", "train.runtime_size", "train.runtime_measured", "mesh.model",
    "checkpoint.keep",
)  # fmt: skip

_REAL_FIELDS = (
    "learner.learning_rate", "learner.decay_factor", "learner.weight_decay", "learner.clip_norm",
    "learner.policy_weight", "learner.value_weight", "learner.shuffle_probability",
    "search.c_init", "search.c_base", "search.root_noise", "search.root_concentration",
    "network.dropout", "train.max_seconds", "train.max_rounds", "train.best_slack",
    "train.warmup_updates", "seed", "mesh.data", "checkpoint.minutes",
    "train.flip_seconds", "train.runtime_weight",
)  # fmt: skip


def _fail(field: str, given, expected: str):
    raise ValueError(f"--config.{field}={given!r}: expected {expected}.")


def _check(field: str, given, is_right, expected: str) -> None:
    if not is_right:
        _fail(field, given, expected)


def _field(field: str, parse):
    """Runs a parser whose `ValueError` says all but the field's name."""
    try:
        return parse()
    except ValueError as error:
        raise ValueError(f"--config.{field}: {error}") from None


def _lookup(config, field: str):
    for part in field.split("."):
        config = config[part]
    return config


def _positive_integers(config, fields) -> None:
    for field in fields:
        value = _lookup(config, field)
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        _check(field, value, is_integer and value >= 1, "an integer of at least 1")


def _non_negative(config, fields) -> None:
    for field in fields:
        value = _lookup(config, field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _check(field, value, is_number and value >= 0, "a number of at least 0")


def _entries(given, ring: rings.Ring) -> tuple[int, ...]:
    """The set F: sorted, with 0, closed under what canonical forms need."""
    expected = "a set of at least two different integers that contains 0, such as (-1, 0, 1)"
    if not isinstance(given, tuple | list):
        _fail("entries", given, expected)
    is_integer = all(isinstance(x, int) and not isinstance(x, bool) for x in given)
    if not is_integer or len(given) < 2 or len(set(given)) != len(given) or 0 not in given:
        _fail("entries", given, expected)
    entries = tuple(sorted(given))
    if ring.is_modular:
        residues = tuple(range(ring.modulus))
        _check("entries", given, entries == residues, f"{residues}, all residues of {ring}")
    else:
        is_closed = all(-x in entries for x in entries)
        _check(
            "entries",
            given,
            is_closed and entries[-1] <= 100,
            "a set of small integers closed under negation",
        )
    return entries


def _vocabulary(config, entries, sizes, side: int) -> factors.Vocabulary:
    d = config.entries_per_token
    values = len(entries) ** min(d, 64)
    expected = f"so few entries a token that |F|^d is at most {MAX_TOKEN_VALUES}"
    _check("entries_per_token", d, values <= MAX_TOKEN_VALUES, expected)
    vocabulary = factors.Vocabulary(entries, d, sizes, side)
    k = config.num_tokens
    if k and (not isinstance(k, int) or k * d < sum(sizes)):
        needed = (
            f"at least {vocabulary.num_tokens}, to cover S_u + S_v + S_w = {sum(sizes)} entries"
        )
        _fail("num_tokens", k, f"{needed} with {d} a token (0 chooses)")
    return vocabulary


def _law(config, entries) -> demonstrations.Law:
    given = tuple(config.probabilities)
    numbers = all(isinstance(x, int | float) and x >= 0 for x in given)
    right = numbers and len(given) == len(entries) and abs(sum(given) - 1) < 1e-6
    right = right and any(p > 0 for p, x in zip(given, entries, strict=False) if x)
    expected = (
        f"{len(entries)} probabilities that sum to 1, one for each of {entries}, not all on 0"
    )
    _check("demonstrations.probabilities", given, right, expected)
    low, high = config.min_rank, config.max_rank
    _check("demonstrations.max_rank", high, high >= low, f"at least min_rank={low}")
    return demonstrations.Law(low, high, entries, given)


def _network(config) -> tuple[networks.NetworkConfig, networks.ValueConfig]:
    _check("network.dropout", config.dropout, config.dropout < 1, "a rate from 0 to below 1")
    q, risk = config.quantiles, config.risk
    reached = isinstance(risk, int | float) and 0 <= risk < 1 - 0.5 / q
    _check("network.risk", risk, reached, f"a level from 0 to below the top quantile {1 - 0.5 / q}")
    torso = networks.TorsoConfig(
        config.channels, config.torso_blocks, config.heads, config.head_size, config.widening,
        bool(config.grid_positions), bool(config.rematerialise),
    )  # fmt: skip
    policy = networks.PolicyConfig(
        config.policy_width, config.policy_layers, config.policy_heads, config.head_size,
        config.widening, config.dropout,
    )  # fmt: skip
    value = networks.ValueConfig(config.value_width, q, risk)
    return networks.NetworkConfig(torso, policy, value), value


def _search(config) -> search.SearchConfig:
    kind = config.q_transform
    _check("search.q_transform", kind, kind in ("min_max", "raw"), "'min_max' or 'raw'")
    _check("search.root_noise", config.root_noise, config.root_noise <= 1, "a share from 0 to 1")
    n = config.visits_reference
    _check("search.visits_reference", n, isinstance(n, int) and n >= 2, "an integer of at least 2")
    return search.SearchConfig(**config)


def _train(config, found: tuple, ring: rings.Ring) -> TrainConfig:
    num_targets = len(found)
    mixture = tuple(config.mixture)
    right = len(mixture) == 3 and all(isinstance(x, int | float) and x >= 0 for x in mixture)
    right = right and abs(sum(mixture) - 1) < 1e-6
    expected = "three shares (demonstrations, games, best games) that sum to 1"
    _check("train.mixture", mixture, right, expected)
    for name in ("warmup_updates", "updates_per_round"):
        value, unit = config[name], config.updates_per_call
        expected = f"a multiple of train.updates_per_call={unit}"
        _check(f"train.{name}", value, value % unit == 0, expected)
    _check("train.game_buffer", config.game_buffer, config.game_buffer >= config.games,
           f"at least train.games={config.games}")  # fmt: skip
    goal = tuple(config.goal) if isinstance(config.goal, tuple | list) else (config.goal,)
    right = len(goal) in (0, num_targets) and all(isinstance(x, int) and x >= 1 for x in goal)
    _check("train.goal", goal, right, f"one rank for each of the {num_targets} targets, or ()")
    _check(
        "train.lift",
        config.lift,
        not config.lift or ring.modulus == 2,
        "False unless the ring is Z2",
    )
    library, flips = config.best_games_from, config.flip_seconds
    _check("train.best_games_from", library, not library or os.path.isdir(library), "a folder")
    is_matmul = all(target.sizes is not None for target in found)
    fits = is_matmul and max(max(target.shape) for target in found) <= 32
    possible = not flips or (ring.modulus == 2 and fits and jax.process_count() == 1)
    expected = "0 unless the ring is Z2, the targets matrix products, and there is one process"
    _check("train.flip_seconds", flips, possible, expected)
    weight = config.runtime_weight
    possible = is_matmul and (config.lift or not ring.is_modular)
    expected = "0 unless the targets are matrix products, over Z or lifted to Z"
    _check("train.runtime_weight", weight, not weight or possible, expected)
    return TrainConfig(**{**config, "mixture": mixture, "goal": goal, "lift": bool(config.lift)})


def _check_entry_bound(found, density: float) -> None:
    """Residuals are 16-bit: entries of a target in a dense random basis must fit easily."""
    for target in found:
        size = max(target.shape)
        growth = (1 + 2 * density * size) ** 3
        bound = float(np.abs(target.tensor).max()) * growth
        _check(
            "bases.density",
            density,
            bound < environment.MAX_ENTRY,
            f"a lower density for size {size}",
        )
