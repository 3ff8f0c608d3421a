"""Measures what a network has learnt from demonstrations after some seconds of learning.

    python -m benchmarking.learning_speed --config=quickstart --marks=120,300,900
    python -m benchmarking.learning_speed --config=quickstart --config.learner.average=0.998

At each mark it reports, for demonstrations that were not learnt from, the policy's loss by both
rules of `learner.policy_loss`, and how often a right move is among those that the search draws; and
the share of a round of games that are solved, with the parameters that games are played with.
Seconds are those of learning alone, without compilation. Writes OUTPUT.csv.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from alphatensor.agent import batches
from alphatensor.agent.agent import Agent
from alphatensor.config import ConfigError
from alphatensor.training import devices, diagnosis, settings
from alphatensor.training.loop import ONLY_DEMONSTRATIONS
from alphatensor.training.programs import Programs, constants_of, make_programs
from alphatensor.training.state import TrainState
from benchmarking import report
from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _CONFIG = command.config_flag()
    _MARKS = flags.DEFINE_list("marks", ["120", "300", "900"], "Seconds of learning to look after.")
    _OUTPUT = flags.DEFINE_string(
        "output", "runs/learning_speed", "Path of the table, without .csv."
    )

POSITIONS = 2_048
HELD_OUT_SEED = 2**31 - 1

COLUMNS = {
    "seconds": "s",
    "updates": "updates",
    "positions_per_second": "positions/s",
    "loss_mean": "loss mean",
    "loss_any": "loss any",
    "right_drawn": "a right move drawn",
    "solved": "games solved",
    "best_rank": "best rank",
}


def main() -> None:
    config = command.config_of(_CONFIG)
    marks = sorted(command.checked_integers(_MARKS, 1, 10**6))
    given = settings.from_config(config)
    if given.config.neighbourhood.walks:
        raise ValueError("--config.neighbourhood.walks: expected 0, games on whole targets.")
    output = report.table_path(_OUTPUT.value)
    devices.use_all_cores()
    print(" | ".join(COLUMNS.values()))
    rows = []
    for row in measure(given, marks):
        rows.append(row)
        print(" | ".join(_text(row[name]) for name in COLUMNS), flush=True)
        report.write_records(output, rows)


def measure(given: settings.Settings, marks: list[int]):
    """Yields a row of `COLUMNS` at each mark, in seconds of learning.

    Args:
      given: the run, of games on whole targets.
      marks: increasing.
    """
    programs, mixture = make_programs(given), np.array(ONLY_DEMONSTRATIONS, np.float32)
    jax.block_until_ready(programs.learn(programs.init(), mixture))
    state = jax.block_until_ready(programs.init())
    look, elapsed = _look(given, programs.init()), 0.0
    for mark in marks:
        while elapsed < mark:
            begin = time.monotonic()
            state, losses = programs.learn(state, mixture)
            jax.block_until_ready(state)
            elapsed += time.monotonic() - begin
            if not losses.finite:
                rate = given.config.learner.learning_rate
                raise ConfigError("learner.learning_rate", rate, "less: the loss is not finite")
        yield _row(given, programs, look, state, elapsed)


def _row(
    given: settings.Settings, programs: Programs, look, state: TrainState, elapsed: float
) -> dict[str, Any]:
    """Looks at what parameters know, and plays a round of games with them."""
    known = {name: float(x) for name, x in look(state.learner.played).items()}
    games, _ = programs.act(state)
    lengths = np.array(games.length)[np.array(games.solved)]
    updates = int(state.learner.step)
    return {
        "seconds": round(elapsed),
        "updates": updates,
        "positions_per_second": updates * given.config.learner.batch_size / elapsed,
        **known,
        "solved": float(np.mean(games.solved)),
        "best_rank": int(lengths.min()) if len(lengths) else 0,
    }


def _look(given: settings.Settings, state: TrainState):
    """Returns params -> what they know of `POSITIONS` demonstrations, the same ones each time."""
    constants, agent = jax.tree.map(jnp.asarray, constants_of(given)), given.agent
    experience = batches.Experience(state.games, state.best_games, jnp.array(ONLY_DEMONSTRATIONS))

    def draw(keys):
        return batches.draw_examples(keys, experience, constants, agent)[0]

    @jax.jit
    def look(params):
        keys = jax.random.split(jax.random.key(HELD_OUT_SEED), POSITIONS)
        mean, best = (
            diagnosis.look(params, keys, draw, constants.permutations, _with_loss(agent, loss))
            for loss in ("mean", "any")
        )
        return {
            "loss_mean": jnp.mean(mean.loss),
            "loss_any": jnp.mean(best.loss),
            "right_drawn": jnp.mean(best.known > 0),
        }

    return look


def _with_loss(agent: Agent, loss: str) -> Agent:
    config = agent.config
    return agent._replace(config=config.replace(learner=config.learner.replace(policy_loss=loss)))


def _text(x: Any) -> str:
    return f"{x:.3g}" if isinstance(x, float) and x < 100 else f"{x:,.0f}"


if __name__ == "__main__":
    command.run(main, "alphatensor.training.config:RunConfig")
