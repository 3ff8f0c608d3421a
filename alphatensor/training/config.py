"""Every setting of a run: those of the agent (`agent.config`), of the loop, devices, checkpoints.

The paper does not say how many games are played for an update, nor the sizes of buffers: these
defaults are ours, chosen for the paper's scale.
"""

import dataclasses

from alphatensor.agent.config import AgentConfig
from alphatensor.config import (
    Config,
    boolean,
    integer,
    integers,
    number,
    path,
    require,
    section,
    seed,
    setting,
    shares,
    text,
)


@dataclasses.dataclass(frozen=True)
class TrainConfig(Config):
    """The loop: how games and updates alternate, when it ends, and what plays beside the agent."""

    games: int = setting(512, integer(least=1), "Games played at once in each round.")
    updates_per_call: int = setting(10, integer(least=1), "Updates of one compiled call.")
    warmup_updates: int = setting(
        10_000, integer(least=0), "Updates on demonstrations alone, before the first games."
    )
    updates_per_round: int = setting(
        1_000, integer(least=1), "Updates between two rounds of games."
    )
    mixture: tuple[float, ...] = setting(
        (0.5, 0.4, 0.1),
        shares(3),
        "Shares of demonstrations, recent games and best games after the warm-up.",
    )
    game_buffer: int = setting(4_096, integer(least=1), "Recent games that are kept.")
    best_buffer: int = setting(1_024, integer(least=1), "Best games that are kept.")
    reanalysed: int = setting(
        0,
        integer(least=0),
        "Positions of recent games, each of another game, that are searched again with the newest "
        "parameters after each round (not in the paper).",
    )
    best_slack: int = setting(
        0, integer(least=0), "Moves by which best games may exceed the best of their target."
    )
    goal: tuple[int, ...] = setting(
        (),
        integers(least=1),
        "Rank of each target at which the run ends; () to go on.",
        is_free=True,
    )
    max_seconds: float = setting(
        0.0,
        number(least=0),
        "Seconds after which it ends, by the clock: at another iteration each time; max_rounds "
        "repeats exactly. 0: none.",
        is_free=True,
    )
    max_rounds: int = setting(
        0, integer(least=0), "Rounds after which it ends; 0: none.", is_free=True
    )
    lift: bool = setting(
        False,
        boolean(),
        "Whether solutions mod 2 are lifted to the integers, and the goal is a rank over them.",
    )
    best_games_from: str = setting(
        "",
        text(),
        "Library whose algorithms join the best games after the first round; empty for none.",
    )
    flip_seconds: float = setting(
        0.0,
        number(least=0),
        "Seconds of flip-graph walks after each round of games. Their length depends on the clock, "
        "so such a run does not repeat exactly, and does not when it goes on; with flip_steps it "
        "does.",
    )
    flip_steps: int = setting(
        0,
        integer(least=0),
        "Compiled calls of flip-graph walks for each target after each round of games, instead of "
        "seconds; each call makes 3,000 tries of a flip a walker. Such a run repeats exactly.",
    )
    runtime_weight: float = setting(
        0.0,
        number(least=0),
        "Weight of measured run times in the reward of solved games. Measurements differ from run "
        "to run, so such a run does not repeat exactly; what a checkpoint holds of them is used "
        "again when a run goes on.",
    )
    runtime_size: int = setting(
        1_024, integer(least=1), "Rows of the square float32 matrices in those measurements."
    )
    runtime_measured: int = setting(
        8, integer(least=1), "New algorithms measured in each round at most."
    )

    def check(self) -> None:
        unit = self.updates_per_call
        for name in ("warmup_updates", "updates_per_round"):
            value = getattr(self, name)
            require(name, value, value % unit == 0, f"a multiple of updates_per_call={unit}")
        is_enough = self.game_buffer >= self.games
        require("game_buffer", self.game_buffer, is_enough, f"at least games={self.games}")
        fits = self.reanalysed <= self.game_buffer
        expected = f"at most game_buffer={self.game_buffer}"
        require("reanalysed", self.reanalysed, fits, expected)
        is_one = not (self.flip_seconds and self.flip_steps)
        require("flip_steps", self.flip_steps, is_one, "0 where flip_seconds is given")

    @property
    def has_walks(self) -> bool:
        """Whether flip-graph walks run beside the agent."""
        return self.flip_seconds > 0 or self.flip_steps > 0


@dataclasses.dataclass(frozen=True)
class MeshConfig(Config):
    """How devices are arranged."""

    data: int = setting(
        0,
        integer(least=0),
        "Devices that games and batches are split over; 0: all there are.",
        is_free=True,
    )
    model: int = setting(
        1, integer(least=1), "Devices that parameters are split over.", is_free=True
    )


@dataclasses.dataclass(frozen=True)
class CheckpointConfig(Config):
    """When the whole state of a run is stored."""

    minutes: float = setting(
        20.0,
        number(least=0),
        "Minutes between two checkpoints; without effect on results.",
        is_free=True,
    )
    keep: int = setting(
        3,
        integer(least=1),
        "Newest checkpoints that stay; those of a new best rank always do.",
        is_free=True,
    )


@dataclasses.dataclass(frozen=True)
class RunConfig(AgentConfig):
    """A whole run."""

    seed: int = setting(0, seed(), "Seed of all randomness.")
    output: str = setting(
        "runs/run", path(), "Folder for everything that the run writes.", is_free=True
    )
    target: str = setting(
        "2x2x2",
        text(),
        "What is decomposed: one or several of 2x2x3, ug3, gt3, skew4, cyclic5, poly4 or the path "
        "of an .npy file, separated by commas.",
    )
    train: TrainConfig = section(TrainConfig)
    mesh: MeshConfig = section(MeshConfig)
    checkpoint: CheckpointConfig = section(CheckpointConfig)

    def check(self) -> None:
        super().check()
        can_lift = not self.train.lift or self.ring == "Z2"
        require("train.lift", self.train.lift, can_lift, "False unless the ring is Z2")
