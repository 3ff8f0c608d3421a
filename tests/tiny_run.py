"""A whole run of the training command in a few seconds, for tests of processes."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np

from experiments.configs import quickstart

ROOT = pathlib.Path(__file__).parents[1]


def tiny_config(**changes):
    """Rank-1 and rank-2 tensors of side 2: learnt in seconds."""
    config = quickstart.get_config()
    config.target = "1x2x1"  # an inner product: rank 2
    config.update(dict(ring="Z", entries=(-1, 0, 1), entries_per_token=2))
    config.demonstrations.probabilities = (0.25, 0.5, 0.25)
    config.train.lift = False
    config.demonstrations.max_rank = 2
    config.game.max_moves = 3
    config.network.update(dict(channels=16, torso_blocks=1, head_size=8, policy_width=16))
    config.network.value_width = 16
    config.search.update(dict(simulations=8, samples=8))
    config.learner.update(dict(batch_size=16, learning_rate=5e-3))
    config.train.update(
        dict(games=8, updates_per_call=50, warmup_updates=50, updates_per_round=50, goal=(2,))
    )
    config.train.update(dict(game_buffer=16, best_buffer=4, max_rounds=6, max_seconds=0.0))
    for field, value in changes.items():
        section, _, name = field.rpartition("__")
        (config[section] if section else config)[name] = value
    return config


TINY = [
    "--config.target=1x2x1", "--config.entries=(0,1)", "--config.entries_per_token=2",
    "--config.demonstrations.max_rank=2", "--config.game.max_moves=3",
    "--config.network.channels=16", "--config.network.torso_blocks=1",
    "--config.network.head_size=8", "--config.network.policy_width=16",
    "--config.network.value_width=16", "--config.search.simulations=8",
    "--config.search.samples=8", "--config.learner.batch_size=16", "--config.train.games=8",
    "--config.train.updates_per_call=5", "--config.train.warmup_updates=5",
    "--config.train.updates_per_round=5", "--config.train.game_buffer=16",
    "--config.train.best_buffer=4", "--config.train.max_rounds=14", "--config.train.goal=()",
    "--config.checkpoint.minutes=0.0",
]  # fmt: skip


def run(output, *more, limit: int = 0, prelude: str = "", **options):
    """Starts the command.

    Args:
      output: folder of the run.
      more: flags.
      limit: bound on the bytes of any file that it writes, as a full disk sets; 0 for none.
      prelude: Python that runs before the command, in its process.
      options: of `subprocess.Popen`.
    """
    start = ["-m", "experiments.train"]
    if prelude or limit:
        bound = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        )
        begin = "import runpy; runpy.run_module('experiments.train', run_name='__main__')\n"
        start = ["-c", f"{bound if limit else ''}{prelude}\n{begin}"]
    config = ROOT / "experiments/configs/quickstart.py"
    command = [
        sys.executable, *start, f"--config={config}", f"--config.output={output}", *TINY, *more,
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )


def finish(process) -> str:
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def last_state(output) -> dict[str, np.ndarray]:
    """Every byte of a run's last checkpoint, with the counters of its manifest."""
    import orbax.checkpoint as ocp

    folder = pathlib.Path(output) / "checkpoints"
    newest = sorted(folder.glob("*.json"))[-1]
    path, reader = newest.with_suffix("").resolve(), ocp.StandardCheckpointer()
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
        reader.metadata(path).item_metadata.tree,
    )
    state = reader.restore(path, like)
    leaves = jax.tree_util.tree_leaves_with_path(state)
    progress = json.loads(newest.read_text())["progress"]
    found = {jax.tree_util.keystr(path): np.asarray(x) for path, x in leaves}
    return found | {"rounds": progress["rounds"], "findings": progress["findings"]}
